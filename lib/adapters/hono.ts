import type { SessionData } from 'express-session';
import { adopt } from '../backends/foreign.js';
import type { AnyStore, PromisedStore } from '../bridge.js';
import { systemClock } from '../expiry.js';
import { complainerOf } from '../internal/complain.js';
import { toFields, toStored } from '../internal/cookie-key.js';
import { checkDuration, checkFunction, checkNames } from '../internal/options.js';
import { Standins } from '../internal/standins.js';

/** The storage of one request, as @hono/session calls it: it waits for `get` and for nothing else. */
export interface HonoStorage<Data> {
  /** The session's data, or null. Rejects with what the store failed with. */
  get(sid: string): Promise<Data | null>;
  /** Saves the data; never throws, see {@link HonoStorageOptions.onError}. */
  set(sid: string, data: Data): void;
  /** Ends a session; never throws. */
  delete(sid: string): void;
}

/** Options of {@link toHonoStorage}. */
export interface HonoStorageOptions {
  /**
   * How long a session lives after it was last saved, in milliseconds. The app's `duration` says how long the cookie
   * lives, and @hono/session does not tell it to a storage. Default: the store's own time for sessions without a date.
   */
  ttl?: number;
  /**
   * Given what a save or a removal failed with; it must not throw. @hono/session does not wait for either, so the
   * request has been answered by then. Default: an `error` event of the store if anyone listens, else one process
   * warning per code.
   */
  onError?: (error: unknown) => void;
  /** The clock, in milliseconds since the epoch. Default: `Date.now`. */
  now?: () => number;
}

const optionNames = ['ttl', 'onError', 'now'] as const;

/**
 * Any session store for `useSessionStorage` of @hono/session; one that is not of this package is adopted. What it answers
 * makes a storage for each request, so that two requests that save one session keep both their changes, and a request
 * that ends after a logout writes nothing. Calls for one session stand in line, as nobody waits for a save.
 *
 * @throws TypeError `SESSILE_MISUSE` for what is no store, and for a wrong option
 */
export function toHonoStorage<Data extends object>(
  store: AnyStore | PromisedStore,
  options: HonoStorageOptions = {},
): (context: unknown) => HonoStorage<Data> {
  const where = 'toHonoStorage';
  checkNames(where, options, optionNames);
  const { ttl, onError = complainerOf(store), now = systemClock } = options;
  if (ttl !== undefined) checkDuration(where, 'ttl', ttl, 1);
  checkFunction(where, 'onError', onError);
  checkFunction(where, 'now', now);
  const ours = adopt(store);
  return () => new RequestStorage<Data>({ store: ours, ttl, onError, now });
}

interface Parts {
  readonly store: ReturnType<typeof adopt>;
  readonly ttl: number | undefined;
  readonly onError: (error: unknown) => void;
  readonly now: () => number;
}

/** What a session was loaded from. */
interface Loaded {
  readonly cookie: object | undefined;
}

class RequestStorage<Data extends object> implements HonoStorage<Data> {
  readonly #parts: Parts;
  readonly #standins: Standins;
  readonly #loaded = new Map<string, Loaded>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#standins = new Standins((from, to) => parts.store.carry(from, to));
  }

  async get(sid: string): Promise<Data | null> {
    const from = await this.#parts.store.getAsync(sid);
    if (from === undefined) return null;
    // A request that loads a session again has seen the later state: that is what its save starts from.
    const loaded: Loaded = { cookie: from.cookie };
    this.#loaded.set(sid, loaded);
    this.#standins.follow(from, loaded);
    return toFields(from) as Data;
  }

  set(sid: string, data: Data): void {
    this.#absorb(async () => {
      const loaded = this.#loaded.get(sid) ?? { cookie: undefined };
      this.#loaded.set(sid, loaded);
      const fields = { ...toStored(data), cookie: this.#cookie(loaded.cookie) };
      await this.#parts.store.setAsync(sid, this.#standins.of(loaded, fields) as SessionData);
    });
  }

  delete(sid: string): void {
    this.#absorb(() => this.#parts.store.destroyAsync(sid));
  }

  /** Never throws and never rejects: nobody would catch it. */
  #absorb(act: () => Promise<void>): void {
    act().catch(this.#parts.onError);
  }

  /** The attributes of the cookie that another framework gave the session stay; what ends it is its last save. */
  #cookie(loaded: object | undefined): object {
    const { ttl, now } = this.#parts;
    const { originalMaxAge, ...rest } = { path: '/', httpOnly: true, originalMaxAge: null, ...loaded };
    const lifetime = ttl ?? originalMaxAge;
    const expires = typeof lifetime === 'number' ? new Date(now() + lifetime) : null;
    return { ...rest, originalMaxAge: lifetime, expires };
  }
}
