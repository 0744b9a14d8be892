import type { EventEmitter } from 'node:events';
import { misuse } from '../errors.js';
import { emitterOf, orComplain } from '../internal/complain.js';
import { type Callback, deliver } from '../internal/deliver.js';
import { describe } from '../internal/options.js';
import { type Fields, snapshot, type ValueChange } from './values.js';

/** A key. Numbers are the strings that they are written as. */
export type Key = string | number;

/** The values of one session, as a handle sees them. */
export interface Values {
  get(key: string): Promise<unknown>;
  getAll(): Promise<Fields>;
  /** `value` is JSON already; undefined takes the key away. */
  set(key: string, value: unknown): Promise<void>;
  del(key: string): Promise<void>;
  delAll(): Promise<void>;
  destroy(): Promise<void>;
  extend(): Promise<void>;
  update(key: string, change: ValueChange): Promise<unknown>;
}

/**
 * The per-key handle on one session, with generic-session's methods and aliases, and a promise twin of each. Every act is
 * one atomic update of the store and renews the session's expiry. Callbacks are called later and once. Values are what
 * JSON makes of them at the moment of the call; keys are data, whatever their name.
 *
 * A failure without a callback is emitted as `error` by the store where someone listens, else it is one process warning.
 */
export class PerKey {
  readonly #values: Values;
  readonly #listens: EventEmitter;

  /** @param store what emits `error`, if it can */
  constructor(values: Values, store?: unknown) {
    this.#values = values;
    this.#listens = emitterOf(store);
  }

  /** The value of `key`, or undefined. Only a callback: {@link getAll}. No callback: renews the session only. */
  get(key: Key | null | undefined, callback?: Callback<unknown>): void;
  get(callback?: Callback<Fields>): void;
  get(...args: [(Key | null | Callback<Fields>)?, Callback<unknown>?]): void {
    const [key, callback] = args;
    if (typeof key === 'function') this.getAll(key);
    else if (key === undefined || key === null) this.getAll(callback as Callback<Fields> | undefined);
    else if (callback === undefined) this.#deliver(callback, () => this.#values.extend());
    else this.#deliver(callback, () => this.getAsync(key));
  }

  /** The value of `key`, or undefined. Without a key that is a string or a number: `SESSILE_MISUSE`. */
  async getAsync(key: Key): Promise<unknown> {
    return this.#values.get(nameOf(key));
  }

  /** All values by key, in a fresh object. No callback: renews the session only. */
  getAll(callback?: Callback<Fields>): void {
    if (callback === undefined) this.#deliver(callback, () => this.#values.extend());
    else this.#deliver(callback, () => this.getAllAsync());
  }

  /** {@link PerKey.getAll} as a promise. */
  async getAllAsync(): Promise<Fields> {
    return this.#values.getAll();
  }

  /** Sets `key`; to null where no value is given. The value undefined takes the key away, as in JSON. */
  set(key: Key, value?: unknown, callback?: Callback): void;
  set(key: Key, callback: Callback): void;
  set(...args: [key: Key, value?: unknown, callback?: Callback]): void {
    const [key, value, callback] = args;
    if (typeof value === 'function' && callback === undefined) {
      this.#deliver(value as Callback, () => this.setAsync(key, null));
    } else {
      this.#deliver(callback, () => (args.length < 2 ? this.setAsync(key) : this.setAsync(key, value)));
    }
  }

  /** {@link PerKey.set} as a promise, with `SESSILE_MISUSE` or `SESSILE_SERIALIZE` for a value that is no JSON. */
  async setAsync(...args: [key: Key, value?: unknown]): Promise<void> {
    const [key, value] = args;
    return this.#values.set(nameOf(key), args.length < 2 ? null : snapshot(value));
  }

  /** Takes `key` away. Without a key: {@link delAll}. A key that is undefined or null is refused, not taken for none. */
  del(key: Key, callback?: Callback): void;
  del(callback?: Callback): void;
  del(...args: [(Key | Callback)?, Callback?]): void {
    const [key, callback] = args;
    if (args.length === 0) this.delAll();
    else if (typeof key === 'function') this.delAll(key);
    else this.#deliver(callback, () => this.delAsync(key as Key));
  }

  /** {@link PerKey.del} of one key as a promise. */
  async delAsync(key: Key): Promise<void> {
    return this.#values.del(nameOf(key));
  }

  /** Takes all values away; the visitor keeps the session's id. */
  delAll(callback?: Callback): void {
    this.#deliver(callback, () => this.delAllAsync());
  }

  /** {@link PerKey.delAll} as a promise. */
  async delAllAsync(): Promise<void> {
    return this.#values.delAll();
  }

  /** Ends the session. */
  destroy(callback?: Callback): void {
    this.#deliver(callback, () => this.destroyAsync());
  }

  /** {@link PerKey.destroy} as a promise. */
  async destroyAsync(): Promise<void> {
    return this.#values.destroy();
  }

  /**
   * Changes the value of `key` in one atomic step and answers what is stored then, to the callback and to a promise, which
   * may be left alone. What `change` throws is passed on unchanged, and nothing is stored.
   */
  update(key: Key, change: ValueChange, callback?: Callback<unknown>): Promise<unknown> {
    const updated = this.updateAsync(key, change);
    this.#deliver(callback, () => updated);
    return updated;
  }

  /** {@link PerKey.update} as a promise, which must not be left alone. */
  async updateAsync(key: Key, change: ValueChange): Promise<unknown> {
    const name = nameOf(key);
    if (typeof change !== 'function') throw misuse(`change must be a function, not ${describe(change)}`);
    return this.#values.update(name, change);
  }

  #deliver<T>(callback: Callback<T> | undefined, act: () => Promise<T>): void {
    deliver<T>(orComplain(callback, this.#listens), act);
  }
}

function nameOf(key: unknown): string {
  if (typeof key === 'string') return key;
  if (typeof key === 'number') return String(key);
  throw misuse(`a key must be a string or a number, not ${describe(key)}`);
}
