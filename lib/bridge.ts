import type { SessionData, Store } from 'express-session';
import { misuse } from './errors.js';
import { Expiry, type ExpiryOptions } from './expiry.js';
import { byId } from './internal/by-id.js';
import { CallbackFace } from './internal/callback-face.js';
import type { Callback } from './internal/deliver.js';
import { GenericRecords } from './internal/generic-records.js';
import { type GenericStore, isGenericStore } from './internal/generic-store.js';
import { oneAnswer } from './internal/one-answer.js';
import { checkDuration, checkNames, describe } from './internal/options.js';
import { withSource } from './internal/source-of.js';
import { unlessMissing } from './internal/unless-missing.js';

/**
 * What every session store for express-session has, ours and anybody else's. Methods are typed by what they are called
 * with: what they answer is not looked at unless it is a promise.
 */
export interface ExpressStore {
  /** Calls back with the session; with undefined or null where there is none. */
  get(sid: string, callback: (error?: unknown, session?: SessionData | null) => void): unknown;
  /** Stores a session whole. */
  set(sid: string, session: SessionData, callback?: (error?: unknown) => void): unknown;
  /** Ends a session. */
  destroy(sid: string, callback?: (error?: unknown) => void): unknown;
}

/**
 * A store for express-session, or one of generic-session's kind, which keeps sessions by key. That `delAll` is absent from
 * the former tells them apart, so that the parameters of one that is written in place need no types.
 */
export type AnyStore =
  | (ExpressStore & {
      /** Absent. */
      readonly delAll?: undefined;
    })
  | GenericStore;

/** A store seen through promises. A method that the store lacks is absent. */
export interface PromisedStore {
  /** The session, or undefined. */
  getAsync(sid: string): Promise<SessionData | undefined>;
  /** Stores a session whole; stores of ours merge one that was carried. */
  setAsync(sid: string, session: SessionData): Promise<void>;
  /** Ends a session; no error where there is none. */
  destroyAsync(sid: string): Promise<void>;
  /** Moves a session's deadline to that of the cookie given. */
  touchAsync?(sid: string, session: SessionData): Promise<void>;
  /** Ends every session. */
  clearAsync?(): Promise<void>;
  /** How many sessions there are. */
  lengthAsync?(): Promise<number>;
  /** All sessions by id. */
  allAsync?(): Promise<Record<string, SessionData>>;
  /** The ids of all sessions. */
  idsAsync?(): Promise<string[]>;
  /** Atomic read-modify-write of one session; stores of ours have it. */
  updateAsync?(
    sid: string,
    change: (session: SessionData | undefined) => SessionData | undefined,
  ): Promise<SessionData | undefined>;
  /** See SessionStore.carry: stores of ours merge a save with what was saved since `from` was handed out. */
  carry?(from: object, to: object): void;
}

/**
 * Options of {@link promisify}. `ttl` and `now` are for stores of generic-session's kind, as those are told how long a
 * session has to live.
 */
export interface PromisifyOptions extends ExpiryOptions<SessionData> {
  /** How many ms a call may take; one that takes longer rejects with `SESSILE_TIMEOUT`. Default: without end. */
  timeout?: number;
}

/**
 * Promises over any store for express-session, or of generic-session's kind. A store of ours, or any that has `getAsync`,
 * is answered as it is.
 *
 * Each promise settles once, by what the store does first: call back (a second time counts for nothing), throw or
 * reject. What the store fails with comes unchanged; `ENOENT`, by which file stores say that there is no such session,
 * is a miss for `getAsync` and nothing to be done for `touchAsync` and `destroyAsync`. Whatever is no object is a miss.
 *
 * A session is handed to the store as it is, at the moment of the call, because a store may read from it what JSON would
 * drop (a cookie's `maxAge`); like express-session's own calls this relies on the store to read it at once. What the
 * store answers is handed out as it is. `adopt` and `callbackify` copy.
 *
 * Of a store of generic-session's kind copies go in and out, and a session is a miss once its cookie's date has passed.
 * Its cookie is kept under the key `cookie`: generic-session shows it among the values, and a value of that name displaces
 * it. A session that generic-session wrote comes with a cookie that ends with the browser.
 *
 * @throws TypeError `SESSILE_MISUSE`
 */
export function promisify(store: AnyStore | PromisedStore, options: PromisifyOptions = {}): PromisedStore {
  checkNames('promisify', options, ['timeout', 'ttl', 'now']);
  const { timeout, ...lasting } = options;
  if (timeout !== undefined) checkDuration('promisify', 'timeout', timeout, 1);
  const expiry = new Expiry<SessionData>('promisify', lasting);
  if (isPromised(store)) return store;
  if (isGenericStore(store)) return new GenericRecords(store, expiry, timeout) as PromisedStore;
  if (!isStore(store)) throw misuse(`a store must have get, set and destroy, not be ${describe(store)}`);
  const call = (name: string, ...args: unknown[]) => oneAnswer(store, name, args, timeout);
  const has = (name: string) => typeof (store as unknown as Record<string, unknown>)[name] === 'function';
  const promised: PromisedStore = {
    getAsync: async (sid) => sessionOf(await call('get', sid).catch(unlessMissing)),
    setAsync: async (sid, session) => void (await call('set', sid, session)),
    destroyAsync: async (sid) => void (await call('destroy', sid).catch(unlessMissing)),
    ...(has('touch') && {
      touchAsync: async (sid, session) => void (await call('touch', sid, session).catch(unlessMissing)),
    }),
    ...(has('clear') && { clearAsync: async () => void (await call('clear')) }),
    ...(has('length') && { lengthAsync: async () => Number(await call('length')) }),
    ...(has('all') && { allAsync: async () => byId(await call('all')) as Record<string, SessionData> }),
    ...(has('ids') && { idsAsync: async () => (await call('ids')) as string[] }),
    ...(!has('ids') &&
      hasNamedFiles(store) && { idsAsync: async () => idsOf(store, (await call('list')) as string[]) }),
  };
  return withSource(promised, store);
}

function isPromised(store: AnyStore | PromisedStore): store is PromisedStore {
  return typeof (store as Partial<PromisedStore> | null)?.getAsync === 'function';
}

function isStore(store: ExpressStore): boolean {
  const methods = [store?.get, store?.set, store?.destroy];
  return methods.every((method) => typeof method === 'function');
}

/** session-file-store has no `ids`, but lists its files, whose names are the ids. */
interface FilesStore {
  readonly list: unknown;
  readonly options: { readonly fileExtension: string };
}

function hasNamedFiles(store: object): store is FilesStore {
  const { list, options } = store as Partial<FilesStore>;
  return typeof list === 'function' && typeof options?.fileExtension === 'string';
}

function idsOf({ options }: FilesStore, names: string[]): string[] {
  return names.map((name) => name.slice(0, name.length - options.fileExtension.length));
}

function sessionOf(answer: unknown): SessionData | undefined {
  return typeof answer === 'object' && answer !== null ? (answer as SessionData) : undefined;
}

/**
 * A store that answers with promises, or with thunks (functions that take a callback), by generators, or at once: what
 * Koa, Egg and next-session document. `lifetime` is in the unit that was asked for, and at least 1.
 */
export interface PromiseStore {
  /** Answers the session, or nothing. */
  get(sid: string): unknown;
  /** Stores a session, which is to be kept for `lifetime`. */
  set(sid: string, session: SessionData, lifetime: number, info: { changed: true }): unknown;
  /** Ends a session. */
  destroy(sid: string): unknown;
  /** Keeps a session for `lifetime` from now. */
  touch?(sid: string, session: SessionData, lifetime: number): unknown;
  /** Ends every session. */
  clear?(): unknown;
  /** Answers how many sessions there are. */
  length?(): unknown;
  /** Answers all sessions, in an object by id or in an array. */
  all?(): unknown;
  /** Answers the ids of all sessions. */
  ids?(): unknown;
}

/** Options of {@link callbackify}. */
export interface CallbackifyOptions extends ExpiryOptions<SessionData> {
  /** What `set` and `touch` of the promise store take a life span in. Default: `'ms'`. */
  unit?: 'ms' | 's';
}

/** express-session's store contract. What the promise store lacks is absent. */
export interface CallbackStore extends Store {
  /** The ids of all sessions. */
  ids?(callback: Callback<string[]>): void;
}

/**
 * A store for express-session of a store that answers with promises, thunks or generators, or of what {@link promisify}
 * answered. Callbacks are called later and exactly once; what has no callback to go to is an `error` event, or a process
 * warning where nobody listens.
 *
 * Sessions are copied as JSON at the moment of the call, in both directions. With each the store is told how long it has
 * to live: until its `cookie.expires`, or `ttl`; one whose time is over is destroyed. What the store answers gets the
 * cookie that express-session cannot do without, by koa-session's `_expire` and `_maxAge` where it has those. The store
 * has to let sessions expire by itself: express-session takes what it is given.
 *
 * @throws TypeError `SESSILE_MISUSE`
 */
export function callbackify(store: PromiseStore | PromisedStore, options: CallbackifyOptions = {}): CallbackStore {
  checkNames('callbackify', options, ['unit', 'ttl', 'now']);
  const { unit = 'ms', ...lasting } = options;
  if (unit !== 'ms' && unit !== 's') throw misuse(`callbackify: unit must be 'ms' or 's', not ${describe(unit)}`);
  const expiry = new Expiry<SessionData>('callbackify', lasting);
  if (isOurs(store)) return store;
  const perUnit = unit === 's' ? 1_000 : 1;
  return new CallbackFace({
    store,
    methods: methodsOf(store),
    now: expiry.now,
    lifetime: (sid, session, date) => {
      const left = expiry.deadline(date, session as SessionData, sid) - expiry.now();
      return Math.ceil(left / perUnit);
    },
  });
}

/** Stores of ours have callbacks next to their promises. */
function isOurs(store: PromiseStore | PromisedStore): store is PromisedStore & CallbackStore {
  const { getAsync, createSession } = Object(store) as { getAsync?: unknown; createSession?: unknown };
  return typeof getAsync === 'function' && typeof createSession === 'function';
}

type Method = (...args: unknown[]) => unknown;

/** By their names in express-session's contract. */
function methodsOf(store: PromiseStore | PromisedStore): Record<string, Method> {
  const given = Object(store) as Record<string, unknown>;
  const suffix = typeof given['getAsync'] === 'function' ? 'Async' : '';
  const methods: Record<string, Method> = {};
  for (const name of ['get', 'set', 'destroy', 'touch', 'clear', 'length', 'all', 'ids']) {
    const method = given[name + suffix];
    if (typeof method === 'function') methods[name] = method as Method;
  }
  if (methods['get'] && methods['set'] && methods['destroy']) return methods;
  throw misuse(`a promise store must have get, set and destroy, not be ${describe(store)}`);
}
