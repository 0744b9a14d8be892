import type { GenericStore } from '../internal/generic-store.js';
import { type KeyedQueue, queueOf } from '../internal/keyed-queue.js';
import { oneAnswer } from '../internal/one-answer.js';
import { changed, type Fields, type KeyStore, type ValueChange } from './values.js';

/**
 * Values by key in a store that was written to generic-session's Store API. It has no atomic update, so the acts of this
 * process on one id wait for one another; those of other processes do not.
 */
export class GenericKeys implements KeyStore {
  readonly #store: GenericStore;
  readonly #queue: KeyedQueue;

  constructor(store: GenericStore) {
    this.#store = store;
    this.#queue = queueOf(store);
  }

  get(id: string, key: string, expire: number): Promise<unknown> {
    return this.#inTurn(id, () => this.#get(id, key, expire));
  }

  getAll(id: string, expire: number): Promise<Fields> {
    return this.#inTurn(id, async () => {
      const values = await this.#answer('getAll', id, expire);
      return (values ?? {}) as Fields;
    });
  }

  set(id: string, key: string, value: unknown, expire: number): Promise<void> {
    return this.#inTurn(id, () => this.#set(id, key, value, expire));
  }

  del(id: string, key: string, expire: number): Promise<void> {
    return this.#inTurn(id, () => this.#del(id, key, expire));
  }

  delAll(id: string): Promise<void> {
    return this.#inTurn(id, async () => {
      await this.#answer('delAll', id);
    });
  }

  extend(id: string, expire: number): Promise<void> {
    return this.#inTurn(id, async () => this.#store.extend(id, expire));
  }

  update(id: string, key: string, change: ValueChange, expire: number): Promise<unknown> {
    return this.#inTurn(id, async () => {
      const next = changed(change, await this.#get(id, key, expire));
      await (next === undefined ? this.#del(id, key, expire) : this.#set(id, key, next, expire));
      return next;
    });
  }

  #get(id: string, key: string, expire: number): Promise<unknown> {
    return this.#answer('get', id, key, expire);
  }

  async #set(id: string, key: string, value: unknown, expire: number): Promise<void> {
    await this.#answer('set', id, key, value, expire);
  }

  async #del(id: string, key: string, expire: number): Promise<void> {
    await this.#answer('del', id, key, expire);
  }

  #answer(name: keyof GenericStore, ...args: unknown[]): Promise<unknown> {
    return oneAnswer(this.#store, name, args);
  }

  async #inTurn<T>(id: string, act: () => Promise<T>): Promise<T> {
    return await this.#queue.run(id, act);
  }
}
