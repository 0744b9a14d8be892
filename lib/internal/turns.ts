import { performance } from 'node:perf_hooks';
import { SessileError } from '../errors.js';
import { type Desk, NoRoom, Revoked } from './desk.js';
import type { Files } from './files.js';
import { expectDirectory, ioError, isDiskFull } from './io-error.js';
import { Limiter } from './limiter.js';
import type { PathLockOptions, Waiter } from './lock-waiter.js';
import { type BorrowedLock, type HeldLock, PathLock } from './path-lock.js';
import { Touching } from './touching.js';
import { type Seat, Writer } from './writer.js';

/**
 * How many writes are under way at once: enough to keep libuv's thread pool busy. More would only stand in each other's
 * way: a directory takes one name at a time, and a sync of it waits behind all that was asked of the pool before. And
 * fewer than any limit on open files.
 */
const WRITERS = Math.min(4 * (Number(process.env['UV_THREADPOOL_SIZE']) || 4), 32);

interface Parts {
  files: Files;
  /** Without a separator at its end. */
  dir: string;
  locks: PathLockOptions;
  report: (error: Error) => void;
}

/** What is changed in a turn: the file `path`. Locks are told apart by `stem`, a path that has no suffix. */
export interface Guarded {
  readonly stem: string;
  readonly path: string;
}

/** Where a turn stands: at a desk, or nowhere because the disk is full. */
export type Ground = Desk | NoRoom;

/**
 * Who changes a file of one directory does so in a turn, which nobody else has at the same time: neither in another
 * process, by the word of {@link Writer} that there is none or else by a lock, nor in this one, which is up to the
 * caller.
 */
export class Turns {
  readonly #files: Files;
  readonly #dir: string;
  readonly #writer: Writer;
  readonly #locks: PathLock;
  readonly #staleAge: number;
  readonly #report: (error: Error) => void;
  readonly #touching: Touching;
  readonly #limiter = new Limiter(WRITERS);

  constructor({ files, dir, locks, report }: Parts) {
    this.#files = files;
    this.#dir = dir;
    this.#writer = new Writer(files, dir);
    this.#touching = new Touching(this.#writer);
    this.#locks = new PathLock({ files, writers: this.#writer.writers }, locks);
    this.#staleAge = locks.staleAge;
    this.#report = report;
  }

  /**
   * Does `act`, which writes in place. Others know that meanwhile.
   * @throws SessileError `SESSILE_IO`, `SESSILE_BAD_PATH`; what `act` throws
   */
  touch<T>(act: () => T): T {
    return this.#touching.one(act);
  }

  /** What is touched in `act` is so for all at once. */
  touchTogether(act: () => void): void {
    this.#touching.together(act);
  }

  /**
   * Does `act` in a turn. Where another process took over meanwhile nothing came of it, and it is done once more.
   * @throws SessileError `SESSILE_LOCK_TIMEOUT`, `SESSILE_LOCK_LOST`, `SESSILE_IO`, `SESSILE_BAD_PATH`; what `act` throws
   */
  async take(guarded: Guarded, act: (ground: Ground) => Promise<void>): Promise<void> {
    const { stem } = guarded;
    await this.#locks.giveWay(stem);
    let waiter: Waiter | undefined;
    for (;;) {
      const outcome = await this.#limiter.run(() => this.#try(guarded, act));
      if (outcome === 'done') return;
      if (outcome === 'revoked') continue;
      waiter ??= this.#locks.waiter(stem);
      await waiter.turn();
    }
  }

  /** Removes the file `name` if it is what a dead writer left. */
  tidy(name: string, now: number): void {
    try {
      this.#locks.tidy(this.#dir, name, now);
    } catch (error) {
      this.#report(ioError('Removing a leftover of', error) as Error);
    }
  }

  /** As {@link tidy}, all that is not between the sessions. */
  tidyWriters(now: number): void {
    try {
      this.#writer.tidy(now);
    } catch (error) {
      this.#report(ioError('Removing a leftover of', error) as Error);
    }
  }

  /** When no turn is taken any more. */
  close(): void {
    this.#writer.leave();
  }

  async #try(guarded: Guarded, act: (ground: Ground) => Promise<void>): Promise<'done' | 'locked' | 'revoked'> {
    const { stem } = guarded;
    expectDirectory(this.#files, stem, undefined);
    const began = performance.now();
    let seat: Seat | undefined;
    let lock: HeldLock | undefined;
    try {
      seat = this.#writer.seat();
      if (!seat.desk.isSole) {
        lock = await this.#locks.tryAcquire(stem, seat);
        if (lock === undefined) return 'locked';
      }
    } catch (error) {
      if (seat !== undefined && error instanceof Revoked) {
        this.#writer.lost(seat);
        return 'revoked';
      }
      if (!isDiskFull(error)) throw error;
      return this.#makeRoom(guarded, act, error);
    }
    try {
      await act(seat.desk);
      return 'done';
    } catch (error) {
      if (!(error instanceof Revoked)) throw error;
      this.#writer.lost(seat);
      if (performance.now() - began < this.#staleAge) return 'revoked';
      throw lockLost();
    } finally {
      await this.#release(lock);
    }
  }

  async #makeRoom(
    { stem, path }: Guarded,
    act: (ground: Ground) => Promise<void>,
    refused: unknown,
  ): Promise<'done' | 'locked'> {
    const lock = await this.#locks.tryBorrow(stem, path);
    if (lock === undefined) return 'locked';
    try {
      await act(new NoRoom(refused));
      return 'done';
    } finally {
      await this.#release(lock);
    }
  }

  /** What was done under the lock is done, whatever becomes of the lock. */
  async #release(lock: HeldLock | BorrowedLock | undefined): Promise<void> {
    try {
      await lock?.release();
    } catch (error) {
      this.#report(error as Error);
    }
  }
}

function lockLost(): SessileError {
  return new SessileError(
    'SESSILE_LOCK_LOST',
    'This process was paused for so long that another one took its lock; nothing was changed',
  );
}
