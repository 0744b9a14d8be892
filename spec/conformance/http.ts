import type { RequestHandler } from 'express';
import type { SessionOptions, Store } from 'express-session';
import type { Awaitable } from '../../lib/backend.js';
import { App, type ExpressApp } from './http/app.js';
import { type HttpContext, type HttpFeature, httpCases, httpFeatures } from './http/cases.js';
import { type CreateOptions, Subject, type TestedStore } from './store/subject.js';
import { type Runner, register, type Selection } from './suite.js';

export interface HttpSuiteOptions<S extends Store> extends Runner, Selection {
  readonly title?: string;
  /** `express`, of version 4 or 5. */
  readonly express: () => unknown;
  /** `express-session`. */
  readonly session: (options: SessionOptions) => RequestHandler;
  /** A fresh, empty store. While a case runs `Date.now` is the same clock, because express-session reads that one. */
  readonly create: (options: CreateOptions) => Awaitable<S>;
  readonly destroy: (store: S) => Awaitable<unknown>;
  /** What the store is without: `{ merge: false }`. The cases about it are skipped with that as the reason. */
  readonly supports?: Partial<Record<HttpFeature, boolean>>;
  /** A store whose storage fails whatever is asked of it. Without it those cases are skipped. */
  readonly failing?: (options: CreateOptions) => Awaitable<S>;
}

const TTL = 3_600_000;

/** Checks a store in a real Express app, behind a real server. */
export function httpSuite<S extends Store>(options: HttpSuiteOptions<S>): void {
  const { title = 'Store', supports = {}, failing } = options;
  register<HttpContext, HttpFeature | 'failing'>({
    ...options,
    title: `${title} (over HTTP)`,
    cases: httpCases,
    missing: (need) => {
      if (need === 'failing') return failing === undefined ? 'the suite was given no `failing`' : undefined;
      return supports[need] === false ? `the store has no ${httpFeatures[need]}` : undefined;
    },
    within: (run) => withApps(options, run),
  });
}

/** One clock for the store, for express-session and for the case; moved, never waited for. */
async function withApps<S extends Store>(
  { express, session, create, destroy, failing }: HttpSuiteOptions<S>,
  run: (context: HttpContext) => Promise<void> | void,
): Promise<void> {
  const realNow = Date.now;
  let offset = 0;
  const now = () => realNow() + offset;
  const usual: CreateOptions = { now, ttl: TTL, pruneInterval: 0 };
  const stores: S[] = [];
  const apps: App[] = [];
  const start = async (open: HttpSuiteOptions<S>['create'], options: Partial<SessionOptions>) => {
    const store = await open(usual);
    stores.push(store);
    const app = new App(express as () => ExpressApp, session, { ...options, store });
    apps.push(app);
    await app.listen();
    return { app, subject: new Subject(store as unknown as TestedStore) };
  };
  Date.now = now;
  try {
    await run({
      serve: (options = {}) => start(create, options),
      serveFailing: (options = {}) => start(failing ?? create, options),
      advance: (ms) => {
        offset += ms;
      },
      now,
    });
  } finally {
    for (const app of apps) await app.close();
    for (const store of stores) await destroy(store);
    Date.now = realNow;
  }
}
