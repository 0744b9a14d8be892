import { InStep } from './in-step.js';
import type { SqliteDatabase, SqliteStatement } from './sqlite-library.js';
import { rollBack } from './sqlite-schema.js';

/**
 * Reads of one turn of the event loop share a read transaction: to begin and end one costs more than to find a row. They
 * run at the end of the turn, so that each sees everything that had been committed when it was asked for.
 */
export class GroupRead extends InStep {
  readonly #database: SqliteDatabase;
  readonly #begin: SqliteStatement;
  readonly #commit: SqliteStatement;

  constructor(database: SqliteDatabase) {
    super((readAll, count) => {
      const together = count > 1 && this.#begun();
      readAll();
      if (together) this.#end();
    });
    this.#database = database;
    this.#begin = database.prepare('BEGIN');
    this.#commit = database.prepare('COMMIT');
  }

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
