// Holds one peer against the suite, in a process of its own: `score.ts NAME`. Prints the score as a line of JSON.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collect } from '../collector.js';
import { storeSuite } from '../store.js';
import { peers } from './peers.js';

/** The ids of the cases that passed and failed; the rest does not apply. */
export interface Score {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
}

const peer = peers.find(({ name }) => name === process.argv[2]);
if (peer === undefined) throw new Error(`Name one of ${peers.map(({ name }) => name).join(', ')}`);
// A peer's failure must not end the account of it, in whatever way it comes.
for (const event of ['uncaughtException', 'unhandledRejection']) process.on(event, () => {});

const RealDate = Date;
const directory = mkdtempSync(join(tmpdir(), 'sessile-scores-'));
const { create, destroy, end } = await peer.open(directory);
const outcome = await collect(({ describe, it }) =>
  storeSuite({
    title: peer.name,
    describe,
    it,
    create: ({ now }) => {
      if (!peer.without.includes('clock')) globalThis.Date = clockOf(now);
      return create();
    },
    destroy: async (store) => {
      globalThis.Date = RealDate;
      await destroy?.(store);
    },
    supports: Object.fromEntries(peer.without.map((feature) => [feature, false])),
  }),
);
await end?.();
rmSync(directory, { recursive: true, force: true });
console.log(JSON.stringify({ passed: outcome.passed, failed: [...outcome.failed.keys()] } satisfies Score));
process.exit(0);

/** A Date whose present is the suite's. */
function clockOf(now: () => number): DateConstructor {
  const Clock = class extends RealDate {
    constructor(...args: [number]) {
      super(...(args.length > 0 ? args : ([now()] as [number])));
    }

    static override now(): number {
      return now();
    }

    static override [Symbol.hasInstance](value: unknown): boolean {
      return value instanceof RealDate;
    }
  };
  return Clock as unknown as DateConstructor;
}
