import { performance } from 'node:perf_hooks';
import { SessileError } from '../errors.js';
import { errnoOf, type Files } from './files.js';
import { coded, codedAsync, expectDirectory } from './io-error.js';
import { breakLock, LEFTOVER, lockOf, readOwner, removeSync, spoilsOf } from './lock-file.js';
import { type PathLockOptions, pause, Waiter } from './lock-waiter.js';
import { abandon, formatOwner, newOwner, type Owner, parseOwner } from './owner.js';

/** For so many ms after it had to wait for a lock, a process leaves the others a gap before it takes it once more. */
const CONTENDED = 500;
const MOST_CONTENDED = 1_000;
const LEFTOVER_AGE = 3_600_000;

/**
 * Mutual exclusion between processes, by files next to what they guard.
 *
 * A lock is a symbolic link whose *target text* is the owner's record, so that taking it and saying who took it is one
 * atomic system call. Where links cannot be made it is a file created with O_EXCL; a waiter that reads it before the
 * record is in it knows no owner and goes by age.
 *
 * A lock is broken when its owner is certainly dead, or when the same instance was seen to hold it for `staleAge`. Only
 * the holder of the break file of that instance may remove it; a break file is a lock like any other and is broken in
 * the same way. What the robbed owner had prepared is removed first (`spoils`): if the owner was only paused, its commit
 * fails, even where it had just checked that the lock was still its own.
 */
export class PathLock {
  readonly #files: Files;
  readonly #options: PathLockOptions;
  readonly #contended = new Map<string, number>();

  constructor(files: Files, options: PathLockOptions) {
    this.#files = files;
    this.#options = options;
  }

  /**
   * @param stem the path that is guarded, without its suffix
   * @returns undefined where somebody has the lock
   * @throws SessileError `SESSILE_IO`, `SESSILE_BAD_PATH` where no lock can be made
   */
  async tryAcquire(stem: string): Promise<HeldLock | undefined> {
    const owner = newOwner();
    const taken = await codedAsync('Locking', () => this.#files.lock(lockOf(stem), formatOwner(owner)));
    return taken ? new HeldLock(this.#files, stem, owner) : undefined;
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
    return new Waiter(this.#files, stem, this.#options);
  }

  /**
   * Removes the file `name` if it is a lock, a break file or a temporary file whose owner is gone. A temporary file is
   * somebody's only while that one has the lock. Owners of another place are judged by age: more than an hour at `now`.
   */
  tidy(directory: string, name: string, now: number): void {
    const match = LEFTOVER.exec(name);
    if (match === null) return;
    const [, target = '', nonce, kind] = match;
    const [stem, path] = [directory + target, directory + name];
    if (kind === 'tmp') {
      if (parseOwner(readOwner(this.#files, lockOf(stem)) ?? '')?.nonce !== nonce) removeSync(this.#files, path);
      return;
    }
    const record = readOwner(this.#files, path);
    if (record === undefined) return;
    const isForeign = parseOwner(record)?.place !== newOwner().place;
    const made = this.#files.lstatSync(path)?.mtimeMs ?? now;
    const isOld = isForeign && now - made > LEFTOVER_AGE;
    breakLock(this.#files, path, { stem, record, isOld });
  }
}

export class HeldLock {
  readonly #files: Files;
  readonly #path: string;
  readonly #owner: Owner;
  /** Where the owner prepares what it will commit. Whoever takes the lock from it removes this first. */
  readonly spoils: string;

  constructor(files: Files, stem: string, owner: Owner) {
    this.#files = files;
    this.#path = lockOf(stem);
    this.#owner = owner;
    this.spoils = spoilsOf(stem, owner);
  }

  /** @throws SessileError `SESSILE_LOCK_LOST` where somebody took the lock away, because this process was paused */
  check(): void {
    const record = coded('Writing', () => readOwner(this.#files, this.#path));
    if (record === formatOwner(this.#owner)) return;
    expectDirectory(this.#files, this.#path, undefined);
    throw new SessileError(
      'SESSILE_LOCK_LOST',
      'This process was paused for so long that another one took its lock; nothing was changed',
    );
  }

  /** @throws SessileError `SESSILE_IO` where the lock is still there; nobody of this process need wait for it then */
  async release(): Promise<void> {
    const record = formatOwner(this.#owner);
    await codedAsync('Unlocking', () =>
      withSecondTry(this.#owner, async () => {
        if (readOwner(this.#files, this.#path) === record) await this.#files.unlink(this.#path);
      }),
    );
  }
}

/** For the removal of a lock of our own, as others would have to wait until it is old. */
async function withSecondTry(owner: Owner, remove: () => Promise<void>): Promise<void> {
  try {
    await remove().catch(remove);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    abandon(owner);
    throw error;
  }
}
