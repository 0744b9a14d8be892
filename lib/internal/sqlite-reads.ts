import type { Awaitable } from '../backend.js';
import { Later } from './later.js';
import type { SqliteDatabase, SqliteStatement } from './sqlite-library.js';
import { rollBack } from './sqlite-schema.js';

interface Read {
  readonly look: (key: string) => unknown;
  readonly key: string;
  readonly answer: Later<unknown>;
  failed: boolean;
  outcome: unknown;
}

/**
 * Reads of one turn of the event loop share a read transaction: to begin and end one costs more than to find a row. They
 * run at the end of the turn, so that each sees everything that had been committed when it was asked for. An app whose
 * requests come in together then goes through them in step, which costs it far less than one after the other.
 */
export class GroupRead {
  readonly #database: SqliteDatabase;
  readonly #begin: SqliteStatement;
  readonly #commit: SqliteStatement;
  #reads: Read[] = [];

  constructor(database: SqliteDatabase) {
    this.#database = database;
    this.#begin = database.prepare('BEGIN');
    this.#commit = database.prepare('COMMIT');
  }

  /** @param look reads what can be read in one step, inside a transaction or outside of one */
  add<T>(look: (key: string) => Awaitable<T>, key = ''): Later<T> {
    const answer = new Later<T>();
    this.#reads.push({ look, key, answer: answer as Later<unknown>, failed: false, outcome: undefined });
    if (this.#reads.length === 1) setImmediate(this.flush);
    return answer;
  }

  /** Runs what was asked for so far, before a write that was asked for later can be seen by it. */
  readonly flush = (): void => {
    const reads = this.#reads;
    this.#reads = [];
    const together = reads.length > 1 && this.#begun();
    for (const read of reads) perform(read);
    if (together) this.#end();
    for (const { failed, outcome, answer } of reads) {
      if (failed) answer.reject(outcome);
      else answer.resolve(outcome);
    }
  };

  /** Not where the file is held for a moment, or the owner of this connection has a transaction open. */
  #begun(): boolean {
    try {
      this.#begin.run();
      return true;
    } catch {
      return false;
    }
  }

  /** What was read has been read, whatever becomes of the transaction. */
  #end(): void {
    try {
      this.#commit.run();
    } catch {
      rollBack(this.#database);
    }
  }
}

function perform(read: Read): void {
  try {
    read.outcome = read.look(read.key);
  } catch (error) {
    read.failed = true;
    read.outcome = error;
  }
}
