import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Edit } from '../support/bundle.js';
import { byId, checkAdditions, checkLinearizable, sessionObject } from './checker.js';
import { withRedis } from './redis.js';
import { finalCounts, type RunResult, run } from './run.js';
import type { StoreDescription } from './stores.js';

/** Additions per process. */
const each = 1_000;

const queue = 'lib/internal/sqlite-queue.ts';
/** BEGIN and COMMIT become statements that do nothing, so that each other statement is its own transaction. */
const AUTOCOMMIT = "database = { prepare: () => ({ run() {} }) } as never; this.#begin = database.prepare('')";

const names = (count: number) => Array.from({ length: count }, (_, i) => `id ${i}`);

/** Stores that several processes can open. */
const shared: Record<string, () => (dir: string) => StoreDescription> = {
  FileStore: () => (dir) => ({ kind: 'file', dir }),
  SqliteStore: () => (dir) => ({ kind: 'sqlite', dir, options: { lockTimeout: 30_000 } }),
  RedisStore: withRedis,
};

describe('histories', function () {
  this.timeout(300_000);
  let dir: string;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'sessile-history-'));
  });

  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  for (const [name, prepare] of Object.entries(shared)) {
    describe(name, () => {
      const describeStore = prepare();
      for (const ids of [1, 100]) {
        it(`8 processes count on ${ids} id(s), none lost, none twice, none out of order`, async function () {
          const store = describeStore(dir);
          const plan = { kind: 'add', ids: names(ids), operations: each, seed: 1 } as const;
          const result = await run({ store, plan, processes: 8 });
          print(this, result);
          expect(result.errors).to.deep.equal([]);
          expect(result.additions).to.have.length(8 * each);
          await expectCounted(store, result);
        });
      }

      it(`two of 4 processes are killed while they count`, async () => {
        const store = describeStore(dir);
        const plan = { kind: 'add', ids: names(3), operations: 150, seed: 2, inFlight: 3 } as const;
        const kills = [0, 1].map((worker) => ({ worker, after: 40 + worker * 60 }));
        const result = await run({ store, plan, processes: 4, kills });
        expect(result.killed).to.deep.equal([0, 1]);
        expect(result.errors).to.deep.equal([]);
        await expectCounted(store, result);
      });

      it(`4 processes get, set, touch, destroy and prune what expires meanwhile; one is killed`, async () => {
        const store = describeStore(dir);
        const plan = {
          kind: 'mix',
          ids: names(8),
          operations: 150,
          seed: 3,
          inFlight: 2,
          // Redis is a round trip away: there a touch that is on its way at the deadline may arrive after another has seen
          // the session's end. Expiry between processes is the server's own affair, where no spec sets the clock.
          lifetime: store.kind === 'redis' ? 10_000 : 40,
          prune: true,
        } as const;
        const result = await run({ store, plan, processes: 4, kills: [{ worker: 2, after: 100 }] });
        expect(result.errors).to.deep.equal([]);
        expectLinearizable(result);
      });
    });
  }

  it('MemoryStore: one process, 8 chains', async () => {
    const store = { kind: 'memory' } as const;
    const count = { kind: 'add', ids: names(1), operations: 500, seed: 4, inFlight: 8 } as const;
    const { additions } = await run({ store, plan: count, processes: 1 });
    expect(checkAdditions(additions, 0, 4_000).ok).to.equal(true);
    const mix = {
      kind: 'mix',
      ids: names(20),
      operations: 400,
      seed: 5,
      inFlight: 8,
      lifetime: 4,
      prune: true,
    } as const;
    expectLinearizable(await run({ store, plan: mix, processes: 1 }));
  });

  it('notices a dropped lock: duplicates in counters', async () => {
    const store = { kind: 'unlocked file', dir } as const;
    const plan = { kind: 'add', ids: names(1), operations: 200, seed: 1 } as const;
    const { additions } = await run({ store, plan, processes: 4 });
    const final = (await finalCounts(store, names(1))).get('id 0') as number;
    const verdict = checkAdditions(additions, 0, final);
    expect(verdict.ok).to.equal(false);
    expect(verdict.duplicates).not.to.deep.equal([]);
    expect(verdict.lost).to.be.greaterThan(0);
  });

  it('notices that SQLite runs no transaction: duplicates in counters', async () => {
    const edit = { file: queue, from: "this.#begin = database.prepare('BEGIN IMMEDIATE')", to: AUTOCOMMIT };
    const verdict = await countOnOne({ dir, edit });
    expect(verdict.ok).to.equal(false);
    expect(verdict.duplicates).not.to.deep.equal([]);
    expect(verdict.lost).to.be.greaterThan(0);
  });

  /**
   * SQLite refuses the write of a deferred transaction whose snapshot is old, and sessile then runs the group again: so
   * nothing is lost, but what was read had been read without the lock. That is what shows.
   */
  it('notices a deferred transaction: changes that are called before the lock is held', async () => {
    const edit = { file: queue, from: "'BEGIN IMMEDIATE'", to: "'BEGIN DEFERRED'" };
    const whole = await countOnOne({ dir: mkdtempSync(join(dir, 'a-')) });
    expect(whole).to.deep.include({ ok: true, again: 0, errors: [] });
    const deferred = await countOnOne({ dir: mkdtempSync(join(dir, 'b-')), edit });
    expect(deferred.again).to.be.greaterThan(0);
  });

  it('notices a dropped lock: sessions back from the dead', async () => {
    const plan = { kind: 'mix', ids: names(2), operations: 200, seed: 6, lifetime: 10_000 } as const;
    const { sessions } = await run({ store: { kind: 'unlocked file', dir }, plan, processes: 4 });
    const verdicts = [...byId(sessions).values()].map((those) => checkLinearizable(those, sessionObject).ok);
    expect(verdicts).to.include(false);
  });
});

async function countOnOne({ dir, edit }: { dir: string; edit?: Edit | undefined }) {
  const store = { kind: 'sqlite', dir, options: { lockTimeout: 30_000 } } as const;
  const plan = { kind: 'add', ids: names(1), operations: 500, seed: 1 } as const;
  const { additions, errors } = await run({ store, plan, processes: 8, edit });
  const final = (await finalCounts(store, names(1))).get('id 0') as number;
  const again = additions.filter(({ calls }) => calls > 1).length;
  return { ...checkAdditions(additions, 0, final), again, errors };
}

async function expectCounted(store: StoreDescription, { additions }: RunResult): Promise<void> {
  const finals = await finalCounts(store, [...new Set(additions.map(({ id }) => id))]);
  for (const [id, those] of byId(additions)) {
    const verdict = checkAdditions(those, 0, finals.get(id) as number);
    expect(verdict, id).to.deep.equal({ ok: true, duplicates: [], gaps: [], strays: [], lost: 0, realTime: [] });
  }
}

function expectLinearizable({ sessions }: RunResult): void {
  expect(sessions.filter(({ kind, outcome }) => kind === 'get' && outcome === 'ok')).not.to.have.length(0);
  expect(sessions.some((one) => one.kind === 'get' && one.found !== undefined)).to.equal(true);
  for (const [id, those] of byId(sessions)) {
    const verdict = checkLinearizable(those, sessionObject);
    if (!verdict.ok) expect.fail(`${id} is not linearizable: ${JSON.stringify(verdict)}\n${JSON.stringify(those)}`);
  }
}

function print(context: Mocha.Context, { latency, rate }: RunResult): void {
  const ms = (value: number) => value.toFixed(1);
  const { p50, p99, max } = latency;
  const figures = `${Math.round(rate)}/s, p50 ${ms(p50)} ms, p99 ${ms(p99)} ms, max ${ms(max)} ms`;
  if (context.test) context.test.title += ` (${figures})`;
}
