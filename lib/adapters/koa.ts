import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { SessionData } from 'express-session';
import type { Context, DefaultContext, DefaultState, Middleware } from 'koa';
import type { Awaitable } from '../backend.js';
import { adopt } from '../backends/foreign.js';
import { MemoryStore } from '../backends/memory.js';
import type { AnyStore, PromisedStore } from '../bridge.js';
import { misuse } from '../errors.js';
import { systemClock } from '../expiry.js';
import { Availability } from '../internal/availability.js';
import { CarriedRecords } from '../internal/carried-records.js';
import { isGenericStore } from '../internal/generic-store.js';
import { lifetimeOf } from '../internal/koa-cookie-record.js';
import { type CookieSessions, SettledCookieSessions, type SettledStore } from '../internal/koa-cookie-sessions.js';
import { KoaRequest, type KoaSettings } from '../internal/koa-request.js';
import { KoaStore } from '../internal/koa-store.js';
import { checkBoolean, checkDuration, checkFunction, checkNames, describe } from '../internal/options.js';

export { MemoryStore, type SettledStore };

/** The event by which a store says that it can be used again. */
export const CONNECT = 'CONNECT';
/** The event by which a store says that it cannot be used for now. */
export const DISCONNECT = 'DISCONNECT';

const ONE_DAY = 86_400_000;

/** What `ctx.session` has. Declare your own fields on it: `declare module 'sessile/koa' { interface Session { … } }`. */
export interface Session {
  /** How this session's cookie is sent, and how long it lives. */
  cookie: SessionCookie;
}

/** How the session's cookie is sent: options of the cookies package, which Koa uses. */
export interface SessionCookie {
  /** Milliseconds; null: until the browser is closed. Default: one day. */
  maxAge?: number | null | undefined;
  /** The session ends then, and the cookie too where `maxAge` is null. */
  expires?: Date | undefined;
  /** Default: `'/'`. */
  path?: string | undefined;
  /** Default: the host that the visitor asked. */
  domain?: string | undefined;
  /** Whether it is sent over encrypted connections only. Default: false. */
  secure?: boolean | undefined;
  /** Whether scripts in the page cannot read it. Default: true. */
  httpOnly?: boolean | undefined;
  /** The attribute `SameSite`. Default: not sent. */
  sameSite?: 'strict' | 'lax' | 'none' | boolean | undefined;
  /** The attribute `Priority`. Default: not sent. */
  priority?: 'low' | 'medium' | 'high' | undefined;
  /** The attribute `Partitioned`. Default: false. */
  partitioned?: boolean | undefined;
  /** Default: signed where the app has `keys`. */
  signed?: boolean | undefined;
  /** Whether a cookie of that name that was set before gives way. Default: true. */
  overwrite?: boolean | undefined;
}

interface ContextOf<Loaded> extends DefaultContext {
  /** The session's id; undefined where there is none yet. */
  sessionId: string | undefined;
  /** The store, as it was given. */
  readonly sessionStore: NonNullable<SessionOptions['store']>;
  /** true: this request saves its session, changed or not; false: it saves nothing and ends nothing. */
  sessionSave: boolean | null;
  /**
   * Ends the session and starts an empty one under a new id, which is saved once it has something in it. Where it fails
   * the session goes on as it was.
   */
  regenerateSession(): Promise<Session>;
  /** Undefined outside the cookie's path. */
  get session(): Loaded;
  /** null ends the session; an object replaces it. */
  set session(value: Partial<Session> | null | undefined);
}

/** What the middleware adds to `ctx`, for `new Koa<DefaultState, SessionContext>()`. */
export interface SessionContext extends ContextOf<Session> {}

/** The same with `defer: true`. */
export interface DeferredSessionContext extends ContextOf<Promise<Session>> {}

/** The options of koa-session-ts. Durations are milliseconds. */
export interface SessionOptions {
  /** The cookie's name. Default: `koa.sid`. */
  key?: string;
  /**
   * Any store for express-session, what `promisify` or `toKoaStore` answered, or a store of koa-session-ts's kind: `get`,
   * `set` and `destroy` that answer a promise, a thunk or a generator. Default: a new `MemoryStore`.
   */
  store?: AnyStore | PromisedStore | SettledStore;
  /** How long requests wait for a store that reported `DISCONNECT` (or `disconnect`). Default: 10 000. */
  reconnectTimeout?: number;
  /** Default: httpOnly, path `/`, one day, overwrite, not secure, signed where the app has `keys`. */
  cookieOptions?: SessionCookie;
  /** Loads a session only when `ctx.session` is used, which then is a promise. Default: false. */
  defer?: boolean;
  /** Saves the session and sets its cookie with each request that uses it. Default: false. */
  rolling?: boolean;
  /** Stores new sessions that nothing was put into. Default: false. */
  allowEmpty?: boolean;
  /** Makes an id; `length` is 24. Default: 24 random bytes in base64url. */
  genSid?: (ctx: Context, length: number) => Awaitable<string>;
  /**
   * Given what the store failed with. If it throws, or there is none, the request fails; else it goes on, with an empty
   * session where loading failed.
   */
  errorHandler?: (error: Error, type: 'get' | 'set', ctx: Context) => unknown;
  /** The same, as koa-session-ts's documentation spells it. */
  errorHanlder?: (error: Error, type: 'get' | 'set', ctx: Context) => unknown;
  /** Judges a loaded session; for a false one the visitor gets a new session. */
  valid?: (ctx: Context, session: Session) => Awaitable<boolean>;
  /** Called before each save; it may change the session. */
  beforeSave?: (ctx: Context, session: Session) => unknown;
  /** The clock, in milliseconds since the epoch. Default: `Date.now`. */
  now?: () => number;
}

/**
 * Sessions for Koa, as koa-session-ts documents them: `ctx.session`, kept in any store and saved when it was changed.
 * A store for express-session that is not of this package is adopted: a save is merged with what other requests saved
 * since this one loaded the session, and a session that was ended meanwhile stays ended. With a store of koa-session-ts's
 * kind the last save counts.
 *
 * Failures: what the store failed with; `SESSILE_UNAVAILABLE` while it is disconnected.
 *
 * @throws TypeError `SESSILE_MISUSE` for a wrong option
 */
export function session(options: SessionOptions & { defer: true }): Middleware<DefaultState, DeferredSessionContext>;
export function session(options?: SessionOptions): Middleware<DefaultState, SessionContext>;
export function session(options: SessionOptions = {}): Middleware {
  const settings = check(options);
  return async (ctx, next) => {
    if (Object.hasOwn(ctx, 'session') || !isBelow(ctx.originalUrl, settings.cookieOptions.path)) return next();
    const request = new KoaRequest(ctx, settings);
    if (!settings.defer) await request.load();
    request.expose();
    let failure: { error: unknown } | undefined;
    try {
      await next();
    } catch (error) {
      failure = { error };
    }
    try {
      await request.commit(failure?.error);
    } catch (error) {
      if (failure === undefined) throw error;
      if (error !== failure.error) ctx.app.emit('error', error, ctx);
    }
    if (failure !== undefined) throw failure.error;
  };
}

const FUNCTIONS = ['genSid', 'errorHandler', 'errorHanlder', 'valid', 'beforeSave'] as const;
const FLAGS = ['defer', 'rolling', 'allowEmpty'] as const;
const COOKIE_OPTIONS = [
  ...['maxAge', 'expires', 'path', 'domain', 'secure', 'httpOnly'],
  ...['sameSite', 'priority', 'partitioned', 'signed', 'overwrite'],
];

function check(options: SessionOptions): KoaSettings {
  const others = ['key', 'store', 'reconnectTimeout', 'cookieOptions', 'now'];
  checkNames('session', options, [...FUNCTIONS, ...FLAGS, ...others]);
  for (const name of FUNCTIONS) if (options[name] !== undefined) checkFunction('session', name, options[name]);
  for (const name of FLAGS) if (options[name] !== undefined) checkBoolean('session', name, options[name]);
  const { key = 'koa.sid', cookieOptions = {}, reconnectTimeout = 10_000, now = systemClock } = options;
  if (typeof key !== 'string' || key === '') throw misuse(`session: key must be a cookie's name, not ${describe(key)}`);
  checkNames('session: cookieOptions', cookieOptions, COOKIE_OPTIONS);
  checkFunction('session', 'now', now);
  const store = options.store ?? new MemoryStore({ now });
  const sessions = sessionsIn(store, now);
  const availability = new Availability(checkDuration('session', 'reconnectTimeout', reconnectTimeout, 0));
  availability.watch(store as object, { away: [DISCONNECT, 'disconnect'], back: [CONNECT, 'connect'] });
  return {
    ...{ key, store, sessions, availability, cookieOptions: { ...cookieOptions } },
    ...{ defer: options.defer ?? false, rolling: options.rolling ?? false, allowEmpty: options.allowEmpty ?? false },
    genSid: options.genSid ?? ((_ctx, length) => randomBytes(length).toString('base64url')),
    errorHandler: options.errorHandler ?? options.errorHanlder ?? rethrow,
    valid: (options.valid as KoaSettings['valid'] | undefined) ?? (() => true),
    beforeSave: (options.beforeSave as KoaSettings['beforeSave'] | undefined) ?? (() => {}),
  };
}

function rethrow(error: Error): never {
  throw error;
}

/** A store for express-session has the `createSession` that express-session calls; one of koa-session-ts's kind has not. */
function sessionsIn(store: unknown, now: () => number): CookieSessions {
  if (store instanceof KoaStore) return store.withCookie;
  const { getAsync, createSession, get, set, destroy } = (store ?? {}) as Record<string, unknown>;
  if (typeof getAsync === 'function' || typeof createSession === 'function' || isGenericStore(store)) {
    return new KoaStore(new CarriedRecords<SessionData>(adopt(store as AnyStore)), now).withCookie;
  }
  for (const method of [get, set, destroy]) {
    if (typeof method !== 'function') throw misuse(`session: a store must have get, set and destroy`);
  }
  return new SettledCookieSessions(store as SettledStore, now);
}

/** As browsers decide whether to send the cookie (RFC 6265, 5.1.4). */
function isBelow(url: string, path = '/'): boolean {
  const pathname = url.replace(/^[a-z]+:\/\/[^/?]*/i, '').split('?', 1)[0] ?? '';
  if (path === '' || path === '/' || pathname === path) return true;
  return pathname.startsWith(path.endsWith('/') ? path : `${path}/`);
}

/** Options of {@link toKoaStore}. */
export interface KoaStoreOptions {
  /** The clock, in milliseconds since the epoch. Default: `Date.now`. */
  now?: () => number;
  /**
   * The names under which the store's `connect` and `disconnect` are passed on. `'upper'` (default), `CONNECT` and
   * `DISCONNECT`, is what koa-session-ts listens to. `'lower'` is for koa-generic-session, and ends the process when an
   * outage lasts for its `reconnectTimeout` without a request: it leaves a promise to reject with nobody there.
   */
  events?: 'upper' | 'lower';
}

/** What the hosts' types of a store have in common. */
export type HostStore = Record<'get' | 'set' | 'destroy', (...args: never[]) => unknown>;

/** What {@link toKoaStore} answers. */
export type AdaptedStore = EventEmitter & Pick<KoaStore<SessionData>, 'get' | 'set' | 'destroy'>;

/**
 * Any store as one that koa-session, koa-generic-session and koa-session-ts take as `store`; one that is not of this
 * package is adopted. A request's save is merged with what other requests saved since it loaded the session, and a session
 * that was ended meanwhile stays ended. Under koa-generic-session and koa-session-ts that needs the session object that
 * they loaded: one that an app puts in its place is a plain write.
 *
 * @typeParam Host what the host declares as its store, which TypeScript finds where the answer is given to it. Each host
 * declares another thing, koa-session-ts a class with a protected member, which nothing but its own stores would match.
 * @throws TypeError `SESSILE_MISUSE`
 */
export function toKoaStore<Host extends HostStore = AdaptedStore>(
  store: AnyStore | PromisedStore,
  options: KoaStoreOptions = {},
): Host {
  checkNames('toKoaStore', options, ['now', 'events']);
  const { now = systemClock, events = 'upper' } = options;
  checkFunction('toKoaStore', 'now', now);
  if (events !== 'upper' && events !== 'lower') throw misuse(`toKoaStore: events must be 'upper' or 'lower'`);
  const names = events === 'upper' ? [CONNECT, DISCONNECT] : ['connect', 'disconnect'];
  const [connect = '', disconnect = ''] = names;
  const ours = adopt(store);
  const adapted = new KoaStore(new CarriedRecords<SessionData>(ours), now).forward(ours, { connect, disconnect });
  return adapted as HostStore as Host;
}

/**
 * For stores of koa-session-ts's kind: extend it, write `get`, `set` and `destroy`, and emit `CONNECT` and `DISCONNECT`.
 */
export abstract class BaseStore extends EventEmitter {
  /** What a store's own keys may begin with. Default: `'koa:sess'`. */
  protected readonly prefix: string;

  constructor(prefix = 'koa:sess') {
    super();
    this.prefix = prefix;
  }

  /** Answers the session, or nothing. */
  abstract get(sid: string): unknown;
  /** Ends a session. */
  abstract destroy(sid: string): unknown;

  /** Answers how many ms the session is to live: for `super.set(sid, session, ttl)` in a store's own `set`. */
  async set(_sid: string, session: { cookie?: SessionCookie }, ttl?: number): Promise<unknown> {
    return ttl || lifetimeOf(session.cookie, systemClock) || ONE_DAY;
  }
}
