import { EventEmitter } from 'node:events';
import type { CarriedRecords } from './carried-records.js';
import { type CookieSessions, RecordedCookieSessions } from './koa-cookie-sessions.js';
import { type KoaSessionCall, KoaSessions } from './koa-sessions.js';

/** Who reports outages of a store, by `connect` and `disconnect`. */
export interface EventSource {
  on(event: string, listener: () => void): unknown;
}

/**
 * A store of records with the methods that Koa's session packages call. koa-session passes an object with the request's
 * context with each call, and its sessions say `_expire` or `_session`; the sessions of koa-generic-session and
 * koa-session-ts have a `cookie`.
 */
export class KoaStore<R extends object> extends EventEmitter {
  readonly #cookieless: KoaSessions<R>;
  /** For koa-generic-session and koa-session-ts. */
  readonly withCookie: CookieSessions;

  constructor(records: CarriedRecords<R>, now: () => number) {
    super();
    this.#cookieless = new KoaSessions(records, now);
    this.withCookie = new RecordedCookieSessions(records, now);
  }

  /** Emits `connect` and `disconnect` of `source` under other names. */
  forward(source: EventSource, { connect, disconnect }: { connect: string; disconnect: string }): this {
    source.on('connect', () => this.emit(connect));
    source.on('disconnect', () => this.emit(disconnect));
    return this;
  }

  /** The session in the form of who calls; undefined where there is none. */
  get(sid: string, _maxAge?: number | 'session', call?: KoaSessionCall): Promise<object | undefined> {
    return call === undefined ? this.withCookie.get(sid) : this.#cookieless.get(sid, call);
  }

  /** @param maxAge ms that the session is kept from now; `'session'`: the `ttl` of the store counts */
  set(sid: string, session: object, maxAge?: number | 'session', call?: KoaSessionCall): Promise<void> {
    if (call !== undefined || isCookieless(session)) return this.#cookieless.set(sid, { data: session, maxAge }, call);
    return this.withCookie.set(sid, session, typeof maxAge === 'number' ? { ttl: maxAge } : {});
  }

  destroy(sid: string): Promise<void> {
    return this.#cookieless.destroy(sid);
  }
}

/** By its shape, for callers that leave the context out: an app may call values so in a session that has a cookie. */
function isCookieless(session: object): boolean {
  const { cookie } = session as { cookie?: unknown };
  return ('_expire' in session || '_session' in session) && (typeof cookie !== 'object' || cookie === null);
}
