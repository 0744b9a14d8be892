import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import session, { type SessionData, type Store } from 'express-session';
import memorystore from 'memorystore';
import fileStore from 'session-file-store';
import { adopt } from '../../lib/backends/foreign.js';
import type { ExpressStore } from '../../lib/bridge.js';
import { call, crashesDuring, witness } from '../conformance/calls.js';
import { load, mount, save } from '../support/real-session.js';
import { setTimeOfDay } from '../support/time-of-day.js';
import { redisStores } from './redis-stores.js';

const Memory = memorystore(session as never);
const Files = fileStore(session);

const sessionOf = (data: object, maxAge = 60_000, now = Date.now()) =>
  ({ ...data, cookie: { originalMaxAge: maxAge, expires: new Date(now + maxAge) } }) as unknown as SessionData;

const set = (store: ExpressStore, sid: string, given: SessionData) => call<void>((done) => store.set(sid, given, done));
const get = async (store: ExpressStore, sid: string) =>
  ((await call<SessionData>((done) => store.get(sid, done)).catch(ifGone)) ?? undefined) as
    | (SessionData & Record<string, unknown>)
    | undefined;
const destroy = (store: ExpressStore, sid: string) => call<void>((done) => store.destroy(sid, done));
const touch = (store: Store, sid: string, given: SessionData) => call<void>((done) => store.touch?.(sid, given, done));

function ifGone(error: unknown): undefined {
  if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
}

/**
 * What users of these packages have met, each case first as the package does it, so that the case is known to be one, and
 * then on the same package's store, adopted.
 */
describe('What adopt heals', function () {
  this.timeout(180_000);
  const dirs: string[] = [];

  afterEach(() => {
    for (const path of dirs.splice(0)) rmSync(path, { recursive: true, force: true });
  });

  const files = (): Store => {
    const path = mkdtempSync(join(tmpdir(), 'sessile-'));
    dirs.push(path);
    return new Files({ path, retries: 0, reapInterval: -1, logFn: () => {} });
  };

  const packages: Record<string, () => Store> = { memorystore: () => new Memory({}), 'session-file-store': files };

  function races(name: string, open: () => Store): void {
    /** The keys that are there when five requests have each set one. */
    const fiveRequests = async (store: Store): Promise<string[]> => {
      mount(store);
      await set(store, 'a', sessionOf({ user: 'ada' }));
      const requests = await Promise.all([0, 1, 2, 3, 4].map(() => load(store, 'a')));
      for (const [n, request] of requests.entries()) request[`key-${n}`] = n;
      await Promise.all(requests.map(save));
      return Object.keys((await get(store, 'a')) ?? {}).filter((key) => key.startsWith('key-'));
    };

    it(`${name}: five requests at once keep five keys, not one`, async () => {
      expect(await fiveRequests(open())).to.have.lengthOf(1);
      expect(await fiveRequests(adopt(open()))).to.have.lengthOf(5);
    });

    const slowSave = async (store: Store): Promise<unknown> => {
      mount(store);
      await set(store, 'a', sessionOf({ user: 'ada' }));
      const slow = await load(store, 'a');
      await destroy(store, 'a');
      slow['late'] = true;
      await save(slow);
      return get(store, 'a');
    };

    it(`${name}: a slow request that saves after a logout does not bring the session back`, async () => {
      expect(await slowSave(open())).to.include({ user: 'ada' });
      expect(await slowSave(adopt(open()))).to.equal(undefined);
    });

    it(`${name}: a hundred updates at once, of two who adopted the store, are a hundred`, async () => {
      const store = open();
      const adopted = [adopt(store), adopt(store, {})];
      const increment = (found?: SessionData) => ({ ...sessionOf({}), n: Number(Object(found).n ?? 0) + 1 });
      const updates = Array.from({ length: 50 }, () => adopted.map((each) => each.updateAsync('a', increment)));
      await Promise.all(updates.flat());
      expect(await get(store, 'a')).to.include({ n: 100 });
    });
  }

  for (const [name, open] of Object.entries(packages)) races(name, open);

  describe('session-file-store', () => {
    it('a touch in the tick of a set does not undo the set', async () => {
      const race = async (store: Store) => {
        const wrong: number[] = [];
        for (let n = 1; n <= 20; n += 1) {
          await set(store, 'a', sessionOf({ n: 0 }));
          await Promise.all([set(store, 'a', sessionOf({ n })), touch(store, 'a', sessionOf({}))]);
          if ((await get(store, 'a'))?.['n'] !== n) wrong.push(n);
        }
        return wrong;
      };
      expect(await race(files())).not.to.deep.equal([]);
      expect(await race(adopt(files()))).to.deep.equal([]);
    });

    it('a touch in the tick of a logout does not revive the session', async () => {
      const race = async (store: Store) => {
        const revived: number[] = [];
        for (let n = 1; n <= 20; n += 1) {
          await set(store, 'a', sessionOf({ n }));
          await Promise.all([touch(store, 'a', sessionOf({})), destroy(store, 'a')].map((act) => act.catch(ifGone)));
          if ((await get(store, 'a')) !== undefined) revived.push(n);
        }
        return revived;
      };
      expect(await race(files())).not.to.deep.equal([]);
      expect(await race(adopt(files()))).to.deep.equal([]);
    });

    it('a touch of an expired session does nothing, where it left an empty one that lives', async () => {
      let time = Date.now();
      const now = () => time;
      const reset = setTimeOfDay(now);
      try {
        const bare = files();
        const adopted = adopt(files(), { now });
        for (const store of [bare, adopted]) await set(store, 'a', sessionOf({ user: 'ada' }));
        time += 60_001;
        for (const store of [bare, adopted]) await touch(store, 'a', sessionOf({}));
        expect(await get(bare, 'a'))
          .to.be.an('object')
          .and.not.have.property('user');
        expect(await get(adopted, 'a')).to.equal(undefined);
      } finally {
        reset();
      }
    });

    it('a touch of an absent session is no error', async () => {
      const { calls } = await witness((done) => files().touch?.('a', sessionOf({}), done));
      expect(calls[0]?.[0]).to.have.property('code', 'ENOENT');
      await touch(adopt(files()), 'a', sessionOf({}));
    });

    it('all sessions can be listed, by id', async () => {
      const bare = files();
      expect(bare).not.to.have.property('all');
      await set(bare, 'a.b', sessionOf({ n: 1 }));
      const all = await adopt(bare).allAsync();
      expect(Object.keys(all)).to.deep.equal(['a.b']);
      expect(all['a.b']).to.include({ n: 1 });
    });
  });

  describe('memorystore', () => {
    it('the dead are not counted', async () => {
      let time = Date.now();
      const bare = new Memory({});
      const adopted = adopt(bare, { now: () => time });
      await set(adopted, 'a', sessionOf({}, 60_000, time));
      time += 60_000;
      expect(await call((done) => bare.length?.(done as never))).to.equal(1);
      expect([await adopted.lengthAsync(), await adopted.idsAsync()]).to.deep.equal([0, []]);
    });
  });

  describe('connect-redis', () => {
    const { open: redis, client } = redisStores();
    races('connect-redis', redis);

    it('a touch that changes only the cookie is not forgotten', async () => {
      const touched = async (store: Store) => {
        await set(store, 'a', sessionOf({ n: 1 }));
        await touch(store, 'a', sessionOf({}, 3_600_000));
        return get(store, 'a');
      };
      expect((await touched(redis()))?.cookie.originalMaxAge).to.equal(60_000);
      const healed = await touched(adopt(redis()));
      expect(healed).to.include({ n: 1 });
      expect(healed?.cookie.originalMaxAge).to.equal(3_600_000);
    });

    it('sessions that are alive, but whose stored date has passed, are not lost by being adopted', async () => {
      const bare = redis();
      await set(bare, 'a', sessionOf({ user: 'ada' }));
      const text = JSON.stringify(sessionOf({ user: 'ada' }, 60_000, Date.now() - 120_000));
      await client().set(`${bare.prefix}a`, text);
      const adopted = adopt(bare);
      expect(await get(adopted, 'a')).to.include({ user: 'ada' });
      expect(await adopted.lengthAsync()).to.equal(1);
    });

    it('what one wrote the other reads, cookie and all', async () => {
      const bare = redis();
      const adopted = adopt(bare);
      await set(adopted, 'a', sessionOf({ n: 1 }));
      const found = await get(bare, 'a');
      expect(found).to.include({ n: 1 });
      mount(bare);
      const loaded = await load(bare, 'a');
      loaded['n'] = 2;
      await save(loaded);
      expect(await get(adopted, 'a')).to.include({ n: 2 });
      expect(JSON.stringify((await get(adopted, 'a'))?.cookie)).to.equal(JSON.stringify(loaded.cookie));
    });

    it('a callback that throws is called once, and what it throws surfaces', async () => {
      const throwing = async (store: Store) => {
        let calls = 0;
        await set(store, 'a', sessionOf({}));
        const crashes = await crashesDuring(async () => {
          await witness((done) =>
            store.get('a', () => {
              calls += 1;
              done();
              if (calls === 1) throw new Error('of the callback');
            }),
          );
        });
        return { calls, crashes: crashes.map(String) };
      };
      expect(await throwing(redis())).to.deep.equal({ calls: 2, crashes: [] });
      expect(await throwing(adopt(redis()))).to.deep.equal({ calls: 1, crashes: ['Error: of the callback'] });
    });

    it('all sessions come by id, with a key of their own named id', async () => {
      const bare = redis();
      await set(bare, 'a', sessionOf({ id: 'mine' }));
      const [first] = (await call<object[]>((done) => bare.all?.(done as never))) as [{ id: string }];
      expect(first.id).to.equal('a');
      expect((await adopt(bare).allAsync())['a']).to.include({ id: 'mine' });
    });
  });

  describe('connect-sqlite3', () => {
    it('a failure of the storage is told once, and with a code', async () => {
      const { Database } = require('sqlite3') as { Database: new (path: string) => object };
      const Sqlite = (require('connect-sqlite3') as Connect)(session);
      const db = new Database(':memory:') as Record<'exec' | 'close', (...args: unknown[]) => void>;
      const bare = new Sqlite({ db });
      await call((done) => db.exec('DROP TABLE sessions', done));
      const { calls } = await witness((done) => bare.get('a', done));
      expect(calls).to.have.lengthOf(2);
      const healed = await witness((done) => adopt(bare).get('a', done));
      expect(healed.calls).to.have.lengthOf(1);
      expect(healed.calls[0]?.[0]).to.have.property('code', 'SESSILE_FOREIGN');
      expect(healed.calls[0]?.[0]).to.have.property('cause').that.is.an('error');
      await call((done) => db.close(done));
    });
  });

  describe('better-sqlite3-session-store', () => {
    it('a corrupt record is a miss and an error event, where get threw', async () => {
      const database = openSqlite();
      try {
        const bare = sqliteStore(database);
        await set(bare, 'a', sessionOf({}));
        database.prepare("UPDATE sessions SET sess = '{\"cut off'").run();
        expect(() => bare.get('a', () => {})).to.throw(SyntaxError);
        const adopted = adopt(bare);
        const errors: unknown[] = [];
        adopted.on('error', (error) => errors.push(error));
        expect(await get(adopted, 'a')).to.equal(undefined);
        await new Promise(setImmediate);
        expect(errors).to.have.lengthOf(1);
        expect(errors[0]).to.have.property('code', 'SESSILE_CORRUPT');
        await set(adopted, 'a', sessionOf({ n: 1 }));
        expect(await get(adopted, 'a')).to.include({ n: 1 });
      } finally {
        database.close();
      }
    });
  });
});

const require = createRequire(import.meta.url);

interface Database {
  prepare(sql: string): { run(): void };
  close(): void;
}

type Connect = (from: unknown) => new (options: object) => Store;

function openSqlite(): Database {
  return new (require('better-sqlite3') as new (path: string) => Database)(':memory:');
}

/** Its timer would keep the test runner from ending, and it hands nothing out to stop it by. */
function sqliteStore(client: Database): Store {
  const Sqlite = (require('better-sqlite3-session-store') as Connect)(session);
  const start = globalThis.setInterval;
  globalThis.setInterval = ((act: () => void, delay: number) => start(act, delay).unref()) as typeof setInterval;
  try {
    return new Sqlite({ client });
  } finally {
    globalThis.setInterval = start;
  }
}
