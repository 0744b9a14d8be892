import type { CarriedRecords } from './carried-records.js';
import { fromRecord, type KoaCookie, lifetimeOf, toRecord } from './koa-cookie-record.js';
import { settle } from './settle.js';
import { unlessMissing } from './unless-missing.js';

export interface CookieSession {
  cookie: KoaCookie;
}

/** What koa-generic-session's kind of store answers: a promise, a thunk, a generator's iterator or the value itself. */
export interface SettledStore {
  /** Answers the session, or nothing. */
  get(sid: string): unknown;
  /** Stores a session; `ttl` in ms, absent where the cookie ends with the browser. */
  set(sid: string, session: object, ttl?: number): unknown;
  /** Ends a session. */
  destroy(sid: string): unknown;
}

/** Sessions whose `cookie` has the options of the cookies package, in whatever keeps them. */
export interface CookieSessions {
  /** @param holder what the session will be saved with; without it, the session object itself */
  get(sid: string, holder?: object): Promise<CookieSession | undefined>;
  /** @param ttl ms that the session is kept from now; else its cookie says it */
  set(sid: string, session: object, about?: { ttl?: number | undefined; holder?: object }): Promise<void>;
  destroy(sid: string): Promise<void>;
}

/** In a store of records, as express-session keeps them. */
export class RecordedCookieSessions<R extends object> implements CookieSessions {
  readonly #records: CarriedRecords<R>;
  readonly #now: () => number;

  constructor(records: CarriedRecords<R>, now: () => number) {
    this.#records = records;
    this.#now = now;
  }

  async get(sid: string, holder?: object): Promise<CookieSession | undefined> {
    const record = await this.#records.load(sid);
    if (record === undefined) return undefined;
    const session = fromRecord(record);
    this.#records.hold(sid, record, holder ?? session);
    return session;
  }

  /** A host may say that a session is to live for less than no time: such a record is dead, and the store removes it. */
  async set(sid: string, session: object, { ttl, holder = session }: { ttl?: number; holder?: object } = {}) {
    const lifetime = ttl ?? lifetimeOf((session as Partial<CookieSession>).cookie, this.#now);
    await this.#records.save(sid, toRecord(session, lifetime, this.#now) as R, holder);
  }

  destroy(sid: string): Promise<void> {
    return this.#records.end(sid);
  }
}

/** In a store of koa-generic-session's kind, which is told the ms that the session is to live. */
export class SettledCookieSessions implements CookieSessions {
  readonly #store: SettledStore;
  readonly #now: () => number;

  constructor(store: SettledStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  async get(sid: string): Promise<CookieSession | undefined> {
    const session = (await this.#get(sid).catch(unlessMissing)) as CookieSession | null | undefined;
    if (typeof session !== 'object' || session === null) return undefined;
    const { cookie } = session as { cookie?: { expires?: unknown } };
    if (typeof cookie?.expires !== 'string') return session;
    return { ...session, cookie: { ...cookie, expires: new Date(cookie.expires) } };
  }

  async #get(sid: string): Promise<unknown> {
    return settle(this.#store.get(sid), this.#store);
  }

  async set(sid: string, session: object, { ttl }: { ttl?: number } = {}): Promise<void> {
    const lifetime = ttl ?? lifetimeOf((session as Partial<CookieSession>).cookie, this.#now);
    // Such a session is over, and redis, say, fails for a time that is.
    if (lifetime !== undefined && lifetime <= 0) return this.destroy(sid);
    await settle(this.#store.set(sid, session, lifetime), this.#store);
  }

  async destroy(sid: string): Promise<void> {
    await settle(this.#store.destroy(sid), this.#store);
  }
}
