import { misuse } from '../errors.js';
import { checkDuration, describe } from './options.js';
import { type Adopted, type Adoption, checkAdoption } from './sqlite-adopt.js';
import { isDatabase } from './sqlite-library.js';
import { checkTable, type SchemaOptions } from './sqlite-schema.js';

/** Options of {@link SqliteBackend}, and of {@link SqliteStore} besides those of all stores. */
export interface SqliteBackendOptions {
  /** The table: a letter or `_`, then letters, digits or `_`. Default: `'sessions'`, with `adopt` `'sessile_sessions'`. */
  table?: string;
  /**
   * `'normal'`: what was stored survives the end of the process at any moment; a power failure may take back the last
   * moments and damages nothing. `'full'`: each callback waits until its change is on the disk. Default: `'normal'`.
   */
  synchronous?: 'normal' | 'full';
  /** How long an operation waits, in ms, while another process holds the file's lock. Default: 5 000. */
  lockTimeout?: number;
  /**
   * Also find the sessions that another package left in this file, and carry each over when it is first written. Its own
   * table is named where it was not `sessions`: `{ from: 'connect-sqlite3', table }`. Default: nothing is adopted.
   */
  adopt?: Adoption;
}

interface Checked extends SchemaOptions {
  readonly adopted: Adopted | undefined;
}

/** What is asked for, defaults included. @throws TypeError `SESSILE_MISUSE` */
export function checkOptions(database: unknown, options: SqliteBackendOptions): Checked {
  if (database === '' || (typeof database !== 'string' && !isDatabase(database))) {
    const wanted = 'a path or an open database of node:sqlite or better-sqlite3';
    throw misuse(`SqliteStore: expected ${wanted}, not ${describe(database)}`);
  }
  const { synchronous = 'normal', lockTimeout = 5_000 } = options;
  const adopted = options.adopt === undefined ? undefined : checkAdoption(options.adopt);
  const { table = adopted === undefined ? 'sessions' : 'sessile_sessions' } = options;
  checkTable('table', table);
  if (adopted?.table.toLowerCase() === table.toLowerCase()) {
    throw misuse('SqliteStore: table must be another than that of adopt');
  }
  if (synchronous !== 'normal' && synchronous !== 'full') {
    throw misuse(`SqliteStore: synchronous must be 'normal' or 'full', not ${describe(synchronous)}`);
  }
  checkDuration('SqliteStore', 'lockTimeout', lockTimeout, 0);
  return { table, synchronous, lockTimeout, adopted };
}
