import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import session, { type Store } from 'express-session';
import { FileStore } from '../../lib/backends/file.js';
import { MemoryStore } from '../../lib/backends/memory.js';
import { SqliteStore } from '../../lib/backends/sqlite.js';
import { SessionStore } from '../../lib/store.js';
import { ScriptedBackend } from '../support/scripted-backend.js';
import { Random } from './random.js';
import { type Act, type AnySession, StagedApp } from './staged-app.js';

const KEYS = 50;
const HOUR = 3_600_000;

const stores: Record<string, (dir: string) => Store> = {
  MemoryStore: () => new MemoryStore(),
  'a store that answers later': () => new SessionStore(() => new ScriptedBackend({ promises: true })),
  FileStore: (dir) => new FileStore(dir),
  SqliteStore: (dir) => new SqliteStore(`${dir}.db`),
};

describe('50 requests at once on one session, each with a key of its own', function () {
  this.timeout(180_000);
  let dir: string;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'sessile-parallel-'));
  });

  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  for (const [name, open] of Object.entries(stores)) {
    for (const resave of [false, true]) {
      it(`${name}, resave: ${resave}: all keys, no \`old\`, the new maxAge; in 10 orders`, async () => {
        const seed = Date.now() % 1e9;
        for (let round = 0; round < 10; round += 1) {
          const found = await race(open(join(dir, `${round}`)), { resave, random: new Random(seed + round) });
          const { cookie, old, ...others } = found;
          const expected = Object.fromEntries(names().map((key) => [key, true]));
          expect(others, `seed ${seed + round}`).to.deep.equal({ ...expected, mine: 'kept' });
          expect(old).to.equal(undefined);
          expect(cookie.originalMaxAge).to.be.within(2 * HOUR - 60_000, 2 * HOUR);
          expect(Number(new Date(cookie.expires as Date)) - Date.now()).to.be.within(2 * HOUR - 60_000, 2 * HOUR);
        }
      });
    }
  }

  for (const what of ['saved', 'only touched']) {
    it(`a request that is ${what} and loses a tick of the clock leaves the maxAge of another alone`, async () => {
      const store = new MemoryStore();
      const app = await StagedApp.open(store, { resave: false, cookie: { maxAge: HOUR } });
      try {
        const login = await app.alone((req) => void Object.assign(req.session, { mine: 'kept' }));
        await app.alone(async (req) => {
          if (what === 'saved') Object.assign(req.session, { later: true });
          await app.alone((beside) => {
            beside.session.cookie.maxAge = 2 * HOUR;
          }, login.cookie as string);
          req.session.cookie.originalMaxAge = HOUR - 1;
        }, login.cookie as string);
        const { cookie, later } = await stored(store, login.body);
        expect(later).to.equal(what === 'saved' ? true : undefined);
        expect(cookie.originalMaxAge).to.be.within(2 * HOUR - 60_000, 2 * HOUR);
        expect(Number(cookie.expires) - Date.now()).to.be.within(2 * HOUR - 60_000, 2 * HOUR);
      } finally {
        await app.close();
        await store.closeAsync();
      }
    });
  }

  for (const resave of [false, true]) {
    it(`control: express-session's MemoryStore keeps one key, resave: ${resave}`, async () => {
      const found = await race(new session.MemoryStore(), { resave, random: new Random(1) });
      expect(names().filter((key) => key in found)).to.have.length(1);
      expect(found).to.include({ old: 'there', mine: 'kept' });
    });
  }
});

const names = () => Array.from({ length: KEYS }, (_, i) => `key ${i}`);

/** What is stored after one request per key, one that deletes `old` and one that changes maxAge; a key comes last. */
async function race(store: Store, { resave, random }: { resave: boolean; random: Random }): Promise<AnySession> {
  const app = await StagedApp.open(store, { resave, cookie: { maxAge: HOUR } });
  try {
    const login = await app.alone((req) => {
      Object.assign(req.session, { old: 'there', mine: 'kept' });
    });
    const change = (make: (session: AnySession) => void): Act => {
      return async (req, step) => {
        await step();
        make(req.session as unknown as AnySession);
      };
    };
    const setters = names().map((key) => change((mine) => Object.assign(mine, { [key]: true })));
    const remover = change((mine) => delete mine['old']);
    const extender = change((mine) => Object.assign(mine.cookie, { maxAge: 2 * HOUR }));
    const last = random.pick(setters);
    const answers = await app.together([...setters, remover, extender], login.cookie as string, { random, last });
    expect(answers.map(({ status }) => status)).to.deep.equal(answers.map(() => 200));
    return await stored(store, login.body);
  } finally {
    await app.close();
    if (store instanceof SessionStore) await store.closeAsync();
  }
}

function stored(store: Store, sid: string): Promise<AnySession> {
  return new Promise((resolve, reject) => {
    store.get(sid, (error, found) => {
      if (error || !found) reject(error ?? new Error('The session is gone'));
      else resolve(found as AnySession);
    });
  });
}
