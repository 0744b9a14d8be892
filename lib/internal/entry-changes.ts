import { extname } from 'node:path';
import type { Change } from '../backend.js';
import type { FoundEntry } from './entry-files.js';
import type { EntryFolder, Place } from './entry-folder.js';
import type { Files } from './files.js';
import { expectDirectory, isDiskFull } from './io-error.js';
import { Limiter } from './limiter.js';
import type { Waiter } from './lock-waiter.js';
import type { HeldLock, PathLock } from './path-lock.js';

/**
 * How many writes are under way at once: enough to keep libuv's thread pool busy. More would only stand in each other's
 * way: a directory takes one name at a time, and a sync of it waits behind all that was asked of the pool before. And
 * fewer than any limit on open files.
 */
const WRITERS = Math.min(4 * (Number(process.env['UV_THREADPOOL_SIZE']) || 4), 32);

interface Parts {
  files: Files;
  folder: EntryFolder;
  locks: PathLock;
  report: (error: Error) => void;
}

/**
 * Changes entries, each by one process at a time. Within a process whoever calls has the turn of that path.
 *
 * All methods throw SessileError `SESSILE_IO`, `SESSILE_FORMAT`, `SESSILE_BAD_PATH`, `SESSILE_LOCK_TIMEOUT`,
 * `SESSILE_LOCK_LOST`, and what the change throws.
 */
export class EntryChanges {
  readonly #files: Files;
  readonly #folder: EntryFolder;
  readonly #locks: PathLock;
  readonly #report: (error: Error) => void;
  readonly #limiter = new Limiter(WRITERS);

  constructor({ files, folder, locks, report }: Parts) {
    this.#files = files;
    this.#folder = folder;
    this.#locks = locks;
    this.#report = report;
  }

  /**
   * As {@link look}, and waits until it lasts: also where nothing was changed, as what was found may be another's that
   * does not last yet.
   */
  async make(place: Place, change: Change): Promise<void> {
    await this.look(place, change);
    await this.#folder.lasting();
  }

  /**
   * Read, change, write, under the lock between processes. What was written need not last yet: for a look that finds
   * something to put in order.
   */
  async look(place: Place, change: Change): Promise<void> {
    const stem = place.path.slice(0, -extname(place.path).length);
    await this.#locks.giveWay(stem);
    let waiter: Waiter | undefined;
    while (!(await this.#limiter.run(() => this.#tryChange(place, change, stem)))) {
      waiter ??= this.#locks.waiter(stem);
      await waiter.turn();
    }
  }

  /** False where another process has the lock. */
  async #tryChange(place: Place, change: Change, stem: string): Promise<boolean> {
    expectDirectory(this.#files, place.path, undefined);
    let lock: HeldLock | undefined;
    try {
      lock = await this.#locks.tryAcquire(stem);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      await this.#commit(place, change, noLock(error));
      return true;
    }
    if (lock === undefined) return false;
    try {
      await this.#commit(place, change, lock);
    } finally {
      await this.#release(lock);
    }
    return true;
  }

  async #commit(place: Place, change: Change, lock: HeldLock | NoLock): Promise<void> {
    const current = await this.#folder.settle(place);
    const next = change(current);
    if (next === current) return;
    const sid = place.sid ?? (current as FoundEntry).sid;
    if (next === undefined) {
      lock.check();
      await this.#folder.remove(place.path, sid);
    } else {
      if ('refused' in lock) throw lock.refused;
      await this.#folder.write(place.path, { ...next, sid }, lock);
    }
  }

  /** What was done under the lock is done, whatever becomes of the lock. */
  async #release(lock: HeldLock): Promise<void> {
    try {
      await lock.release();
    } catch (error) {
      this.#report(error as Error);
    }
  }
}

/**
 * Where a disk is too full for a lock nobody can write, and what removes something is what makes room again: a removal
 * does without the lock, and a write is refused for the reason for which the lock was.
 */
interface NoLock {
  readonly refused: unknown;
  check(): void;
}

function noLock(refused: unknown): NoLock {
  return { refused, check: () => {} };
}
