import { deepEqual, equal, ok } from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import express from 'express';
import session, { type SessionData } from 'express-session';
import type { Backend, Entry, Touch } from '../../lib/backend.js';
import { MemoryBackend, MemoryStore } from '../../lib/backends/memory.js';
import type { SessionStore } from '../../lib/store.js';
import { type BackendSuiteOptions, backendCases, backendSuite } from './backend.js';
import { collect, type Outcome } from './collector.js';
import { type HttpSuiteOptions, httpSuite } from './http.js';
import { failing, OpenMemoryStore } from './open-memory.js';
import type { TestedStore } from './store/subject.js';
import { type CreateOptions, type StoreSuiteOptions, storeCases, storeSuite } from './store.js';

type Done = (error?: unknown, value?: unknown) => void;
type Methods = { [Name in keyof TestedStore]?: (...args: never[]) => unknown };
type StoreHooks = Partial<StoreSuiteOptions<SessionStore>>;

/** Breaks a store by putting methods over its own, which `real` still has. */
function over(
  make: (options: CreateOptions) => SessionStore,
  breaks: (real: TestedStore, store: SessionStore) => Methods,
) {
  return (options: CreateOptions): SessionStore => {
    const store = make(options);
    const real = new Proxy(store, {
      get: (target, name) => {
        const method: unknown = Reflect.get(Object.getPrototypeOf(target) as object, name, target);
        return typeof method === 'function' ? method.bind(target) : method;
      },
    });
    return Object.assign(store, breaks(real, store));
  };
}

const memory = (options: CreateOptions): SessionStore => new MemoryStore(options);
const sick = (options: CreateOptions): SessionStore => new OpenMemoryStore(options, failing);
const on = (make: () => Backend) => (options: CreateOptions) => new OpenMemoryStore(options, make());
const broken = (breaks: Parameters<typeof over>[1]): StoreHooks => ({ create: over(memory, breaks) });
const brokenWhenSick = (breaks: Parameters<typeof over>[1]): StoreHooks => ({ failing: over(sick, breaks) });

const lib = (name: string) => new URL(`../../lib/backends/${name}.ts`, import.meta.url).href;
const program = (body: string) =>
  `import { MemoryStore } from '${lib('memory')}'; const store = new MemoryStore(); ${body}`;
const damage: NonNullable<StoreSuiteOptions<SessionStore>['corrupt']> = (store, sid) =>
  (store as OpenMemoryStore).backend.update(sid, (entry) => entry && { ...entry, data: '{"cut off' });

const whole = { create: on(() => new MemoryBackend()), failing: sick, corrupt: damage, program } satisfies StoreHooks;
const asJson = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

function runStore(hooks: StoreHooks, only?: readonly string[]): Promise<Outcome> {
  return collect((runner) =>
    storeSuite({
      ...runner,
      ...whole,
      patience: 1_000,
      destroy: (store) => MemoryStore.prototype.closeAsync.call(store),
      ...hooks,
      ...(only && { only }),
    }),
  );
}

function runBackend(create: BackendSuiteOptions['create'], only?: readonly string[]): Promise<Outcome> {
  return collect((runner) => backendSuite({ ...runner, create, destroy: () => {}, ...(only && { only }) }));
}

function runHttp(hooks: Partial<HttpSuiteOptions<SessionStore>>, only?: readonly string[]): Promise<Outcome> {
  return collect((runner) =>
    httpSuite<SessionStore>({
      ...runner,
      express,
      session,
      create: memory,
      failing: sick,
      destroy: (store) => store.closeAsync(),
      ...hooks,
      ...(only && { only }),
    }),
  );
}

/** A rule that is broken, and the cases that are there to notice it. */
type Mutant<Broken> = readonly [rule: string, noticedBy: readonly string[], broken: Broken];

const cached = (real: TestedStore): Methods => {
  const seen = new Map<string, unknown>();
  return {
    get: (sid: string, done: Done) =>
      real.get(sid, (error, found) => {
        if (!seen.has(sid)) seen.set(sid, found);
        done(error, seen.get(sid));
      }),
  };
};

/** What `get` answers, changed on its way. */
const answering =
  (change: (session: SessionData) => unknown) =>
  (real: TestedStore): Methods => ({
    get: (sid: string, done: Done) => real.get(sid, (error, found) => done(error, found && change(found))),
  });

const storeMutants: readonly Mutant<StoreHooks>[] = [
  [
    'set calls back twice',
    ['callback/set-once'],
    broken((real) => ({
      set: (sid: string, given: SessionData, done: Done) =>
        real.set(sid, given, (error) => {
          done?.(error);
          done?.(error);
        }),
    })),
  ],
  ['length calls back at once', ['callback/length-later'], broken(() => ({ length: (done: Done) => done(null, 0) }))],
  [
    'get calls back at once for a miss',
    ['callback/get-later'],
    broken((real) => ({ get: (sid: string, done: Done) => (sid === 'absent' ? done(null) : real.get(sid, done)) })),
  ],
  [
    'a callback that throws is called again with what it threw',
    ['callback/get-throws'],
    broken((real) => ({
      get: (sid: string, done: Done) =>
        real.get(sid, (error, found) => {
          try {
            done(error, found);
          } catch (thrown) {
            done(thrown);
          }
        }),
    })),
  ],
  [
    'what a callback throws is swallowed',
    ['callback/set-throws', 'callback/clear-throws'],
    broken((real) => ({
      set: (sid: string, given: SessionData, done: Done) =>
        real.set(sid, given, (error) => {
          try {
            done(error);
          } catch {}
        }),
      clear: (done: Done) =>
        void real
          .clearAsync()
          .then(() => done(null))
          .catch(() => {}),
    })),
  ],
  [
    'a missing callback is called',
    ['callback/touch-without', 'callback/destroy-without'],
    broken((real) => ({
      touch: (sid: string, given: SessionData, done: Done) => real.touch(sid, given, (error?: unknown) => done(error)),
      destroy: (sid: string, done: Done) => real.destroy(sid, (error?: unknown) => done(error)),
    })),
  ],
  [
    'an unknown id is an error',
    ['get/unknown', 'destroy/twice', 'touch/absent'],
    broken((real) => ({
      get: (sid: string, done: Done) =>
        real.get(sid, (error, found) => done(error ?? (found ? null : new Error('none')), found)),
      destroy: (sid: string, done: Done) =>
        real.get(sid, (_, found) => (found ? real.destroy(sid, done) : done(new Error('none')))),
      touch: (sid: string, given: SessionData, done: Done) =>
        real.get(sid, (_, found) => (found ? real.touch(sid, given, done) : done(new Error('none')))),
    })),
  ],
  [
    'an unknown id is logged',
    ['get/unknown-silent'],
    broken((real) => ({
      get: (sid: string, done: Done) => {
        if (sid === 'unknown') console.log('no such session');
        real.get(sid, done);
      },
    })),
  ],
  ['get hands out the same object each time', ['get/fresh'], broken(cached)],
  ['get hands out frozen objects', ['get/mutable'], broken(answering(Object.freeze))],
  [
    "get forgets the cookie's attributes",
    ['get/cookie'],
    broken(
      answering(({ cookie: { originalMaxAge, expires }, ...rest }) => ({
        ...rest,
        cookie: { originalMaxAge, expires },
      })),
    ),
  ],
  [
    'get forgets originalMaxAge',
    ['get/original-max-age', 'get/browser-cookie', 'get/create-session'],
    broken(answering((found) => ({ ...found, cookie: { ...found.cookie, originalMaxAge: undefined } }))),
  ],
  [
    'get gives every cookie a date',
    ['get/browser-cookie'],
    broken(answering((found) => ({ ...found, cookie: { ...found.cookie, expires: new Date() } }))),
  ],
  [
    'set reads the session later',
    ['set/snapshot'],
    broken((real) => ({
      set: (sid: string, given: SessionData, done: Done) => void setImmediate(() => real.set(sid, given, done)),
    })),
  ],
  [
    'get does not wait for a set before it',
    ['set/read-at-once', 'destroy/same-tick', 'touch/after-set'],
    broken((real) => ({
      set: (sid: string, given: SessionData, done: Done) => {
        const copy = asJson(given);
        setImmediate(() => real.set(sid, copy, done));
      },
    })),
  ],
  [
    'set changes what it is given',
    ['set/innocent'],
    broken((real) => ({
      set: (sid: string, given: SessionData, done: Done) => real.set(sid, Object.assign(given, { saved: true }), done),
    })),
  ],
  [
    'set adds to the old session instead of replacing it',
    ['set/upsert'],
    broken((real) => ({
      set: (sid: string, given: SessionData, done: Done) =>
        real.update(
          sid,
          (old) => ({ ...old, ...given }),
          (error?: unknown) => done?.(error),
        ),
    })),
  ],
  [
    'parsed keys are assigned one by one',
    ['set/own-proto'],
    broken(
      answering((found) => {
        const copy: Record<string, unknown> = {};
        for (const [key, value] of Object.entries(found)) copy[key] = value;
        return copy;
      }),
    ),
  ],
  [
    'a session that cannot be written is taken for an empty one',
    ['set/cycle', 'set/bigint', 'callback/set-cycle'],
    broken((real) => ({
      set: (sid: string, given: SessionData, done: Done) => {
        try {
          JSON.stringify(given);
        } catch {
          return real.set(sid, { cookie: given.cookie }, done);
        }
        return real.set(sid, given, done);
      },
    })),
  ],
  [
    'the old session is removed before the new one is written',
    ['set/bigint', 'set/throwing-getter'],
    broken((real) => ({
      set: (sid: string, given: SessionData, done: Done) => {
        real.destroy(sid);
        real.set(sid, given, done);
      },
    })),
  ],
  [
    'set throws what cannot be written',
    ['callback/set-bigint'],
    broken((real) => ({
      set: (sid: string, given: SessionData, done: Done) => real.set(sid, asJson(given), done),
    })),
  ],
  [
    'numbers are kept as 32 bits',
    ['set/data-numbers'],
    broken(answering((found) => Object.assign(found, 'whole' in found && { whole: Number(found['whole']) | 0 }))),
  ],
  [
    'touch creates',
    ['touch/absent', 'touch/after-destroy', 'logout/slow-touch'],
    broken((real) => ({ touch: (sid: string, given: SessionData, done: Done) => real.set(sid, { ...given }, done) })),
  ],
  [
    'touch leaves an empty trace of an absent session',
    ['touch/absent-unlisted'],
    broken((real) => ({
      touch: (sid: string, given: SessionData, done: Done) =>
        real.update(
          sid,
          (old) => (old ? { ...old, cookie: given.cookie } : { cookie: given.cookie }),
          (e?: unknown) => done?.(e),
        ),
    })),
  ],
  [
    'touch writes the data',
    ['touch/data', 'touch/often'],
    broken((real) => ({
      touch: (sid: string, given: SessionData, done: Done) =>
        real.update(
          sid,
          (old) => old && { ...given },
          (error?: unknown) => done?.(error),
        ),
    })),
  ],
  [
    'touch forgets the cookie',
    ['touch/cookie', 'list/all-sessions'],
    broken((real) => ({
      touch: (sid: string, given: SessionData, done: Done) =>
        real.update(
          sid,
          (old) => old && ({ ...old, cookie: { ...old.cookie, expires: given.cookie.expires } } as SessionData),
          (error?: unknown) => done?.(error),
        ),
    })),
  ],
  [
    'touch does nothing',
    ['touch/moves', 'touch/shorter', 'expiry/browser-touch'],
    broken(() => ({ touch: (_sid: string, _given: SessionData, done: Done) => void setImmediate(done, null) })),
  ],
  [
    'touch reads, waits and writes',
    ['touch/before-destroy', 'touch/before-set'],
    broken((real) => ({
      touch: (sid: string, given: SessionData, done: Done) =>
        real.get(sid, (_, old) => (old ? real.set(sid, { ...old, cookie: given.cookie }, done) : done(null))),
    })),
  ],
  [
    'expiry is late by a millisecond',
    ['expiry/boundary-1000', 'list/length-living', 'expiry/on-arrival'],
    { create: (options) => new MemoryStore({ ...options, now: () => options.now() - 1 }) },
  ],
  [
    'expiry is early by a millisecond',
    ['expiry/boundary-60000', 'list/ids-living'],
    { create: (options) => new MemoryStore({ ...options, now: () => options.now() + 1 }) },
  ],
  [
    'deadlines are whole seconds',
    ['expiry/boundary-250', 'expiry/boundary-999'],
    broken((real) => ({
      set: (sid: string, given: SessionData, done: Done) => {
        const { expires } = given.cookie;
        const seconds = expires && new Date(Math.ceil(expires.getTime() / 1_000) * 1_000 + 1_000);
        real.set(sid, { ...given, cookie: { ...given.cookie, expires: seconds } } as SessionData, done);
      },
    })),
  ],
  [
    'a session without a date never ends',
    ['expiry/browser-cookie', 'expiry/invalid-date', 'expiry/no-cookie'],
    { create: (options) => new MemoryStore({ ...options, ttl: 1e15 }) },
  ],
  [
    'a session that has expired is not stored, and the old one stays',
    ['expiry/replaces'],
    broken((real) => ({
      set: (sid: string, given: SessionData, done: Done) => {
        const { originalMaxAge } = given.cookie;
        if (originalMaxAge !== null && originalMaxAge <= 0) setImmediate(done, null);
        else real.set(sid, given, done);
      },
    })),
  ],
  [
    'deadlines wrap around at 2^31 seconds',
    ['expiry/far'],
    broken((real) => ({
      set: (sid: string, given: SessionData, done: Done) => {
        const at = Math.min(given.cookie.expires?.getTime() ?? 0, 2 ** 31 * 1_000);
        real.set(sid, { ...given, cookie: { ...given.cookie, expires: new Date(at) } } as SessionData, done);
      },
    })),
  ],
  [
    'length counts the dead',
    ['list/length-living', 'list/agree'],
    {
      create: (options) => {
        const backend = new MemoryBackend();
        return Object.assign(new OpenMemoryStore(options, backend), {
          length: (done: Done) => void Promise.resolve(backend.count(0)).then((count) => done(null, count)),
        });
      },
    },
  ],
  [
    'all answers an array',
    ['list/all-by-id', 'list/all-awkward-ids'],
    broken((real) => ({
      all: (done: Done) => real.all((error, sessions) => done(error, Object.values(sessions ?? {}))),
    })),
  ],
  [
    'all answers an ordinary object',
    ['list/all-awkward-ids'],
    broken((real) => ({
      all: (done: Done) =>
        real.all((error, sessions) => {
          const plain: Record<string, unknown> = {};
          for (const [sid, found] of Object.entries(sessions ?? {})) plain[sid] = found;
          done(error, plain);
        }),
    })),
  ],
  [
    'clear leaves a session',
    ['clear/all', 'clear/counts-nothing'],
    broken((real) => ({
      clear: (done: Done) =>
        void real.idsAsync().then(async (ids) => {
          await Promise.all(ids.slice(1).map((sid) => real.destroyAsync(sid)));
          done(null);
        }),
    })),
  ],
  [
    'destroy by pattern',
    ['ids/destroy-hostile'],
    broken((real) => ({
      destroy: (sid: string, done: Done) =>
        void real.idsAsync().then(async (ids) => {
          const like = sid === '*' ? ids : [sid];
          await Promise.all(like.map((one) => real.destroyAsync(one)));
          done?.(null);
        }),
    })),
  ],
  ['prune removes what is renewed meanwhile', ['prune/renewed'], { create: on(() => new LatePruner()) }],
  [
    'ids collide by case',
    ['ids/hostile', 'ids/random', 'ids/unknown-hostile'],
    { create: on(() => renaming((sid) => sid.toLowerCase())) },
  ],
  ['failures are swallowed', ['failure/get', 'failure/set', 'failure/length'], brokenWhenSick(swallowing)],
  [
    'failures come twice',
    ['failure/get', 'failure/destroy'],
    brokenWhenSick((real) => ({
      get: (sid: string, done: Done) => real.get(sid, (error) => [done(error), done(error)]),
      destroy: (sid: string, done: Done) => real.destroy(sid, (error) => [done(error), done(error)]),
    })),
  ],
  [
    'failures are ENOENT',
    ['failure/get-code', 'failure/set-code', 'failure/coded'],
    brokenWhenSick((real) => ({
      get: (sid: string, done: Done) => real.get(sid, () => done(Object.assign(new Error('x'), { code: 'ENOENT' }))),
      set: (sid: string, given: SessionData, done: Done) =>
        real.set(sid, given, () => done(new Error(`cannot write ${JSON.stringify(given)}`))),
    })),
  ],
  [
    'failures without a callback are lost',
    ['failure/emitted', 'failure/unserialisable-emitted'],
    {
      create: over(memory, (real) => ({ set: (sid: string, given: SessionData) => real.set(sid, given, () => {}) })),
      failing: over(sick, (real) => ({ set: (sid: string, given: SessionData) => real.set(sid, given, () => {}) })),
    },
  ],
  [
    'failures without a callback end the process',
    ['failure/unheard'],
    brokenWhenSick((real) => ({ set: (sid: string, given: SessionData) => void real.setAsync(sid, given) })),
  ],
  [
    'a corrupt record is an error',
    ['corrupt/miss', 'corrupt/touch'],
    {
      create: over(whole.create, (real, store) => ({
        get: (sid: string, done: Done) => {
          let met: unknown = null;
          store.on('error', (error) => {
            met = error;
          });
          real.get(sid, (error, found) => setImmediate(() => done(error ?? met, found)));
        },
      })),
    },
  ],
  [
    'a corrupt record is passed over in silence',
    ['corrupt/event'],
    { create: over(whole.create, () => ({ emit: () => true })) },
  ],
  [
    'wrong arguments are thrown',
    ['misuse/get-id', 'misuse/set-session'],
    broken((real) => ({
      get: (sid: string, done: Done) => {
        if (typeof sid !== 'string') throw new TypeError('a session id must be a string');
        real.get(sid, done);
      },
      set: (sid: string, given: SessionData, done: Done) => {
        if (typeof given !== 'object') throw new TypeError('a session must be an object');
        real.set(sid, given, done);
      },
    })),
  ],
  [
    'wrong ids are made text',
    ['misuse/destroy-id', 'misuse/touch-id'],
    broken((real) => ({
      destroy: (sid: string, done: Done) => real.destroy(String(sid), done),
      touch: (sid: string, given: SessionData, done: Done) => real.touch(String(sid), given, done),
    })),
  ],
  [
    "change's answer is ignored",
    ['update/creates', 'update/changes', 'update/removes'],
    broken((real) => ({
      update: (sid: string, change: (found?: SessionData) => unknown, done: Done) =>
        real.get(sid, (error, found) => {
          change(found);
          done(error, found);
        }),
    })),
  ],
  [
    'update reads, waits and writes',
    ['update/parallel'],
    broken((real) => ({
      update: (sid: string, change: (found?: SessionData) => SessionData, done: Done) =>
        real.get(sid, (_, found) => {
          const next = change(found);
          if (next) real.set(sid, next, (error) => done(error, next));
          else real.destroy(sid, (error) => done(error));
        }),
    })),
  ],
  [
    'update starts later',
    ['update/order'],
    broken((real) => ({
      update: (sid: string, change: () => SessionData, done: Done) =>
        void setImmediate(() => real.update(sid, change, done)),
    })),
  ],
  [
    'what change throws is wrapped',
    ['update/throws'],
    broken((real) => ({
      update: (sid: string, change: () => SessionData, done: Done) =>
        real.update(sid, change, (error, found) => done(error && new Error('change failed', { cause: error }), found)),
    })),
  ],
  [
    'a change that answers with a promise is awaited',
    ['misuse/update-async'],
    broken((real) => ({
      update: (sid: string, change: (found?: SessionData) => Promise<SessionData>, done: Done) =>
        real.get(sid, async (_, found) => real.set(sid, await change(found), done)),
    })),
  ],
  [
    'parallel saves overwrite each other',
    ['merge/parallel-keys', 'merge/delete', 'merge/unchanged', 'merge/cookie', 'merge/after-touch'],
    { create: (options) => new MemoryStore({ ...options, concurrency: 'overwrite' }) },
  ],
  [
    'a late save resurrects',
    ['logout/slow-save', 'logout/same-tick', 'logout/clear'],
    { create: (options) => new MemoryStore({ ...options, concurrency: 'overwrite' }) },
  ],
  [
    "a second save takes others' keys for deleted",
    ['merge/second-save'],
    {
      create: (options) => {
        let merges = 0;
        const concurrency = (_: SessionData, theirs: SessionData, ours: SessionData) => {
          merges += 1;
          return merges === 1 ? { ...theirs, ...ours } : ours;
        };
        return new MemoryStore({ ...options, concurrency });
      },
    },
  ],
  [
    'close is refused the second time',
    ['close/idempotent'],
    broken((real) => {
      let closed = false;
      return {
        close: (done: Done) => {
          if (closed) return setImmediate(() => done(new Error('closed already')));
          closed = true;
          return real.close(done);
        },
      };
    }),
  ],
  [
    'close does not wait',
    ['close/in-flight'],
    {
      create: over(
        on(damaged((real) => ({ update: (sid, change) => nextTurn().then(() => real.update(sid, change)) }))),
        () => ({ close: (done: Done) => process.nextTick(done, null) }),
      ),
    },
  ],
  [
    'a closed store goes on',
    ['close/get', 'close/set', 'close/entries', 'promise/getAsync', 'close/without-callback'],
    broken(() => ({ close: (done: Done) => done && void setImmediate(done, null) })),
  ],
  [
    'a promise twin throws',
    ['promise/misuse', 'promise/setAsync'],
    broken((real) => ({
      setAsync: (sid: string, given: SessionData) => {
        if (typeof sid !== 'string') throw new TypeError('a session id must be a string');
        return [real.setAsync(sid, given)];
      },
    })),
  ],
  [
    'a promise twin differs',
    ['promise/equals-callback'],
    broken((real) => ({ idsAsync: async () => (await real.idsAsync()).slice(1) })),
  ],
  [
    'entries are shared',
    ['entries/pairs'],
    {
      create: over(memory, (real) => {
        const one = { n: 0, cookie: { originalMaxAge: null, expires: null } };
        return {
          entries: async function* () {
            for await (const [sid] of real.entries()) yield [sid, one];
          },
        };
      }),
    },
  ],
  [
    'a timer keeps the process alive',
    ['process/opened', 'process/closing'],
    { program: (body) => `setInterval(() => {}, 1_000); ${program(body)}` },
  ],
  [
    'a long interval overflows',
    ['process/long-interval'],
    {
      create: (options) => {
        if (options.pruneInterval > 0) setInterval(() => {}, options.pruneInterval).unref();
        return new MemoryStore(options);
      },
    },
  ],
];

function swallowing(real: TestedStore): Methods {
  return {
    get: (sid: string, done: Done) => real.get(sid, () => done(null, null)),
    set: (sid: string, given: SessionData, done: Done) => real.set(sid, given, () => done?.(null)),
    length: (done: Done) => real.length(() => done(null, 0)),
  };
}

/** Looks, waits, and then deletes what it saw. */
class LatePruner extends MemoryBackend {
  override async prune(now: number): Promise<number> {
    const dead: string[] = [];
    for await (const [sid, { expires }] of this.entries()) if (expires <= now) dead.push(sid);
    await nextTurn();
    for (const sid of dead) this.update(sid, () => undefined);
    return dead.length;
  }
}

/** A backend that files its entries under other names than it is given. */
function renaming(rename: (sid: string) => string): Backend {
  const real = new MemoryBackend();
  return {
    read: (sid) => real.read(rename(sid)),
    update: (sid, change) => real.update(rename(sid), change),
    touch: (sid, to, now) => real.touch(rename(sid), to, now),
    entries: () => real.entries(),
    count: (now) => real.count(now),
    prune: (now) => real.prune(now),
    clear: () => real.clear(),
    close: () => real.close(),
  };
}

type BackendMethods = Partial<Backend>;

function damaged(breaks: (real: MemoryBackend) => BackendMethods): () => Backend {
  return () => {
    const real = new MemoryBackend();
    return { ...renamed(real), ...breaks(real) };
  };
}

function renamed(real: MemoryBackend): Backend {
  return {
    read: (sid) => real.read(sid),
    update: (sid, change) => real.update(sid, change),
    touch: (sid, to, now) => real.touch(sid, to, now),
    entries: () => real.entries(),
    count: (now) => real.count(now),
    prune: (now) => real.prune(now),
    clear: () => real.clear(),
    close: () => real.close(),
  };
}

const alive = (entry: Entry | undefined, now: number) => (entry && entry.expires > now ? entry : undefined);

async function everythingIn(backend: Backend): Promise<(readonly [string, Entry])[]> {
  const pairs: (readonly [string, Entry])[] = [];
  for await (const pair of backend.entries()) pairs.push(pair);
  return pairs;
}

/** Moves an entry however dead it is, and in whichever way it is told to. */
const touchBy =
  (next: (entry: Entry, to: Touch, now: number) => Entry | undefined) =>
  (real: MemoryBackend): BackendMethods => ({
    touch: (sid, to, now) => real.update(sid, (entry) => entry && next(entry, to, now)),
  });

const backendMutants: readonly Mutant<() => Backend>[] = [
  ['read judges age', ['read/dead'], damaged((real) => ({ read: (sid) => alive(real.read(sid), Date.now()) }))],
  [
    'deadlines are kept in seconds',
    ['read/round-trip', 'update/dead'],
    damaged((real) => ({
      read: (sid) => {
        const entry = real.read(sid);
        return entry && { ...entry, expires: Math.floor(entry.expires / 1_000) * 1_000 };
      },
    })),
  ],
  [
    'update reads, waits and writes',
    ['update/atomic', 'update/atomic-across-turns', 'order/later-sees-earlier', 'touch/parallel'],
    damaged((real) => ({
      update: async (sid, change) => {
        const current = real.read(sid);
        const next = change(current);
        await nextTurn();
        if (next !== current) real.update(sid, () => next);
      },
    })),
  ],
  [
    'write creates nothing',
    ['write/absent', 'write/ids'],
    damaged((real) => ({ write: (sid, entry) => real.update(sid, (found) => found && entry) })),
  ],
  [
    'write leaves alone what is there',
    ['write/present', 'write/dead', 'write/order'],
    damaged((real) => ({ write: (sid, entry) => real.update(sid, (found) => found ?? entry) })),
  ],
  [
    'write keeps what is there when it is given nothing',
    ['write/nothing'],
    damaged((real) => ({ write: (sid, entry) => real.update(sid, (found) => entry ?? found) })),
  ],
  [
    'write replaces the data alone',
    ['write/present', 'write/dead'],
    damaged((real) => ({
      write: (sid, entry) => real.update(sid, (found) => (found && entry ? { ...found, data: entry.data } : entry)),
    })),
  ],
  [
    'write judges age',
    ['write/dead'],
    damaged((real) => ({ write: (sid, entry) => real.update(sid, () => alive(entry, 1_700_000_000_000)) })),
  ],
  [
    'write starts later',
    ['write/order'],
    damaged((real) => ({ write: (sid, entry) => nextTurn().then(() => real.update(sid, () => entry)) })),
  ],
  [
    'write takes another way to its id',
    ['write/ids'],
    damaged((real) => ({ write: (sid, entry) => real.update(sid.toLowerCase(), () => entry) })),
  ],
  [
    'update starts later',
    ['order/later-sees-earlier', 'order/touch-keeps-update'],
    damaged((real) => ({ update: (sid, change) => nextTurn().then(() => real.update(sid, change)) })),
  ],
  [
    'touch starts later',
    ['order/update-sees-touch'],
    damaged((real) => ({ touch: (sid, to, now) => nextTurn().then(() => real.touch(sid, to, now)) })),
  ],
  [
    'the same object removes',
    ['update/same', 'update/dead'],
    damaged((real) => ({
      update: (sid, change) =>
        real.update(sid, (entry) => {
          const next = change(entry);
          return next === entry ? undefined : next;
        }),
    })),
  ],
  [
    'undefined leaves things as they are',
    ['update/remove', 'ids/removed'],
    damaged((real) => ({ update: (sid, change) => real.update(sid, (entry) => change(entry) ?? entry) })),
  ],
  [
    'removing nothing fails',
    ['update/remove-absent'],
    damaged((real) => ({
      update: (sid, change) =>
        real.update(sid, (entry) => {
          const next = change(entry);
          if (entry === undefined && next === undefined) throw new Error('nothing to remove');
          return next;
        }),
    })),
  ],
  [
    'what change throws is swallowed',
    ['update/throws'],
    damaged((real) => ({
      update: (sid, change) => {
        try {
          real.update(sid, change);
        } catch {}
      },
    })),
  ],
  [
    'what change throws is wrapped',
    ['update/throws'],
    damaged((real) => ({
      update: (sid, change) => {
        try {
          real.update(sid, change);
        } catch (cause) {
          throw new Error('change failed', { cause });
        }
      },
    })),
  ],
  [
    'a change that threw costs the entry',
    ['update/throws'],
    damaged((real) => ({
      update: (sid, change) => {
        try {
          real.update(sid, change);
        } catch (error) {
          real.update(sid, () => undefined);
          throw error;
        }
      },
    })),
  ],
  [
    'the dead are hidden from change',
    ['update/dead'],
    damaged((real) => ({ update: (sid, change) => real.update(sid, (entry) => change(alive(entry, Date.now()))) })),
  ],
  [
    'touch creates',
    ['touch/absent', 'order/removed-stays-removed'],
    damaged((real) => ({
      touch: (sid, { expires, cookie }) =>
        real.update(sid, (entry) => ({ data: entry?.data ?? '{}', cookie, expires })),
    })),
  ],
  [
    'touch revives the dead',
    ['touch/dead'],
    damaged(touchBy((entry, { cookie, expires }) => ({ ...entry, cookie, expires }))),
  ],
  [
    'touch takes an entry at its deadline for living',
    ['touch/dead'],
    damaged((real) => ({ touch: (sid, to, now) => real.touch(sid, to, now - 1) })),
  ],
  [
    'touch does not look at what is expected',
    ['touch/unexpected'],
    damaged((real) => ({ touch: (sid, { expires, cookie }, now) => real.touch(sid, { expires, cookie }, now) })),
  ],
  [
    'touch always expects its own cookie',
    ['touch/moves', 'touch/expected'],
    damaged((real) => ({ touch: (sid, to, now) => real.touch(sid, { ...to, expected: to.cookie }, now) })),
  ],
  [
    'touch forgets the cookie',
    ['touch/moves', 'touch/expected'],
    damaged(touchBy((entry, { expires }, now) => (entry.expires > now ? { ...entry, expires } : entry))),
  ],
  [
    'touch never brings a deadline nearer',
    ['touch/moves'],
    damaged(
      touchBy((entry, { expires, cookie }, now) =>
        entry.expires > now ? { ...entry, cookie, expires: Math.max(entry.expires, expires) } : entry,
      ),
    ),
  ],
  [
    'touch writes the data that it read before',
    ['touch/parallel', 'order/touch-keeps-update'],
    () => {
      const real = new MemoryBackend();
      const first = new Map<string, string>();
      return {
        ...renamed(real),
        update: (sid, change) =>
          real.update(sid, (entry) => {
            const next = change(entry);
            if (next && !first.has(sid)) first.set(sid, next.data);
            return next;
          }),
        touch: (sid, { expires, cookie }) =>
          real.update(sid, (entry) => entry && { data: first.get(sid) ?? entry.data, cookie, expires }),
      };
    },
  ],
  [
    'entries leaves out the dead',
    ['entries/all', 'count/living'],
    damaged((real) => ({
      entries: async function* () {
        for await (const pair of real.entries()) if (alive(pair[1], Date.now())) yield pair;
      },
      count: async () => (await everythingIn(real)).filter(([, entry]) => alive(entry, Date.now())).length,
    })),
  ],
  [
    'entries yields twice',
    ['entries/all', 'entries/changing'],
    damaged((real) => ({
      entries: async function* () {
        yield* real.entries();
        yield* real.entries();
      },
    })),
  ],
  [
    'entries pages by position',
    ['entries/changing'],
    damaged((real) => ({
      entries: async function* () {
        for (let from = 0; ; from += 100) {
          const page = (await everythingIn(real)).slice(from, from + 100);
          if (page.length === 0) return;
          yield* page;
        }
      },
    })),
  ],
  ['count counts the dead', ['count/living'], damaged((real) => ({ count: () => real.count(0) }))],
  ['prune spares the deadline', ['prune/dead'], damaged((real) => ({ prune: (now) => real.prune(now - 1) }))],
  ['prune takes the living', ['prune/dead'], damaged((real) => ({ prune: (now) => real.prune(now + 1) }))],
  ['prune removes what is renewed meanwhile', ['prune/renewed', 'prune/twice-at-once'], () => new LatePruner()],
  [
    'prune holds the event loop',
    ['prune/slices'],
    () => {
      const real = new MemoryBackend();
      const sids = new Set<string>();
      return {
        ...renamed(real),
        update: (sid, change) => {
          sids.add(sid);
          real.update(sid, change);
        },
        prune: (now) => {
          const dead = [...sids].filter((sid) => (real.read(sid)?.expires ?? Number.POSITIVE_INFINITY) <= now);
          for (const sid of dead) real.update(sid, () => undefined);
          return dead.length;
        },
      };
    },
  ],
  [
    'clear removes the dead only',
    ['clear/everything'],
    damaged((real) => ({ clear: async () => void (await real.prune(2)) })),
  ],
  ['ids collide by case', ['ids/hostile', 'ids/random', 'ids/removed'], () => renaming((sid) => sid.toLowerCase())],
  ['ids collide by Unicode form', ['ids/hostile', 'ids/random'], () => renaming((sid) => sid.normalize())],
  ['ids end at NUL', ['ids/hostile', 'ids/random'], () => renaming((sid) => sid.split('\0', 1)[0] ?? '')],
  ['ids are cut off', ['ids/hostile'], () => renaming((sid) => sid.slice(0, 255))],
  ['ids are trimmed', ['ids/hostile', 'ids/random'], () => renaming((sid) => sid.trim())],
  ['ids are written as UTF-8', ['ids/hostile'], () => renaming((sid) => sid.toWellFormed())],
];

const httpMutants: readonly Mutant<Partial<HttpSuiteOptions<SessionStore>>>[] = [
  [
    'parallel saves overwrite each other',
    ['http/parallel-keys-resave-false', 'http/logout-sticks-resave-false', 'http/logout-sticks-resave-true'],
    { create: (options) => new MemoryStore({ ...options, concurrency: 'overwrite' }) },
  ],
  [
    'touch does nothing',
    ['http/resave-false', 'http/max-age-only'],
    {
      create: over(memory, () => ({
        touch: (_sid: string, _given: SessionData, done: Done) => void setImmediate(done),
      })),
    },
  ],
  [
    'touch creates',
    ['http/destroyed-meanwhile'],
    {
      create: over(memory, (real) => ({
        touch: (sid: string, given: SessionData, done: Done) => real.set(sid, asJson(given), done),
      })),
    },
  ],
  [
    'destroy does nothing',
    ['http/login', 'http/logout', 'http/unset-destroy', 'http/reload'],
    { create: over(memory, () => ({ destroy: (_sid: string, done: Done) => void setImmediate(done) })) },
  ],
  [
    'set is not finished when it calls back',
    ['http/save'],
    {
      create: over(memory, (real) => ({
        set: (sid: string, given: SessionData, done: Done) => {
          setTimeout(() => real.set(sid, given), 50);
          setImmediate(done, null);
        },
      })),
    },
  ],
  [
    'the expired are answered',
    ['http/expired'],
    { create: (options) => new MemoryStore({ ...options, now: () => 0 }) },
  ],
  [
    'ttl counts from the first save',
    ['http/browser-session'],
    { create: (options) => new MemoryStore({ ...options, ttl: 1e10 }) },
  ],
  ['ids collide by case', ['http/hostile-id'], { create: on(() => renaming((sid) => sid.toLowerCase())) }],
  ['failures are swallowed', ['http/storage-fails-get', 'http/storage-fails-set'], { failing: over(sick, swallowing) }],
];

function outcomeOf(outcome: Outcome): { failed: [string, unknown][]; skipped: string[] } {
  return { failed: [...outcome.failed], skipped: outcome.skipped };
}

function noticed<Broken>(
  mutants: readonly Mutant<Broken>[],
  run: (broken: Broken, only: readonly string[]) => Promise<Outcome>,
): void {
  for (const [rule, noticedBy, broken] of mutants) {
    it(`notice it when ${rule} (${noticedBy.join(', ')})`, async () => {
      const { passed, skipped } = await run(broken, noticedBy);
      deepEqual({ passed, skipped }, { passed: [], skipped: [] });
    });
  }
}

describe('the conformance suites', function () {
  this.timeout(240_000);
  describe('store', () => {
    it('pass a store that is whole, with no case left out', async () => {
      const outcome = await runStore({ patience: 40_000 });
      deepEqual(outcomeOf(outcome), { failed: [], skipped: [] });
      equal(outcome.passed.length, storeCases.length);
      ok(storeCases.length >= 120, `${storeCases.length} cases`);
    });
    noticed(storeMutants, runStore);
  });

  describe('backend', () => {
    it('pass a backend that is whole, with no case left out', async () => {
      const outcome = await runBackend(() => new MemoryBackend());
      deepEqual(outcomeOf(outcome), { failed: [], skipped: [] });
      equal(outcome.passed.length, backendCases.length);
    });
    noticed(backendMutants, runBackend);
  });

  describe('http', () => {
    it('pass a store that is whole, with no case left out', async () => {
      deepEqual(outcomeOf(await runHttp({})), { failed: [], skipped: [] });
    });
    noticed(httpMutants, runHttp);
  });
});
