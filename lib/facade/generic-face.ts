import type { EventEmitter } from 'node:events';
import { MemoryStore as Memory } from '../backends/memory.js';
import type { AnyStore } from '../bridge.js';
import { misuse } from '../errors.js';
import { systemClock } from '../expiry.js';
import { emitterOf, orComplain } from '../internal/complain.js';
import { type Callback, deliver } from '../internal/deliver.js';
import { type GenericStore, TWO_WEEKS } from '../internal/generic-store.js';
import { checkDuration, checkFunction, checkNames, describe } from '../internal/options.js';
import { keyStoreOf, remember } from './key-stores.js';
import { type KeyStore, snapshot } from './values.js';

/** Options of {@link toGenericStore}. */
export interface GenericStoreOptions {
  /**
   * What callers pass as `expire`: `'ms'` (default), as generic-session 0.1.2 really does, or `'s'` for callers written to
   * its README.
   */
  expireUnit?: 'ms' | 's';
  /** The clock, in milliseconds since the epoch. Default: `Date.now`. */
  now?: () => number;
}

/**
 * A store of whole sessions (ours, or any for express-session) seen through generic-session's own Store API, for the
 * package generic-session and for callers that were written to it. Each call is one atomic update.
 *
 * @throws TypeError `SESSILE_MISUSE`
 */
export function toGenericStore(store: AnyStore, options: GenericStoreOptions = {}): GenericStore {
  checkNames('toGenericStore', options, ['expireUnit', 'now']);
  const { expireUnit = 'ms', now = systemClock } = options;
  checkFunction('toGenericStore', 'now', now);
  if (expireUnit !== 'ms' && expireUnit !== 's') throw misuse(`toGenericStore: expireUnit must be 'ms' or 's'`);
  const unit = expireUnit === 's' ? 1_000 : 1;
  return face(keyStoreOf(store, now), {
    listens: emitterOf(store),
    lifetime(expire) {
      if (typeof expire === 'number' && Number.isFinite(expire)) return expire * unit;
      throw misuse(`expire must be a finite number, not ${describe(expire)}`);
    },
  });
}

/** Options of `genericSession.MemoryStore`, as generic-session documents them. */
export interface GenericMemoryOptions {
  /** How much is kept, and for how long. */
  cache?: {
    /** The most bytes that all sessions together may take; the least recently used go first. Default: 64 MiB. */
    max?: number;
    /** Milliseconds that a session lives after its last use, whatever `expire` says. Default: two weeks. */
    maxAge?: number;
  };
  /** The clock, in milliseconds since the epoch. Default: `Date.now`. */
  now?: () => number;
}

const MUCH = 67_108_864;

/** generic-session's MemoryStore: it ignores `expire` and obeys its own `maxAge`. @throws TypeError `SESSILE_MISUSE` */
export function genericMemoryStore(options: GenericMemoryOptions = {}): GenericStore {
  checkNames('MemoryStore', options, ['cache', 'now']);
  const { cache = {}, now = systemClock } = options;
  checkNames('MemoryStore: cache', cache, ['max', 'maxAge']);
  const { max = MUCH, maxAge = TWO_WEEKS } = cache;
  checkDuration('MemoryStore', 'cache.maxAge', maxAge, 1);
  const store = new Memory({ maxBytes: max, now });
  return face(withLifetime(keyStoreOf(store, now), maxAge), { listens: store, lifetime: () => maxAge });
}

function withLifetime(keys: KeyStore, ms: number): KeyStore {
  return {
    get: (id, key) => keys.get(id, key, ms),
    getAll: (id) => keys.getAll(id, ms),
    set: (id, key, value) => keys.set(id, key, value, ms),
    del: (id, key) => keys.del(id, key, ms),
    delAll: (id) => keys.delAll(id),
    extend: (id) => keys.extend(id, ms),
    update: (id, key, change) => keys.update(id, key, change, ms),
  };
}

interface Behind {
  /** Emits what fails without a callback. */
  readonly listens: EventEmitter;
  /** Milliseconds for what a caller passed as `expire`. */
  lifetime(expire: unknown): number;
}

function face(keys: KeyStore, { listens, lifetime }: Behind): GenericStore {
  const answer = <T>(callback: Callback<T> | undefined, act: () => Promise<T>) => {
    deliver<T>(orComplain(callback, listens), act);
  };
  const store: GenericStore = {
    get: (id, key, expire, callback) => answer(callback, async () => keys.get(id, String(key), lifetime(expire))),
    getAll: (id, expire, callback) => answer(callback, async () => keys.getAll(id, lifetime(expire))),
    set(id, key, value, expire, callback) {
      answer(callback, async () => keys.set(id, String(key), snapshot(value), lifetime(expire)));
    },
    del: (id, key, expire, callback) => answer(callback, async () => keys.del(id, String(key), lifetime(expire))),
    delAll: (id, callback) => answer(callback, async () => keys.delAll(id)),
    extend: (id, expire) => answer(undefined, async () => keys.extend(id, lifetime(expire))),
  };
  remember(store, keys);
  return store;
}
