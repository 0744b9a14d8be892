import type { SessionData } from 'express-session';
import { adopt } from '../backends/foreign.js';
import type { AnyStore, PromisedStore } from '../bridge.js';
import { systemClock } from '../expiry.js';
import { CarriedRecords } from '../internal/carried-records.js';
import { type KoaSessionCall, KoaSessions } from '../internal/koa-sessions.js';
import { checkFunction, checkNames } from '../internal/options.js';

export type { KoaSessionCall };

/** Options of {@link eggStore}. */
export interface EggStoreOptions {
  /** The clock, in milliseconds since the epoch. Default: `Date.now`. */
  now?: () => number;
}

/** What egg takes as `app.sessionStore`, and koa-session as `store`. */
export interface EggStore {
  /** The session, with `_expire` and `_maxAge`, or `_session`; undefined where there is none. */
  get(key: string, maxAge?: number | 'session', call?: KoaSessionCall): Promise<object | undefined>;
  /**
   * Stores a session.
   * @param maxAge ms that the session is kept from now; `'session'`: the `ttl` of the store counts
   */
  set(key: string, value: object, maxAge?: number | 'session', call?: KoaSessionCall): Promise<void>;
  /** Ends a session. */
  destroy(key: string): Promise<void>;
}

/**
 * Any store as `app.sessionStore` of egg; one that is not of this package is adopted. A plain object, because egg 3 writes
 * wrapped methods over its own. A request's save is merged with what other requests saved since it loaded the session,
 * and a session that was ended meanwhile stays ended. Errors of the store are passed on: nobody is logged out because it is down.
 *
 * @throws TypeError `SESSILE_MISUSE`
 */
export function eggStore(store: AnyStore | PromisedStore, options: EggStoreOptions = {}): EggStore {
  checkNames('eggStore', options, ['now']);
  const { now = systemClock } = options;
  checkFunction('eggStore', 'now', now);
  const sessions = new KoaSessions(new CarriedRecords<SessionData>(adopt(store)), now);
  return {
    get: (key, _maxAge, call) => sessions.get(key, call),
    set: (key, value, maxAge, call) => sessions.set(key, { data: value, maxAge }, call),
    destroy: (key) => sessions.destroy(key),
  };
}
