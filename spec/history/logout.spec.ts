import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import session from 'express-session';
import { FileStore } from '../../lib/backends/file.js';
import { MemoryStore } from '../../lib/backends/memory.js';
import { SqliteStore } from '../../lib/backends/sqlite.js';
import { SessionStore, type StoreOptions } from '../../lib/store.js';
import { ScriptedBackend } from '../support/scripted-backend.js';
import { raceLogouts } from './logout.js';

const torture = Number(process.env['TORTURE_ROUNDS'] ?? 0);

interface Subject {
  readonly open: (dir: string, options: StoreOptions) => SessionStore;
  readonly rounds: number;
}

const stores: Record<string, Subject> = {
  MemoryStore: { open: (_, options) => new MemoryStore(options), rounds: 1_000 },
  'a store that answers later': {
    open: (_, options) => new SessionStore(() => new ScriptedBackend({ promises: true }), options),
    rounds: 200,
  },
  FileStore: { open: (dir, options) => new FileStore(dir, options), rounds: 1_000 },
  SqliteStore: { open: (dir, options) => new SqliteStore(join(dir, 'sessions.db'), options), rounds: 1_000 },
};

const kinds = {
  'resave: false': { resave: false, rolling: false },
  'resave: true, rolling: true': { resave: true, rolling: true },
};

describe('logout sticks', function () {
  this.timeout(torture ? 0 : 120_000);
  let dir: string;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'sessile-logout-'));
  });

  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  for (const [name, { open, rounds }] of Object.entries(stores)) {
    for (const [kind, options] of Object.entries(kinds)) {
      const half = torture || rounds / 2;
      it(`${name}, ${kind}: ${half} rounds, no session afterwards, every answer 200`, async () => {
        const store = open(dir, {});
        const remains = async (sid: string) => {
          const left = Object.values(await store.allAsync());
          const revived = (await store.getAsync(sid)) !== undefined;
          await store.clearAsync();
          return revived || left.some((one) => 'user' in one || 'written' in one);
        };
        const seed = Date.now() % 1e9;
        const outcome = await raceLogouts(store, { rounds: half, seed, options, remains });
        await store.closeAsync();
        expect(outcome).to.deep.equal({ revived: [], refused: [] });
      });
    }
  }

  const controls: Record<string, () => InstanceType<typeof session.Store>> = {
    "express-session's MemoryStore": () => new session.MemoryStore(),
    'MemoryStore with concurrency: overwrite': () => new MemoryStore({ concurrency: 'overwrite' }),
  };

  for (const [name, open] of Object.entries(controls)) {
    it(`control: ${name} brings sessions back`, async () => {
      const store = open();
      const remains = (sid: string) =>
        new Promise<boolean>((resolve, reject) => {
          store.get(sid, (error, found) => (error ? reject(error as Error) : resolve(Boolean(found))));
        });
      const { revived } = await raceLogouts(store, { rounds: 50, seed: 1, remains });
      expect(revived).not.to.deep.equal([]);
    });
  }
});
