import { type Awaitable, type Backend, type Change, type Entry, isExpired, type Touch } from '../../lib/backend.js';

type Act = 'read' | 'update' | 'write' | 'touch' | 'entries' | 'count' | 'prune' | 'clear' | 'close';

/**
 * A backend whose timing and faults a spec decides. It answers at once, or, with `promises`, in batches as a group
 * commit does: every act of a batch runs before any promise of that batch has settled. {@link hold} keeps a batch back
 * until {@link flush}. An act that is called after `close` fails, as the waist forbids it.
 */
export class ScriptedBackend implements Backend {
  readonly kept = new Map<string, Entry>();
  readonly calls: Act[] = [];
  report?: (error: Error) => void;
  write?: (sid: string, entry: Entry | undefined) => Awaitable<void>;
  /** How often `update` calls `change` before the call that counts, as an optimistic backend may. */
  retries = 0;
  /** Whether `update` gives `change` first what was seen, and only where that is gone what is there. */
  guesses = false;
  /** What the next `update` fails with after it has written, as where an answer is lost. */
  lost: Error | undefined;
  closedWhileBusy = false;
  readonly #promises: boolean;
  readonly #faults = new Map<Act, unknown>();
  #jobs: (() => void)[] = [];
  #held = false;
  #closed = false;

  constructor({ promises = false } = {}) {
    this.#promises = promises;
  }

  /** The next `act` fails with `error`, after everything but the writing was done. */
  failNext(act: Act, error: unknown): void {
    this.#faults.set(act, error);
  }

  hold(): void {
    this.#held = true;
  }

  flush(): void {
    this.#held = false;
    for (const job of this.#jobs.splice(0)) job();
  }

  /** Gives it the method that a backend may have or not. */
  withWrite(): this {
    this.write = (sid, entry) =>
      this.#act('write', () => {
        this.#fault('write');
        if (entry === undefined) this.kept.delete(sid);
        else this.kept.set(sid, entry);
      });
    return this;
  }

  read(sid: string): Awaitable<Entry | undefined> {
    return this.#act('read', () => {
      this.#fault('read');
      return this.kept.get(sid);
    });
  }

  update(sid: string, change: Change, seen?: Entry): Awaitable<void> {
    return this.#act('update', () => {
      for (let i = 0; i < this.retries; i += 1) change(this.kept.get(sid));
      const current = this.kept.get(sid);
      const guess = this.guesses && seen ? change(seen) : undefined;
      const isThere = guess !== undefined && isSame(seen, current);
      const next = isThere ? guess : change(current);
      this.#fault('update');
      if (next === undefined) this.kept.delete(sid);
      else if (next !== current) this.kept.set(sid, next);
      const lost = this.lost;
      this.lost = undefined;
      if (lost) throw lost;
    });
  }

  touch(sid: string, { expires, cookie, expected }: Touch, now: number): Awaitable<void> {
    return this.#act('touch', () => {
      this.#fault('touch');
      const entry = this.kept.get(sid);
      if (entry === undefined || isExpired(entry.expires, now)) return;
      if (expected === undefined || expected === entry.cookie)
        this.kept.set(sid, { data: entry.data, cookie, expires });
    });
  }

  async *entries(): AsyncGenerator<readonly [string, Entry], void, void> {
    for (const pair of [...this.kept]) {
      await this.#act('entries', () => this.#fault('entries'));
      yield pair;
    }
  }

  count(now: number): Awaitable<number> {
    return this.#act('count', () => {
      this.#fault('count');
      return [...this.kept.values()].filter(({ expires }) => !isExpired(expires, now)).length;
    });
  }

  prune(now: number): Awaitable<number> {
    return this.#act('prune', () => {
      this.#fault('prune');
      const dead = [...this.kept].filter(([, { expires }]) => isExpired(expires, now));
      for (const [sid] of dead) this.kept.delete(sid);
      return dead.length;
    });
  }

  clear(): Awaitable<void> {
    return this.#act('clear', () => {
      this.#fault('clear');
      this.kept.clear();
    });
  }

  close(): Awaitable<void> {
    this.closedWhileBusy = this.#jobs.length > 0;
    return this.#act('close', () => {
      this.#closed = true;
      this.#fault('close');
    });
  }

  #act<T>(name: Act, work: () => T): Awaitable<T> {
    if (this.#closed) throw new Error(`${name} was called after close`);
    this.calls.push(name);
    if (!this.#promises) return work();
    return new Promise<T>((resolve, reject) => {
      this.#jobs.push(() => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      });
      if (!this.#held) setImmediate(() => this.#held || this.flush());
    });
  }

  #fault(act: Act): void {
    if (!this.#faults.has(act)) return;
    const error = this.#faults.get(act);
    this.#faults.delete(act);
    throw error;
  }
}

function isSame(seen: Entry | undefined, found: Entry | undefined): boolean {
  return (
    seen !== undefined && found?.data === seen.data && found.cookie === seen.cookie && found.expires === seen.expires
  );
}
