import type { SessionData } from 'express-session';
import { toFields } from '../internal/cookie-key.js';
import { changed, dateAfter, type Fields, type KeyStore, type ValueChange, valueIn, withValue } from './values.js';

/** What a store of whole sessions must have to be changed by key: one atomic update. */
export interface AtomicStore {
  updateAsync(
    sid: string,
    change: (session: SessionData | undefined) => SessionData | undefined,
  ): Promise<SessionData | undefined>;
  destroyAsync(sid: string): Promise<void>;
}

export function isAtomicStore(store: unknown): store is AtomicStore {
  const { updateAsync, destroyAsync } = (store ?? {}) as Partial<AtomicStore>;
  return typeof updateAsync === 'function' && typeof destroyAsync === 'function';
}

/**
 * Values by key in a store of whole sessions. Each act is one atomic update, and leaves a session with a whole cookie,
 * so that express-session reads it too: without `originalMaxAge` it would never expire again. A cookie that is there
 * keeps its other attributes, as they are what the browser has.
 */
export class RecordKeys implements KeyStore {
  readonly #store: AtomicStore;
  readonly #now: () => number;

  constructor(store: AtomicStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  async get(id: string, key: string, expire: number): Promise<unknown> {
    return valueIn(await this.#renew(id, expire), key);
  }

  async getAll(id: string, expire: number): Promise<Fields> {
    return toFields((await this.#renew(id, expire)) ?? {});
  }

  async set(id: string, key: string, value: unknown, expire: number): Promise<void> {
    await this.#store.updateAsync(id, (found) => withValue(this.#renewed(found, expire), key, value));
  }

  async del(id: string, key: string, expire: number): Promise<void> {
    await this.#store.updateAsync(id, (found) => found && withValue(this.#renewed(found, expire), key, undefined));
  }

  delAll(id: string): Promise<void> {
    return this.#store.destroyAsync(id);
  }

  async extend(id: string, expire: number): Promise<void> {
    await this.#renew(id, expire);
  }

  async update(id: string, key: string, change: ValueChange, expire: number): Promise<unknown> {
    const stored = await this.#store.updateAsync(id, (found) =>
      withValue(this.#renewed(found, expire), key, changed(change, valueIn(found, key))),
    );
    return valueIn(stored, key);
  }

  /** Reading creates nothing. */
  #renew(id: string, expire: number): Promise<SessionData | undefined> {
    return this.#store.updateAsync(id, (found) => found && this.#renewed(found, expire));
  }

  #renewed(found: SessionData | undefined, expire: number): SessionData {
    const expires = dateAfter(this.#now(), expire);
    const cookie = { path: '/', httpOnly: true, ...found?.cookie, originalMaxAge: expire, expires };
    return { ...found, cookie };
  }
}
