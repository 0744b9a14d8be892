import { setImmediate as answer } from 'node:timers/promises';

/** A value with the version that it got when it was written. Versions of one key never repeat. */
export interface Versioned {
  readonly value: string;
  readonly version: number;
}

/**
 * Stands for the client of a database that writes by "compare and set", as etcd, DynamoDB, Deno KV and many others do.
 * It answers later, as they do.
 */
export class VersionedMap {
  readonly #values = new Map<string, Versioned>();
  #version = 0;

  async get(key: string): Promise<Versioned | undefined> {
    await answer();
    return this.#values.get(key);
  }

  /** Writes `value`, or removes the key for undefined, if its version is still `expected`; answers whether it was. */
  async replace(key: string, value: string | undefined, expected: number | undefined): Promise<boolean> {
    await answer();
    if (this.#values.get(key)?.version !== expected) return false;
    if (value === undefined) this.#values.delete(key);
    else this.#values.set(key, { value, version: ++this.#version });
    return true;
  }

  /** Up to `limit` keys after `after`, in order. */
  async keys(after: string | undefined, limit: number): Promise<string[]> {
    await answer();
    const keys = [...this.#values.keys()].sort();
    return keys.filter((key) => after === undefined || key > after).slice(0, limit);
  }
}
