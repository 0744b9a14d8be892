import type { Store } from 'express-session';
import type { Awaitable } from '../../lib/backend.js';
import { runProgram } from './calls.js';
import { Clock } from './samples.js';
import { callbackCases } from './store/callbacks.js';
import { closeCases } from './store/closing.js';
import { expiryCases } from './store/expiry.js';
import { failureCases } from './store/failures.js';
import { idCases } from './store/ids.js';
import { listCases } from './store/listing.js';
import { mergeCases } from './store/merging.js';
import { misuseCases } from './store/misuse.js';
import { processCases } from './store/process.js';
import { promiseCases } from './store/promises.js';
import { readCases } from './store/reading.js';
import {
  type CreateOptions,
  type Feature,
  features,
  type Need,
  type StoreCase,
  type StoreContext,
  Subject,
  type TestedStore,
} from './store/subject.js';
import { touchCases } from './store/touching.js';
import { updateCases } from './store/updating.js';
import { writeCases } from './store/writing.js';
import { type Runner, register, type Selection } from './suite.js';

export { type CreateOptions, type Feature, features } from './store/subject.js';

export interface StoreSuiteOptions<S extends Store> extends Runner, Selection {
  /** What the tests are headed by. Default: `'Store'`. */
  readonly title?: string;
  /** A fresh, empty store on the clock it is given. A store that reads `Date.now` itself: replace that meanwhile. */
  readonly create: (options: CreateOptions) => Awaitable<S>;
  /** Closes it, if it is not closed yet, and removes what it left. */
  readonly destroy: (store: S) => Awaitable<unknown>;
  /** What the store is without: `{ touch: false }`. The cases about it are skipped with that as the reason. */
  readonly supports?: Partial<Record<Feature, boolean>>;
  /** A store whose storage fails whatever is asked of it. Without it those cases are skipped. */
  readonly failing?: (options: CreateOptions) => Awaitable<S>;
  /** Makes what is stored under `sid`, which is there, unreadable. Without it those cases are skipped. */
  readonly corrupt?: (store: S, sid: string) => Awaitable<unknown>;
  /**
   * The source text of an ES module that opens a store of this kind as `store` and then does `body`; it is run in a
   * process of its own with the flags of this one. Without it those cases are skipped.
   */
  readonly program?: (body: string) => string;
  /** How long such a program may take to end by itself, in ms. Default: 30 000. */
  readonly patience?: number;
  /** How many random ids are tried. Default: 500. */
  readonly randomIds?: number;
}

const TTL = 3_600_000;

/** Checks what a store for express-session has to keep: what is documented, what users lost data by, what we chose. */
export function storeSuite<S extends Store>(options: StoreSuiteOptions<S>): void {
  const { title = 'Store' } = options;
  register<StoreContext, Need>({
    ...options,
    title: `${title} (store contract)`,
    cases: storeCases,
    missing: (need) => whyMissing(need, options),
    within: (run) => withStore(options, run),
  });
}

function whyMissing<S extends Store>(need: Need, options: StoreSuiteOptions<S>): string | undefined {
  if (need === 'failing' || need === 'corrupt' || need === 'program') {
    return options[need] === undefined ? `the suite was given no \`${need}\`` : undefined;
  }
  return options.supports?.[need] === false ? `the store has no ${features[need]}` : undefined;
}

async function withStore<S extends Store>(options: StoreSuiteOptions<S>, run: StoreCase['run']): Promise<void> {
  const { failing, corrupt, program, randomIds = 500, patience = 30_000 } = options;
  const clock = new Clock();
  const usual: CreateOptions = { now: clock.now, ttl: TTL, pruneInterval: 0 };
  const made: S[] = [];
  const keep = async (store: Awaitable<S>): Promise<TestedStore> => {
    made.push(await store);
    return made.at(-1) as unknown as TestedStore;
  };
  try {
    const store = await keep(options.create(usual));
    await run({
      store,
      subject: new Subject(store),
      clock,
      ttl: TTL,
      randomIds,
      failing: () => keep(given(failing)(usual)),
      corrupt: async (sid) => void (await given(corrupt)(store as unknown as S, sid)),
      run: (body) => runProgram(given(program)(body), patience),
      another: (more) => keep(options.create({ ...usual, ...more })),
    });
  } finally {
    for (const store of made.reverse()) await options.destroy(store);
  }
}

function given<T>(hook: T | undefined): T {
  if (hook === undefined) throw new Error('A case does not state which hook it needs');
  return hook;
}

/** Every case, with its ground; a table of scores can be made of it. */
export const storeCases: readonly StoreCase[] = [
  ...readCases,
  ...writeCases,
  ...touchCases,
  ...expiryCases,
  ...listCases,
  ...idCases,
  ...callbackCases,
  ...failureCases,
  ...misuseCases,
  ...promiseCases,
  ...updateCases,
  ...mergeCases,
  ...closeCases,
  ...processCases,
];
