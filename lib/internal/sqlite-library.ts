import fs from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { SessileError } from '../errors.js';
import { openError } from './sqlite-errors.js';

/** What sessile binds to a statement. */
export type SqliteValue = string | number;

/** What sessile calls on a statement of either library. */
export interface SqliteStatement {
  /** Runs the statement. */
  run(...values: SqliteValue[]): {
    /** How many rows were inserted, changed or deleted. */
    changes: number | bigint;
  };
  /** The first row, or undefined. */
  get(...values: SqliteValue[]): unknown;
  /** All rows. */
  all(...values: SqliteValue[]): unknown[];
}

/** What sessile calls on an open database: a `DatabaseSync` of node:sqlite or a `Database` of better-sqlite3. */
export interface SqliteDatabase {
  /** Runs statements without values or rows. */
  exec(sql: string): unknown;
  /** Prepares one statement. */
  prepare(sql: string): SqliteStatement;
  /** Closes the database. */
  close(): unknown;
}

/**
 * Runs a statement that selects one column and answers its value in the first row; undefined where there is none. Both
 * libraries can answer without making an object of the row, which is a third of the price of reading it.
 */
export function single(statement: SqliteStatement): (value: SqliteValue) => unknown {
  const { pluck, setReturnArrays } = statement as { pluck?: () => void; setReturnArrays?: (on: boolean) => void };
  if (typeof pluck === 'function') {
    pluck.call(statement);
    return (value) => statement.get(value);
  }
  if (typeof setReturnArrays === 'function') {
    setReturnArrays.call(statement, true);
    return (value) => (statement.get(value) as unknown[] | undefined)?.[0];
  }
  return (value) => {
    const row = statement.get(value);
    return row === undefined ? undefined : Object.values(row as object)[0];
  };
}

export function isDatabase(value: unknown): value is SqliteDatabase {
  const { exec, prepare, close } = (value ?? {}) as Partial<Record<keyof SqliteDatabase, unknown>>;
  return [exec, prepare, close].every((method) => typeof method === 'function');
}

type Opens = new (path: string) => SqliteDatabase;

/** Where the libraries come from; a spec passes others. */
export interface Libraries {
  readonly node: string;
  builtIn(): { DatabaseSync: Opens } | undefined;
  require(name: string): unknown;
}

const load = createRequire(import.meta.url);

export const libraries: Libraries = {
  node: process.versions.node,
  builtIn: () => process.getBuiltinModule('node:sqlite') as { DatabaseSync: Opens } | undefined,
  require: load,
};

/**
 * Opens the file at `path` (or `:memory:`) through node:sqlite where this Node has it and through better-sqlite3 else.
 * A file that is not there is created, readable by its owner only.
 *
 * @throws SessileError `SESSILE_NO_SQLITE`, `SESSILE_BAD_PATH`
 */
export function openFile(path: string, from: Libraries = libraries): SqliteDatabase {
  const Database = from.builtIn()?.DatabaseSync ?? addOn(from);
  if (path === ':memory:') return new Database(path);
  // A resolved path never begins with "file:", which better-sqlite3 would take for a URI and node:sqlite would not.
  const file = resolve(path);
  makeFile(file);
  try {
    return new Database(file);
  } catch (cause) {
    throw openError(`"${path}"`, cause);
  }
}

/** SQLite itself would create the file with 0644; its -wal and -shm files take their mode from the file. */
function makeFile(file: string): void {
  try {
    fs.closeSync(fs.openSync(file, 'wx', 0o600));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw badPath(`"${file}" cannot be created`, cause);
  }
  // SQLite opens a file that it may not write as a read-only one, and is found out at the first write.
  try {
    fs.accessSync(file, fs.constants.R_OK | fs.constants.W_OK);
  } catch (cause) {
    throw badPath(`"${file}" may not be read and written`, cause);
  }
  try {
    fs.accessSync(dirname(file), fs.constants.W_OK | fs.constants.X_OK);
  } catch (cause) {
    throw badPath(`the directory of "${file}" may not be written, where SQLite keeps its write-ahead log`, cause);
  }
}

function badPath(message: string, cause: unknown): SessileError {
  return new SessileError('SESSILE_BAD_PATH', `SqliteStore: ${message}`, { cause });
}

/** The version is read first: better-sqlite3 13 ends a process of Node 20 when it is loaded. */
function addOn({ node, require }: Libraries): Opens {
  let version: string;
  try {
    ({ version } = require('better-sqlite3/package.json') as { version: string });
  } catch (cause) {
    throw noLibrary(`Node ${node} has no node:sqlite; install better-sqlite3 (npm install better-sqlite3@12)`, cause);
  }
  if (Number.parseInt(version, 10) >= 13 && Number.parseInt(node, 10) < 22) {
    throw noLibrary(`better-sqlite3 ${version} does not run on Node ${node}; install better-sqlite3@12`);
  }
  try {
    return require('better-sqlite3') as Opens;
  } catch (cause) {
    throw noLibrary(`better-sqlite3 ${version} cannot be loaded on Node ${node}; install it anew`, cause);
  }
}

function noLibrary(message: string, cause?: unknown): SessileError {
  return new SessileError('SESSILE_NO_SQLITE', `SqliteStore: ${message}`, { cause });
}

let warned = false;

/**
 * STRICT tables need 3.37. Up to 3.51.2 two connections that checkpoint at the same moment can damage the file; the
 * remedy was carried back to 3.50.7 and 3.44.6.
 *
 * @throws SessileError `SESSILE_NO_SQLITE`
 */
export function checkVersion(version: string, warn: (message: string) => void = warnOnce): void {
  const number = toNumber(version);
  if (number < 3_037_000) throw noLibrary(`SQLite ${version} is too old; 3.37 is the first that will do`);
  const repaired =
    number >= 3_051_003 || (number >= 3_050_007 && number < 3_051_000) || (number >= 3_044_006 && number < 3_045_000);
  if (repaired) return;
  warn(
    `SQLite ${version} can damage a database that several connections write to (its "WAL-reset bug", repaired in ` +
      '3.51.3); use a newer Node or better-sqlite3, or let one process alone use the file',
  );
}

function toNumber(version: string): number {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  return major * 1_000_000 + minor * 1_000 + patch;
}

function warnOnce(message: string): void {
  if (warned) return;
  warned = true;
  process.emitWarning(message, { type: 'SessileWarning', code: 'SESSILE_OLD_SQLITE' });
}
