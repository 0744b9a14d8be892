import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AnyStore } from './bridge.js';
import { misuse } from './errors.js';
import { systemClock } from './expiry.js';
import { type CookieJar, type CookieKeys, checkCookieName, keysOf, TokenCookie } from './facade/cookies.js';
import { genericMemoryStore } from './facade/generic-face.js';
import { keyStoreOf } from './facade/key-stores.js';
import { PerKey, type Values } from './facade/per-key.js';
import { dateAfter, type Fields, type KeyStore, type ValueChange } from './facade/values.js';
import { TWO_WEEKS } from './internal/generic-store.js';
import { checkFunction, checkNames, describe } from './internal/options.js';

export type { CookieJar, CookieJarOptions, CookieKeys } from './facade/cookies.js';
export {
  type GenericMemoryOptions,
  type GenericStoreOptions,
  toGenericStore,
} from './facade/generic-face.js';
export type { Key, PerKey } from './facade/per-key.js';
export { perKey } from './facade/per-request.js';
export type { Fields, ValueChange } from './facade/values.js';
export type { GenericStore } from './internal/generic-store.js';

/** Options of {@link genericSession}. */
export interface GenericSessionOptions {
  /** Secrets, the first of which signs, or a Keygrip. Default: cookies are not signed, and visitors can choose their id. */
  keys?: readonly string[] | CookieKeys | undefined;
  /** What reads and writes cookies. Default: the package `cookies`. */
  cookies?: CookieJar | undefined;
  /** How long a session lives after its last use, in **seconds**, as in the original. Default: two weeks. */
  expire?: number;
  /** Default: `'s'`. */
  cookieName?: string;
  /** What a session's id in the store begins with; the cookie holds the rest. Default: `'session:'`. */
  idPrefix?: string;
  /** The clock, in milliseconds since the epoch. Default: `Date.now`. */
  now?: () => number;
}

interface Settings {
  readonly keys: CookieKeys | undefined;
  readonly cookies: CookieJar | undefined;
  readonly expireMs: number;
  readonly cookieName: string;
  readonly idPrefix: string;
  readonly now: () => number;
}

/** A visitor's session in the kind of generic-session: an id in a cookie, values by key in a store. */
export class GenericSession extends PerKey {
  /** The session's id in the store. */
  readonly id: string;
  /** What the cookie holds. */
  readonly token: string;
  /** The request that the session belongs to. */
  readonly request: IncomingMessage;
  /** Its response, on which the cookie was set. */
  readonly response: ServerResponse;
  /** The store, as it was given. */
  readonly store: AnyStore;
  /** What signs the cookie; undefined: nothing does. */
  readonly keys: CookieKeys | undefined;
  /** What read and wrote the cookie. */
  readonly cookies: CookieJar;
  /** When the cookie expires. */
  readonly expire: Date;
  /** How long the session lives after its last use, in milliseconds. */
  readonly expireMs: number;

  /** @internal Made by {@link genericSession}. */
  constructor(req: IncomingMessage, res: ServerResponse, store: AnyStore, settings: Settings) {
    const { keys, cookieName, idPrefix, expireMs, now } = settings;
    const keyStore = keyStoreOf(store, now);
    const expire = dateAfter(now(), expireMs);
    const cookie = new TokenCookie(req, res, { name: cookieName, keys, jar: settings.cookies, expires: expire });
    const id = idPrefix + cookie.token;
    super(new OwnValues(keyStore, { id, expire: expireMs, forget: () => cookie.remove() }), store);
    this.id = id;
    this.token = cookie.token;
    this.request = req;
    this.response = res;
    this.store = store;
    this.keys = keys;
    this.cookies = cookie.jar;
    this.expire = expire;
    this.expireMs = expireMs;
  }
}

interface Own {
  readonly id: string;
  readonly expire: number;
  /** Takes the visitor's cookie away. */
  forget(): void;
}

/** The values of the session that a visitor's cookie names. What it does after its end is an error, not a new session. */
class OwnValues implements Values {
  readonly #keys: KeyStore;
  readonly #own: Own;
  #ended = false;

  constructor(keys: KeyStore, own: Own) {
    this.#keys = keys;
    this.#own = own;
  }

  async get(key: string): Promise<unknown> {
    return this.#keys.get(this.#id(), key, this.#own.expire);
  }

  async getAll(): Promise<Fields> {
    return this.#keys.getAll(this.#id(), this.#own.expire);
  }

  async set(key: string, value: unknown): Promise<void> {
    return this.#keys.set(this.#id(), key, value, this.#own.expire);
  }

  async del(key: string): Promise<void> {
    return this.#keys.del(this.#id(), key, this.#own.expire);
  }

  async delAll(): Promise<void> {
    return this.#keys.delAll(this.#id());
  }

  async extend(): Promise<void> {
    return this.#keys.extend(this.#id(), this.#own.expire);
  }

  async update(key: string, change: ValueChange): Promise<unknown> {
    return this.#keys.update(this.#id(), key, change, this.#own.expire);
  }

  /**
   * The cookie goes first, and at once: the response may be sent before the store has answered. Where it cannot go,
   * because the headers were sent, the session ends all the same.
   */
  async destroy(): Promise<void> {
    const isFirst = !this.#ended;
    this.#ended = true;
    try {
      if (isFirst) this.#own.forget();
    } finally {
      await this.#keys.delAll(this.#own.id);
    }
  }

  #id(): string {
    if (this.#ended) throw misuse('this session was destroyed in the same request');
    return this.#own.id;
  }
}

/**
 * A session for this request, as the package generic-session makes it: the visitor's id is in a cookie, which is set at
 * once; values are kept by key in `store`, which is a store of ours, any for express-session, or one that was written to
 * generic-session's Store API.
 *
 * @throws TypeError `SESSILE_MISUSE`
 */
export function genericSession(
  req: IncomingMessage,
  res: ServerResponse,
  store: AnyStore,
  options: GenericSessionOptions = {},
): GenericSession {
  return new GenericSession(req, res, store, settingsOf(options));
}

/** A middleware that makes `req.session` and `res.session`. @throws TypeError `SESSILE_MISUSE` */
genericSession.filter = filter;
/** Another name of {@link genericSession.filter}. */
genericSession.middleware = filter;
/** generic-session's MemoryStore: it ignores `expire` and obeys its own `maxAge`. @throws TypeError `SESSILE_MISUSE` */
genericSession.MemoryStore = genericMemoryStore;

function filter(store: AnyStore, options: GenericSessionOptions = {}) {
  const settings = settingsOf(options);
  keyStoreOf(store, settings.now);
  return (
    req: IncomingMessage & { session?: unknown },
    res: ServerResponse & { session?: unknown },
    next: (error?: unknown) => void,
  ): void => {
    let failure: unknown;
    try {
      res.session = new GenericSession(req, res, store, settings);
      req.session = res.session;
    } catch (error) {
      failure = error;
    }
    next(failure);
  };
}

function settingsOf(options: GenericSessionOptions): Settings {
  const where = 'genericSession';
  checkNames(where, options, ['keys', 'cookies', 'expire', 'cookieName', 'idPrefix', 'now']);
  const { cookies, expire = TWO_WEEKS / 1_000, cookieName = 's', idPrefix = 'session:', now = systemClock } = options;
  if (typeof expire !== 'number' || !Number.isFinite(expire) || expire <= 0) {
    throw misuse(`${where}: expire must be a finite number of seconds > 0, not ${describe(expire)}`);
  }
  checkCookieName(cookieName);
  if (typeof idPrefix !== 'string') throw misuse(`${where}: idPrefix must be a string, not ${describe(idPrefix)}`);
  checkFunction(where, 'now', now);
  if (cookies !== undefined && (typeof cookies?.get !== 'function' || typeof cookies.set !== 'function')) {
    throw misuse(`${where}: cookies must have get and set, not be ${describe(cookies)}`);
  }
  return { keys: keysOf(options.keys), cookies, expireMs: expire * 1_000, cookieName, idPrefix, now };
}
