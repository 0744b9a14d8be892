import { misuse, SessileError } from '../errors.js';
import { isHeld, lockTimeout as lockTimeoutError, openError } from './sqlite-errors.js';
import { checkVersion, type SqliteDatabase } from './sqlite-library.js';

/** "Sesl", in the header of files that sessile made, so that `file` and people can tell what they are. */
const APPLICATION_ID = 0x5365736c;
/** The format of the tables, kept as `user_version` in files that sessile made. */
const FORMAT = 1;

/**
 * Pages in the log when it is moved into the file. Twice SQLite's preset: a page that is changed often is moved once for
 * many changes, and the move still holds the event loop for a few milliseconds only.
 */
const LOG_PAGES = 2_000;
/** What a stuck reader made the log grow to is cut back to this. */
const LOG_BYTES = LOG_PAGES * 4_096;

export interface SchemaOptions {
  readonly table: string;
  readonly synchronous: 'normal' | 'full';
  /** How long to wait for other processes that open the same file, in ms. */
  readonly lockTimeout: number;
}

/** @throws TypeError `SESSILE_MISUSE` for what may not stand between quotes in a statement */
export function checkTable(option: string, table: unknown): void {
  if (typeof table === 'string' && /^(?!sqlite_)[a-z_]\w{0,62}$/i.test(table)) return;
  throw misuse(
    `SqliteStore: ${option} must be a letter or "_" and up to 62 letters, digits or "_", and not begin with "sqlite_"`,
  );
}

/** The columns of a table of ours, as `pragma_table_info` tells them. */
const COLUMNS = 'key TEXT 1 1, expires INTEGER 1 0, cookie TEXT 1 0, data TEXT 1 0';

/**
 * Makes a freshly opened connection and its file ready: settings, which the two libraries preset differently, and the
 * table. Waits in place where another process has the file locked; this happens once, when an app starts.
 *
 * The file's `application_id` and `user_version` are set where sessile made the file and left alone in an app's own one,
 * whose migrations may count there.
 *
 * @throws SessileError `SESSILE_BAD_PATH`, `SESSILE_BAD_SCHEMA`, `SESSILE_DAMAGED`, `SESSILE_FORMAT`, `SESSILE_IO`,
 * `SESSILE_LOCK_TIMEOUT`, `SESSILE_NO_SQLITE`
 */
export function prepareDatabase(database: SqliteDatabase, options: SchemaOptions): void {
  patiently(options.lockTimeout, () => {
    checkVersion(versionOf(database));
    configure(database, options);
    prepareTable(database, options.table);
  });
}

/** Answers like a database of one of the two libraries, or is none. */
function versionOf(database: SqliteDatabase): string {
  const version = first(database, 'SELECT sqlite_version()');
  if (typeof version === 'string') return version;
  throw misuse('SqliteStore: expected a path or an open database of node:sqlite or better-sqlite3');
}

export function configure(database: SqliteDatabase, { synchronous }: Pick<SchemaOptions, 'synchronous'>): void {
  // Waiting inside SQLite would hold the event loop.
  set(database, 'busy_timeout', 0);
  // Takes effect in an empty file alone, and would take the write lock in any other.
  if (Number(first(database, 'PRAGMA page_count')) === 0) database.exec('PRAGMA auto_vacuum = INCREMENTAL');
  const mode = first(database, 'PRAGMA journal_mode = WAL');
  if (mode !== 'wal' && mode !== 'memory') {
    const why = `SqliteStore: the database cannot have a write-ahead log here (journal_mode is ${String(mode)})`;
    throw new SessileError('SESSILE_BAD_PATH', why);
  }
  set(database, 'synchronous', synchronous === 'full' ? 2 : 1);
  set(database, 'secure_delete', 1);
  set(database, 'trusted_schema', 0);
  set(database, 'journal_size_limit', LOG_BYTES);
  set(database, 'wal_autocheckpoint', LOG_PAGES);
  // 16 MB, as better-sqlite3 has it; node:sqlite has 2. More is a quarter off a read only where some thousand sessions
  // of a million are in use, and nothing off where all are: those pages the system keeps. No mmap: a failing disk would
  // end the process instead of an operation.
  set(database, 'cache_size', -16_000);
  // On macOS alone a sync does not reach the disk without these.
  set(database, 'fullfsync', synchronous === 'full' ? 1 : 0);
  set(database, 'checkpoint_fullfsync', synchronous === 'full' ? 1 : 0);
}

function set(database: SqliteDatabase, pragma: string, value: number): void {
  database.exec(`PRAGMA ${pragma} = ${value}`);
  const found = Number(first(database, `PRAGMA ${pragma}`));
  if (found === value) return;
  throw new SessileError('SESSILE_IO', `SqliteStore: SQLite keeps ${pragma} at ${found} where ${value} is needed`);
}

/** Looks before it locks, so that opening a file in use waits for nobody. */
function prepareTable(database: SqliteDatabase, table: string): void {
  if (isReady(database, table)) return;
  database.exec('BEGIN EXCLUSIVE');
  try {
    if (!isReady(database, table)) makeTable(database, table);
    database.exec('COMMIT');
  } catch (error) {
    rollBack(database);
    throw error;
  }
}

/** @throws SessileError `SESSILE_FORMAT`, `SESSILE_BAD_SCHEMA` for what must not be used */
function isReady(database: SqliteDatabase, table: string): boolean {
  const ours = first(database, 'PRAGMA application_id') === APPLICATION_ID;
  const format = Number(first(database, 'PRAGMA user_version'));
  if (ours && format > FORMAT) {
    const why = `SqliteStore: the database has format ${format}, made by a newer sessile; this one knows ${FORMAT}`;
    throw new SessileError('SESSILE_FORMAT', why);
  }
  const found = columnsOf(database, table);
  if (found === '') return false;
  if (found === COLUMNS) return true;
  throw new SessileError('SESSILE_BAD_SCHEMA', `SqliteStore: there is a table "${table}" that is not sessile's`);
}

function makeTable(database: SqliteDatabase, table: string): void {
  if (Number(first(database, 'SELECT count(*) FROM sqlite_schema')) === 0) {
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    database.exec(`PRAGMA user_version = ${FORMAT}`);
  }
  // The deadline and the cookie come first: they are read and moved without stepping through long data.
  database.exec(
    `CREATE TABLE main."${table}" (` +
      'key TEXT PRIMARY KEY NOT NULL, ' +
      'expires INTEGER NOT NULL CHECK (expires BETWEEN 0 AND 8640000000000000), ' +
      'cookie TEXT NOT NULL, ' +
      'data TEXT NOT NULL) STRICT',
  );
}

/** What columns a table or view has, as one text; empty where there is none of that name. */
export function columnsOf(database: SqliteDatabase, table: string): string {
  const sql = `SELECT name || ' ' || type || ' ' || "notnull" || ' ' || pk AS text FROM pragma_table_info(?, 'main')`;
  const rows = database.prepare(sql).all(table) as { text: string }[];
  return rows.map(({ text }) => text).join(', ');
}

/** The first column of the first row. */
export function first(database: SqliteDatabase, sql: string): unknown {
  const row = database.prepare(sql).get();
  return typeof row === 'object' && row !== null ? Object.values(row)[0] : undefined;
}

/** SQLite may have done it already. */
export function rollBack(database: SqliteDatabase): void {
  try {
    database.exec('ROLLBACK');
  } catch {}
}

/**
 * Runs `act` again while others hold the lock, for `limit` ms of sleep in all. Whatever else it throws comes out coded.
 */
export function patiently<T>(limit: number, act: () => T): T {
  for (let waited = 0; ; ) {
    try {
      return act();
    } catch (error) {
      if (!isHeld(error)) throw openError('the database', error);
      if (waited >= limit) throw lockTimeoutError(limit, error);
      const pause = 1 + Math.floor(Math.random() * 20);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause);
      waited += pause;
    }
  }
}
