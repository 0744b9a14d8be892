import type { Awaitable } from '../../lib/backend.js';
import type { SessionStore } from '../../lib/store.js';
import { type JourneyContext, journeyCases } from './journey/cases.js';
import { type Face, Route, type Running } from './journey/face.js';
import { Visitor } from './journey/visitor.js';
import type { CreateOptions } from './store/subject.js';
import { type Runner, register, type Selection } from './suite.js';

export interface JourneySuiteOptions extends Runner, Selection {
  readonly title: string;
  readonly face: Face;
  /** A fresh, empty store. While a case runs `Date.now` is the same clock, because frameworks read that one. */
  readonly create: (options: CreateOptions) => Awaitable<SessionStore>;
  /** The store may have been closed. */
  readonly destroy: (store: SessionStore) => Awaitable<unknown>;
}

const MINUTE = 60_000;

/** Checks what visitors of an app live through, in a real app of one framework behind a real server. */
export function journeySuite(options: JourneySuiteOptions): void {
  const { face } = options;
  register<JourneyContext, never>({
    ...options,
    skip: { ...face.cannot, ...options.skip },
    cases: journeyCases,
    missing: () => undefined,
    within: (run) => withJourneys(options, run),
  });
}

/** One clock for the store, for the framework and for the case; moved, never waited for. */
async function withJourneys(
  { face, create, destroy }: JourneySuiteOptions,
  run: (context: JourneyContext) => Promise<void> | void,
): Promise<void> {
  const realNow = Date.now;
  let offset = 0;
  const now = () => realNow() + offset;
  const stores: SessionStore[] = [];
  const apps: Running[] = [];
  const start: JourneyContext['start'] = async ({ rolling = false } = {}) => {
    const store = await create({ now, ttl: MINUTE, pruneInterval: 0 });
    stores.push(store);
    const route = new Route();
    const answer = route.answer.bind(route);
    const app = await face.start({ store, maxAge: MINUTE, rolling, now, answer });
    apps.push(app);
    return {
      store,
      visitor: () => new Visitor(`http://127.0.0.1:${app.port}`),
      gate: (name) => route.gate(name),
      advance: (ms) => {
        offset += ms;
      },
    };
  };
  Date.now = now;
  try {
    await run({ maxAge: MINUTE, start });
  } finally {
    for (const app of apps) await app.close();
    for (const store of stores) await destroy(store);
    Date.now = realNow;
  }
}
