import { LRUCache } from 'lru-cache';
import { type Backend, type Change, type Entry, isExpired, type Touch } from '../backend.js';
import { SessileError } from '../errors.js';
import { countAlive } from '../internal/count-alive.js';
import { passTurn } from '../internal/next-turn.js';
import { checkCount } from '../internal/options.js';
import { touched } from '../internal/touched.js';
import { SessionStore, type StoreOptions } from '../store.js';

/** How many entries one slice of a walk looks at before the event loop gets its turn; well under a millisecond. */
const SLICE = 1_000;

/** Options of {@link MemoryBackend}, and of {@link MemoryStore} besides those of all stores. */
export interface MemoryBackendOptions {
  /** How many sessions are kept at most; the least recently used go first. Default: 100 000. */
  max?: number;
  /** How many bytes of UTF-8 ids, data and cookies take at most, together. Default: no bound but `max`. */
  maxBytes?: number;
}

/** Entries in the memory of this process, bounded by number and, if wished, by size. */
export class MemoryBackend implements Backend {
  readonly #entries: LRUCache<string, Entry>;
  readonly #maxBytes: number | undefined;
  /** A Set may be walked across turns of the event loop while it changes; an lru-cache may not. */
  readonly #sids = new Set<string>();

  /** @throws TypeError `SESSILE_MISUSE` */
  constructor({ max = 100_000, maxBytes }: MemoryBackendOptions = {}) {
    checkCount('MemoryStore', 'max', max);
    if (maxBytes !== undefined) checkCount('MemoryStore', 'maxBytes', maxBytes);
    this.#maxBytes = maxBytes;
    this.#entries = new LRUCache({
      max,
      noDisposeOnSet: true,
      ...(maxBytes !== undefined && { maxSize: maxBytes, sizeCalculation: sizeOf }),
      onInsert: (_, sid, reason) => {
        if (reason === 'add') this.#sids.add(sid);
      },
      dispose: (_, sid) => void this.#sids.delete(sid),
    });
  }

  read(sid: string): Entry | undefined {
    return this.#entries.get(sid);
  }

  update(sid: string, change: Change): void {
    const current = this.#entries.peek(sid);
    const next = change(current);
    if (next !== current) this.write(sid, next);
  }

  write(sid: string, entry: Entry | undefined): void {
    if (entry === undefined) this.#entries.delete(sid);
    else this.#keep(sid, entry);
  }

  touch(sid: string, to: Touch, now: number): void {
    this.update(sid, (entry) => touched(entry, to, now));
  }

  async *entries(): AsyncGenerator<readonly [sid: string, entry: Entry], void, void> {
    for await (const sid of this.#walk()) {
      const entry = this.#entries.peek(sid);
      if (entry !== undefined) yield [sid, entry];
    }
  }

  count(now: number): Promise<number> {
    return countAlive(this.entries(), now);
  }

  async prune(now: number): Promise<number> {
    let removed = 0;
    for await (const sid of this.#walk()) {
      const entry = this.#entries.peek(sid);
      if (entry !== undefined && isExpired(entry.expires, now) && this.#entries.delete(sid)) removed += 1;
    }
    return removed;
  }

  clear(): void {
    this.#entries.clear();
    this.#sids.clear();
  }

  close(): void {
    this.clear();
  }

  /** Every id, with a turn of the event loop between two slices. Ids that come while it runs may make it no longer. */
  async *#walk(): AsyncGenerator<string, void, void> {
    let left = this.#sids.size;
    for (const sid of this.#sids) {
      yield sid;
      left -= 1;
      if (left <= 0) return;
      if (left % SLICE === 0) await passTurn();
    }
  }

  #keep(sid: string, entry: Entry): void {
    if (this.#maxBytes !== undefined && sizeOf(entry, sid) > this.#maxBytes) {
      throw new SessileError('SESSILE_TOO_LARGE', `The session alone is larger than maxBytes (${this.#maxBytes})`);
    }
    this.#entries.set(sid, entry);
  }
}

function sizeOf({ data, cookie }: Entry, sid: string): number {
  return Buffer.byteLength(sid) + Buffer.byteLength(data) + Buffer.byteLength(cookie);
}

/** Options of {@link MemoryStore}. */
export interface MemoryStoreOptions extends StoreOptions, MemoryBackendOptions {}

/** Sessions in the memory of this process: bounded, the least recently used go first, gone when the process ends. */
export class MemoryStore extends SessionStore {
  /** @throws TypeError `SESSILE_MISUSE` for a wrong option */
  constructor(options: MemoryStoreOptions = {}) {
    super(() => new MemoryBackend(options), options, ['max', 'maxBytes']);
  }
}
