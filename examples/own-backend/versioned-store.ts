import { type Backend, type Change, type Entry, isExpired, SessionStore, type StoreOptions, type Touch } from 'sessile';
import type { VersionedMap } from './versioned-map.js';

const PAGE = 100;

/** Keeps entries in a database whose writes are "compare and set". */
export class VersionedBackend implements Backend {
  readonly #map: VersionedMap;
  /** What is under way for an id: a later call in this process has to see what an earlier one did. */
  readonly #busy = new Map<string, Promise<unknown>>();

  constructor(map: VersionedMap) {
    this.#map = map;
  }

  read(sid: string): Promise<Entry | undefined> {
    return this.#inTurn(sid, async () => toEntry((await this.#map.get(sid))?.value));
  }

  update(sid: string, change: Change): Promise<void> {
    return this.#inTurn(sid, async () => {
      // Somebody else may write between our look and our write. Then we look again, and `change` is called again.
      for (;;) {
        const found = await this.#map.get(sid);
        const current = toEntry(found?.value);
        const next = change(current);
        if (next === current) return;
        const value = next && JSON.stringify([next.data, next.cookie, next.expires]);
        if (await this.#map.replace(sid, value, found?.version)) return;
      }
    });
  }

  touch(sid: string, { expires, cookie, expected }: Touch, now: number): Promise<void> {
    return this.update(sid, (entry) => {
      if (entry === undefined || isExpired(entry.expires, now)) return entry;
      if (expected !== undefined && entry.cookie !== expected) return entry;
      return { data: entry.data, cookie, expires };
    });
  }

  async *entries(): AsyncGenerator<readonly [sid: string, entry: Entry]> {
    let after: string | undefined;
    for (;;) {
      const page = await this.#map.keys(after, PAGE);
      for (const sid of page) {
        const entry = await this.read(sid);
        if (entry !== undefined) yield [sid, entry];
      }
      after = page.at(-1);
      if (after === undefined) return;
    }
  }

  async count(now: number): Promise<number> {
    let alive = 0;
    for await (const [, { expires }] of this.entries()) if (!isExpired(expires, now)) alive += 1;
    return alive;
  }

  async prune(now: number): Promise<number> {
    let removed = 0;
    for await (const [sid, { expires }] of this.entries()) {
      if (!isExpired(expires, now)) continue;
      let dead = false;
      // It may have been renewed since the walk came by: what counts is what `update` finds.
      await this.update(sid, (entry) => {
        dead = entry !== undefined && isExpired(entry.expires, now);
        return dead ? undefined : entry;
      });
      if (dead) removed += 1;
    }
    return removed;
  }

  async clear(): Promise<void> {
    for await (const [sid] of this.entries()) await this.update(sid, () => undefined);
  }

  /** The map was handed in, so it is not this backend's to close. */
  close(): void {}

  #inTurn<T>(sid: string, act: () => Promise<T>): Promise<T> {
    const outcome = (this.#busy.get(sid) ?? Promise.resolve()).then(act);
    const settled = outcome.catch(() => {});
    this.#busy.set(sid, settled);
    void settled.then(() => {
      if (this.#busy.get(sid) === settled) this.#busy.delete(sid);
    });
    return outcome;
  }
}

function toEntry(value: string | undefined): Entry | undefined {
  if (value === undefined) return undefined;
  const [data, cookie, expires] = JSON.parse(value) as [string, string, number];
  return { data, cookie, expires };
}

export class VersionedStore extends SessionStore {
  constructor(map: VersionedMap, options: StoreOptions = {}) {
    super(() => new VersionedBackend(map), options);
  }
}
