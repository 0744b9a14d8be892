import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { SessileError } from '../errors.js';
import { coded } from './io-error.js';
import { breakLock, type LockPlace, lockOf, readOwner } from './lock-file.js';

export interface PathLockOptions {
  /** How long to wait for a lock, in ms; then `SESSILE_LOCK_TIMEOUT`. */
  timeout: number;
  /** How long one owner who cannot be seen to be dead may hold a lock before it is taken from him, in ms. */
  staleAge: number;
}

/** A waiter looks again after so many ms at first, and more often the longer it has waited: that keeps the tail short. */
const LONGEST_PAUSE = 4;
/** An owner that has held a lock for less than so many ms is not looked into: that costs more than waiting for it. */
const HEALTHY = 15;

/** One who wants a lock that somebody has. */
export class Waiter {
  readonly #place: LockPlace;
  readonly #stem: string;
  readonly #options: PathLockOptions;
  readonly #began = performance.now();
  #holder: string | undefined;
  #since = this.#began;

  constructor(place: LockPlace, stem: string, options: PathLockOptions) {
    this.#place = place;
    this.#stem = stem;
    this.#options = options;
  }

  /**
   * Until it is worth trying again.
   * @throws SessileError `SESSILE_LOCK_TIMEOUT`, `SESSILE_IO`
   */
  async turn(): Promise<void> {
    const path = lockOf(this.#stem);
    const record = coded('Waiting for', () => readOwner(this.#place.files, path));
    const now = performance.now();
    if (record === undefined) return;
    if (now - this.#began > this.#options.timeout) throw timedOut(this.#options.timeout);
    if (record !== this.#holder) [this.#holder, this.#since] = [record, now];
    const held = now - this.#since;
    if (held < HEALTHY) return pause(now - this.#began);
    const isOld = held >= this.#options.staleAge;
    const broken = coded('Unlocking', () => breakLock(this.#place, path, { stem: this.#stem, record, isOld }));
    if (!broken) await pause(now - this.#began);
  }
}

function timedOut(ms: number): SessileError {
  return new SessileError('SESSILE_LOCK_TIMEOUT', `A session was locked by other processes for more than ${ms} ms`);
}

/** @param waited ms so far: the longer, the shorter the pause */
export function pause(waited: number): Promise<void> {
  return sleep(Math.random() * Math.max(1, LONGEST_PAUSE - waited / 4));
}
