import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { FileStore } from '../../lib/backends/file.js';
import { MemoryStore } from '../../lib/backends/memory.js';
import { RedisStore } from '../../lib/backends/redis.js';
import { SqliteStore } from '../../lib/backends/sqlite.js';
import { SessionStore } from '../../lib/store.js';
import { redisStores } from '../foreign/redis-stores.js';
import { newPrefix } from '../support/redis-client.js';
import { ScriptedBackend } from '../support/scripted-backend.js';
import { type Factory, play } from './play.js';
import { scripts } from './shapes.js';

const torture = Number(process.env['TORTURE_RUNS'] ?? 0);

const stores: Record<string, Factory> = {
  MemoryStore: (options) => ({ store: new MemoryStore({ ...options, max: 100 }) }),
  'a backend that answers later, in batches': (options) => ({
    store: new SessionStore(() => new ScriptedBackend({ promises: true }), options),
  }),
  FileStore: (options) => {
    const dir = mkdtempSync(join(tmpdir(), 'sessile-model-'));
    const dispose = () => rmSync(dir, { recursive: true, force: true });
    return { store: new FileStore(dir, options), dispose };
  },
  'SqliteStore in a file': (options) => {
    const dir = mkdtempSync(join(tmpdir(), 'sessile-model-'));
    const dispose = () => rmSync(dir, { recursive: true, force: true });
    return { store: new SqliteStore(join(dir, 'sessions.db'), options), dispose };
  },
  'SqliteStore in memory': (options) => ({ store: new SqliteStore(':memory:', options) }),
};

/** The machine may be busy. */
const PATIENT = { timeout: 60_000, lockTimeout: 60_000 };
/** Each command is a round trip to a server. */
const RUNS_OVER_SOCKETS = 200;

describe('a store against a Map', function () {
  this.timeout(torture ? 0 : 300_000);

  for (const [name, factory] of Object.entries(stores)) {
    it(`${name} does what the model does`, () => compare(factory, torture || 2_000));
  }

  describe('over a server', () => {
    const opened = redisStores();

    it('RedisStore does what the model does', async () => {
      const client = opened.client();
      await compare(
        (options) => ({
          store: new RedisStore({ ...options, client, prefix: newPrefix(), ...PATIENT }),
          dispose: () => client.flushDb(),
        }),
        torture || RUNS_OVER_SOCKETS,
      );
    });
  });
});

async function compare(factory: Factory, numRuns: number): Promise<void> {
  const property = fc.asyncProperty(scripts, (script) => play(script, factory));
  const outcome = await fc.check(property, { numRuns });
  if (outcome.failed) throw new Error(fc.defaultReportMessage(outcome), { cause: outcome.errorInstance });
  expect(outcome.numRuns).to.equal(numRuns);
}
