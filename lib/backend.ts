/**
 * The waist of sessile. Everything above it (stores, facade, adapters) is written on these few methods; everything
 * below it (memory, files, SQLite, Redis, somebody else's store) implements them. A backend keeps *entries* under
 * session ids. It knows text and deadlines; it knows no sessions, no cookies' meaning, no callbacks and no clock.
 *
 * Edges that hold for every method:
 *
 * - **Ids** are any JavaScript string: empty, ten kilobytes long, with NUL, `/` or lone surrogates. Two ids that differ
 *   in one code unit are two ids. The store has checked that an id is a string; a backend need not.
 * - **A value or a promise**: a method may answer at once or later; it must not throw at once what it could reject
 *   with later *and* do both.
 * - **Errors** are {@link SessileError}s with the underlying one as `cause`. A raw system error never leaves a backend:
 *   express-session reads `ENOENT` as "no such session" and would log everybody out when a directory vanishes.
 * - **Order**: of two calls for one id in one process, the later call sees what the earlier one did, whether or not its
 *   promise has settled.
 * - **After `close()`** nothing is called any more; the store sees to that.
 */
export interface Backend {
  /**
   * The entry under `sid`, or undefined. It never judges age: a dead entry that is still there is answered.
   * Absent: undefined, at the price of one failed look-up; no retry, no error.
   * Corrupt: undefined, after the finding was set aside and {@link report}ed.
   */
  read(sid: string): Awaitable<Entry | undefined>;

  /**
   * Changes the entry under `sid` in one atomic step: no other writer of that id, in this process or (file, SQLite,
   * Redis) in any other, comes between what `change` was given and what it answered.
   *
   * - absent: `change` is given undefined, and what it answers is created;
   * - dead: `change` is given the dead entry like a living one;
   * - corrupt: as absent, after the finding was set aside and {@link report}ed;
   * - `change` answers undefined: the entry is removed; it is no error if there was none;
   * - `change` answers the very object it was given: nothing is written;
   * - `change` throws: nothing is written, and what it threw is what `update` throws or rejects with, unchanged.
   *
   * `seen` is what was there some time ago and likely still is: a backend that would have to ask for what is there may
   * give that to `change` first, if it finds out in the step in which it writes whether it is still there. Where it is
   * not, all of the above is true as if there had been no `seen`. Whoever need not ask ignores it.
   */
  update(sid: string, change: Change, seen?: Entry): Awaitable<void>;

  /**
   * `update(sid, () => entry)` for a backend that can do it with less because it need not look first; one that cannot has
   * no such method. All that is said of `update` holds, but that nothing is read: what is there is overwritten, or removed
   * for undefined, be it living, dead or corrupt, without a {@link report}.
   */
  write?(sid: string, entry: Entry | undefined): Awaitable<void>;

  /**
   * Moves the deadline of a living entry and gives it a new cookie text, atomically and, where the backend can, without
   * writing the data again.
   *
   * - absent, or dead at `now`: nothing happens and nothing is created; no error;
   * - `to.expected` is given and the entry's cookie text is another: somebody changed the cookie meanwhile, and with it
   *   the deadline; theirs stand, nothing happens.
   */
  touch(sid: string, to: Touch, now: number): Awaitable<void>;

  /**
   * Everything there is, the dead included, as `[sid, entry]`, in no promised order and without loading everything.
   * An entry that is there from the first to the last step is yielded exactly once; one that comes, changes or goes
   * meanwhile may be seen in either state or not at all. Nothing is locked between two steps.
   */
  entries(): AsyncIterable<readonly [sid: string, entry: Entry]>;

  /** How many entries are alive at `now`. Never more work than {@link entries}, and less where the backend can. */
  count(now: number): Awaitable<number>;

  /**
   * Removes the entries that are dead at `now`, in slices that never hold the event loop, and answers how many. An
   * entry that is renewed while this runs stays. Once `signal` is aborted, because the owner waits for this to close, a
   * backend that may take long ends early and answers how many it removed so far.
   */
  prune(now: number, signal?: AbortSignal): Awaitable<number>;

  /** Removes everything. What is written while it runs may stay or go. */
  clear(): Awaitable<void>;

  /** Lets go of what this backend opened, and of nothing else. Called once, when no other call is under way. */
  close(): Awaitable<void>;

  /**
   * Set by the owner. Called with a coded error that has nobody to go to because the call it was met in goes on: a
   * corrupt entry that was set aside, a leftover that could not be removed.
   */
  report?: (error: Error) => void;
}

/** What a backend keeps for one session id. */
export interface Entry {
  /** JSON text: the session without its cookie; a JSON string where a custom serializer made it. */
  readonly data: string;
  /** JSON text of the cookie, or the empty string where the session has none. It does not change as time goes by. */
  readonly cookie: string;
  /** The deadline, in whole milliseconds since the epoch, between 0 and 8.64e15. */
  readonly expires: number;
}

/**
 * Given the present entry or undefined, answers the next one, undefined to remove it, or the very entry it was given to
 * leave things as they are. Synchronous and pure: a backend may call it more than once, and only the last answer counts.
 */
export type Change = (current: Entry | undefined) => Entry | undefined;

/** What {@link Backend.touch} changes. */
export interface Touch {
  /** The new deadline, in whole milliseconds since the epoch. */
  readonly expires: number;
  /** The new cookie text. */
  readonly cookie: string;
  /** The cookie text that must still be there for the touch to happen; absent: any. */
  readonly expected?: string | undefined;
}

/** A value at once, or a promise of it. */
export type Awaitable<T> = T | PromiseLike<T>;

/** The latest deadline, and the latest moment that a Date can hold, in milliseconds since the epoch. */
export const END_OF_TIME = 8.64e15;

/** The one comparison of a deadline with the time: at its deadline an entry is dead. */
export function isExpired(expires: number, now: number): boolean {
  return expires <= now;
}
