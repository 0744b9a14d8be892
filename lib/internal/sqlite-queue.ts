import type { Change, Entry } from '../backend.js';
import { Later } from './later.js';
import { nextTurn } from './next-turn.js';
import { endsTransaction, isHeld, lockTimeout, resultOf, statementError } from './sqlite-errors.js';
import type { SqliteDatabase, SqliteStatement } from './sqlite-library.js';
import { rollBack } from './sqlite-schema.js';

/** At most so many jobs share one transaction, so that no flood holds the event loop. */
const GROUP = 256;
/** The longest pause between two attempts at a lock that is held, in ms. */
const LONGEST_PAUSE = 16;

/** What a caller's own function threw inside a job: it is passed on unchanged and says nothing about the transaction. */
export class Thrown {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

/** What `change` makes of what is there. @throws Thrown */
export function apply(change: Change, current: Entry | undefined): Entry | undefined {
  try {
    return change(current);
  } catch (error) {
    throw new Thrown(error);
  }
}

interface Job {
  readonly work: () => unknown;
  readonly answer: Later<unknown>;
  /** The group that this job was in failed as a whole. */
  alone: boolean;
  failed: boolean;
  outcome: unknown;
}

/**
 * Group commit: the jobs of one turn of the event loop run in one `BEGIN IMMEDIATE` transaction, in the order in which
 * they came, and their answers come after the COMMIT. A job that fails does so alone; where the transaction fails as
 * a whole, every job of it is run again in one of its own. A lock that another connection holds is waited for without
 * holding the event loop.
 */
export class GroupCommit {
  readonly #database: SqliteDatabase;
  readonly #lockTimeout: number;
  readonly #before: () => void;
  readonly #begin: SqliteStatement;
  readonly #commit: SqliteStatement;
  readonly #keys = new Set<string>();
  #jobs: Job[] = [];
  #scheduled = false;
  #attempts = 0;
  #patience: NodeJS.Timeout | undefined;

  /** @param before called before each transaction */
  constructor(database: SqliteDatabase, lockTimeoutMs: number, before = (): void => {}) {
    this.#database = database;
    this.#before = before;
    this.#lockTimeout = lockTimeoutMs;
    this.#begin = database.prepare('BEGIN IMMEDIATE');
    this.#commit = database.prepare('COMMIT');
  }

  /**
   * Runs `work` in the next transaction. It may be run more than once; the last answer counts.
   *
   * @param key for {@link awaits}
   */
  add<T>(work: () => T, key?: string): Later<T> {
    if (key !== undefined) this.#keys.add(key);
    const answer = new Later<T>();
    this.#jobs.push({ work, answer: answer as Later<unknown>, alone: false, failed: false, outcome: undefined });
    this.#schedule();
    return answer;
  }

  /** Whether a job of that key may not have been committed yet. */
  awaits(key: string): boolean {
    return this.#keys.has(key);
  }

  /** When everything that was added before has been committed or has failed; undefined: it has. */
  settled(): PromiseLike<unknown> | undefined {
    return this.#jobs.length === 0 ? undefined : this.add(() => undefined);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    nextTurn(this.#flush);
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    this.#before();
    if (this.#jobs.length > 0 && this.#begun()) this.#run(this.#take(this.#jobs[0]?.alone ? 1 : GROUP));
  };

  #begun(): boolean {
    try {
      this.#begin.run();
      return true;
    } catch (error) {
      // ERROR says that the owner of this connection has a transaction open, which will end.
      if (isHeld(error) || resultOf(error) === 'ERROR') this.#waitFor(error);
      else this.#settle(this.#take(this.#jobs.length), statementError(error));
      return false;
    }
  }

  #run(jobs: Job[]): void {
    try {
      for (const job of jobs) perform(job);
      this.#commit.run();
    } catch (error) {
      rollBack(this.#database);
      this.#retry(jobs, error);
      return;
    }
    this.#endWait();
    this.#settle(jobs);
  }

  /** Takes jobs off the front; the keys are known to be safe again once nothing waits. */
  #take(count: number): Job[] {
    if (count < this.#jobs.length) return this.#jobs.splice(0, count);
    const jobs = this.#jobs;
    this.#jobs = [];
    return jobs;
  }

  #settle(jobs: Job[], error?: unknown): void {
    if (this.#jobs.length === 0) this.#keys.clear();
    else this.#schedule();
    for (const { failed, outcome, answer } of jobs) {
      if (error !== undefined) answer.reject(error);
      else if (failed) answer.reject(outcome);
      else answer.resolve(outcome);
    }
  }

  #retry(jobs: Job[], error: unknown): void {
    const held = isHeld(error);
    if (jobs.length === 1 && !held) {
      this.#settle(jobs, statementError(error));
      return;
    }
    if (!held) for (const job of jobs) job.alone = true;
    this.#jobs = [...jobs, ...this.#jobs];
    if (held) this.#waitFor(error);
    else this.#schedule();
  }

  /** Tries again after a random pause that grows, so that processes which wait for one lock do not march in step. */
  #waitFor(error: unknown): void {
    if (this.#patience === undefined) this.#startPatience(error);
    const pause = Math.random() * Math.min(LONGEST_PAUSE, 2 ** this.#attempts);
    this.#attempts += 1;
    this.#scheduled = true;
    setTimeout(this.#flush, pause);
  }

  /** Jobs that come while others wait have waited for less: they get a time-out of their own. */
  #startPatience(error: unknown): void {
    const waiting = this.#jobs.length;
    this.#patience = setTimeout(() => {
      this.#patience = undefined;
      const late = this.#take(waiting);
      if (this.#jobs.length > 0) this.#startPatience(error);
      this.#settle(late, lockTimeout(this.#lockTimeout, error));
    }, this.#lockTimeout);
  }

  #endWait(): void {
    this.#attempts = 0;
    if (this.#patience === undefined) return;
    clearTimeout(this.#patience);
    this.#patience = undefined;
  }
}

function perform(job: Job): void {
  job.failed = false;
  try {
    job.outcome = job.work();
  } catch (error) {
    if (endsTransaction(error)) throw error;
    job.failed = true;
    job.outcome = error instanceof Thrown ? error.error : statementError(error);
  }
}
