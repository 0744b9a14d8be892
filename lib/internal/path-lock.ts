import type { Stats } from 'node:fs';
import { sep } from 'node:path';
import { performance } from 'node:perf_hooks';
import { reasonOf } from './desk.js';
import { errnoOf, type Files, NO_LINKS, NO_ROOM, removeSync } from './files.js';
import { coded, codedAsync } from './io-error.js';
import { breakLock, LEFTOVER, type LockPlace, lockOf, readOwner } from './lock-file.js';
import type { LockToken, LockTokens } from './lock-tokens.js';
import { type PathLockOptions, pause, Waiter } from './lock-waiter.js';
import { abandon, formatOwner, isNear, newTurn, type Owner, parseOwner } from './owner.js';
import type { Seat } from './writer.js';

/** For so many ms after it had to wait for a lock, a process leaves the others a gap before it takes it once more. */
const CONTENDED = 500;
const MOST_CONTENDED = 1_000;
const LEFTOVER_AGE = 3_600_000;

/**
 * Mutual exclusion between processes, by files next to what they guard.
 *
 * A lock is a second name of a file in its owner's folder that holds the owner's record, so that taking it and saying who
 * took it is one atomic system call. Where files have one name only it is a symbolic link whose *target text* is the
 * record, and where there are no links either a file created with O_EXCL; a waiter that reads that before the record is
 * in it knows no owner and goes by age.
 *
 * A lock is broken when its owner is certainly dead, or when the same instance was seen to hold it for `staleAge`. What
 * ends with it is told in `Writers`: an owner that was only paused can neither commit nor release afterwards, even where
 * it was just about to.
 */
export class PathLock {
  readonly #place: LockPlace;
  readonly #options: PathLockOptions;
  readonly #contended = new Map<string, number>();

  constructor(place: LockPlace, options: PathLockOptions) {
    this.#place = place;
    this.#options = options;
  }

  /**
   * @param stem the path that is guarded, without its suffix
   * @param by who will have it
   * @returns undefined where somebody has the lock
   * @throws Revoked; SessileError `SESSILE_IO`, `SESSILE_BAD_PATH` where no lock can be made
   */
  async tryAcquire(stem: string, by: Seat): Promise<HeldLock | undefined> {
    const owner = newTurn(by.owner);
    const token = by.tokens.take();
    const making = { path: lockOf(stem), record: formatOwner(owner), token, by };
    if (await codedAsync('Locking', () => this.#make(making))) {
      return new HeldLock(this.#place, { stem, owner, token, tokens: by.tokens });
    }
    by.tokens.giveBack(token);
    return undefined;
  }

  /**
   * Where there is no room for a lock, the file `path` that it guards is one by a second name. It does not say whose it
   * is, so that it is waited for until it is old. Where there is no such file, or no room for a name either, it guards
   * nothing.
   * @returns undefined where somebody has the lock
   * @throws SessileError `SESSILE_IO`
   */
  async tryBorrow(stem: string, path: string): Promise<BorrowedLock | undefined> {
    const { files } = this.#place;
    const lock = lockOf(stem);
    const look = () => coded('Locking', () => files.lstatSync(lock));
    try {
      await files.link(path, lock);
      return new BorrowedLock(files, lock, look());
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return look() === undefined ? new BorrowedLock(files, lock, undefined) : undefined;
    }
  }

  async #make(making: Making): Promise<boolean> {
    const { path, record, token, by } = making;
    const isMade = by.desk.canKeep ? await this.#link(making) : undefined;
    if (isMade !== undefined) return isMade;
    try {
      return await this.#place.files.lock(path, record);
    } catch (error) {
      by.tokens.giveBack(token);
      throw error;
    }
  }

  /** Undefined where a file cannot have a second name, or there is no room for another one. */
  async #link(making: Making): Promise<boolean | undefined> {
    const { path, by } = making;
    const { files } = this.#place;
    const from = this.#say(making);
    if (from === undefined) return undefined;
    try {
      await files.link(from, path);
      return true;
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'EEXIST') return false;
      if (NO_ROOM.has(errno)) return undefined;
      if (!NO_LINKS.has(errno)) throw reasonOf(files, error, { target: path, desk: by.desk });
      by.desk.canKeep = false;
      return undefined;
    }
  }

  /** The file that says whose the lock is; undefined where there is no room for it. */
  #say({ path, record, token, by }: Making): string | undefined {
    try {
      return token.say(record);
    } catch (error) {
      if (NO_ROOM.has(errnoOf(error))) return undefined;
      by.tokens.giveBack(token);
      throw reasonOf(this.#place.files, error, { target: path, desk: by.desk });
    }
  }

  /**
   * A process that has just released a lock would win it again and again from others who are still asleep. So where it
   * had to wait for that lock lately, it leaves them a gap.
   */
  async giveWay(stem: string): Promise<void> {
    const until = this.#contended.get(stem);
    if (until === undefined) return;
    if (performance.now() < until) await pause(Number.POSITIVE_INFINITY);
    else this.#contended.delete(stem);
  }

  waiter(stem: string): Waiter {
    if (this.#contended.size >= MOST_CONTENDED) this.#contended.clear();
    this.#contended.set(stem, performance.now() + CONTENDED);
    return new Waiter(this.#place, stem, this.#options);
  }

  /**
   * Removes the file `name` if it is a lock or a break file whose owner is gone. Owners of another place are judged by
   * age: more than an hour at `now`.
   */
  tidy(dir: string, name: string, now: number): void {
    const { files } = this.#place;
    const stem = dir + sep + (LEFTOVER.exec(name)?.[1] ?? '');
    const path = dir + sep + name;
    const record = LEFTOVER.test(name) ? readOwner(files, path) : undefined;
    if (record === undefined) return;
    const owner = parseOwner(record);
    const { mtimeMs, ctimeMs } = files.lstatSync(path) ?? { mtimeMs: now, ctimeMs: now };
    // A borrowed lock was made long after the file that it is.
    const made = owner === undefined ? Math.max(mtimeMs, ctimeMs) : mtimeMs;
    const isOld = !(owner && isNear(owner)) && now - made > LEFTOVER_AGE;
    breakLock(this.#place, path, { stem, record, isOld });
  }
}

interface Making {
  path: string;
  record: string;
  token: LockToken;
  by: Seat;
}

interface Holding {
  stem: string;
  owner: Owner;
  /** Whoever takes the lock from its owner first takes the place away where the lock goes. */
  token: LockToken;
  tokens: LockTokens;
}

export class HeldLock {
  readonly #place: LockPlace;
  readonly #holding: Holding;

  constructor(place: LockPlace, holding: Holding) {
    this.#place = place;
    this.#holding = holding;
  }

  /**
   * A lock that was taken from its owner is another's now and stays.
   * @throws SessileError `SESSILE_IO` where the lock is still there; nobody of this process need wait for it then
   */
  async release(): Promise<void> {
    const { stem, owner, token, tokens } = this.#holding;
    const remove = () => this.#place.files.rename(lockOf(stem), token.released);
    await codedAsync('Unlocking', async () => {
      try {
        await remove().catch(remove);
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return this.#withdraw();
        abandon(owner);
        throw error;
      }
      token.turnOver();
      tokens.giveBack(token);
    });
  }

  /** Where the writer was revoked and nobody has taken the lock yet, it is broken as any other of a revoked writer. */
  #withdraw(): void {
    const { stem, owner } = this.#holding;
    const record = formatOwner(owner);
    const path = lockOf(stem);
    if (readOwner(this.#place.files, path) === record) breakLock(this.#place, path, { stem, record, isOld: false });
  }
}

/** A lock that is a second name of what it guards. */
export class BorrowedLock {
  readonly #files: Files;
  readonly #path: string;
  readonly #made: Stats | undefined;

  /** @param made what has that name because of this; undefined where nothing has */
  constructor(files: Files, path: string, made: Stats | undefined) {
    this.#files = files;
    this.#path = path;
    this.#made = made;
  }

  /**
   * One that was taken for old and is another's now stays.
   * @throws SessileError `SESSILE_IO` where the lock is still there
   */
  async release(): Promise<void> {
    const made = this.#made;
    if (made === undefined) return;
    coded('Unlocking', () => {
      const found = this.#files.lstatSync(this.#path);
      if (found?.ino === made.ino && found.dev === made.dev) removeSync(this.#files, this.#path);
    });
  }
}
