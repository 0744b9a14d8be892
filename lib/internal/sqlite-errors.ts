import { SessileError } from '../errors.js';

/** Primary result codes of SQLite that sessile tells apart, by number. */
const RESULTS: Readonly<Record<number, string>> = {
  1: 'ERROR',
  5: 'BUSY',
  6: 'LOCKED',
  7: 'NOMEM',
  8: 'READONLY',
  9: 'INTERRUPT',
  10: 'IOERR',
  11: 'CORRUPT',
  13: 'FULL',
  14: 'CANTOPEN',
  15: 'PROTOCOL',
  18: 'TOOBIG',
  26: 'NOTADB',
};

/** After these SQLite may have rolled the whole transaction back, whatever the statement was. */
const ENDING = new Set([
  'BUSY',
  'LOCKED',
  'NOMEM',
  'READONLY',
  'INTERRUPT',
  'IOERR',
  'CORRUPT',
  'FULL',
  'CANTOPEN',
  'NOTADB',
]);

/**
 * The name of the primary result code that an error of either library carries; undefined where it carries none.
 * node:sqlite has `errcode` 517 where better-sqlite3 has `code` 'SQLITE_BUSY_SNAPSHOT'; both are BUSY.
 */
export function resultOf(error: unknown): string | undefined {
  const { errcode, code } = (error ?? {}) as { errcode?: unknown; code?: unknown };
  if (typeof errcode === 'number') return RESULTS[errcode & 0xff] ?? 'OTHER';
  if (typeof code !== 'string' || !code.startsWith('SQLITE_')) return undefined;
  return code.split('_')[1];
}

/** Someone else holds the lock: to be tried again. PROTOCOL is a lost race for the WAL's locks. */
export function isHeld(error: unknown): boolean {
  const result = resultOf(error);
  return result === 'BUSY' || result === 'LOCKED' || result === 'PROTOCOL';
}

export function endsTransaction(error: unknown): boolean {
  return ENDING.has(resultOf(error) ?? '');
}

/** One of ours already, misuse among them. */
function isCoded(error: unknown): error is SessileError {
  return String((error as { code?: unknown } | undefined)?.code).startsWith('SESSILE_');
}

/** The coded error for what a statement threw. */
export function statementError(cause: unknown): SessileError {
  if (isCoded(cause)) return cause;
  switch (resultOf(cause)) {
    case 'CORRUPT':
    case 'NOTADB':
      return new SessileError('SESSILE_DAMAGED', 'The database file is damaged; nothing was repaired or removed', {
        cause,
      });
    case 'FULL':
      return new SessileError('SESSILE_IO', 'The database cannot grow: the disk is full; the change was not made', {
        cause,
      });
    case 'READONLY':
      return new SessileError('SESSILE_IO', 'The database cannot be written; the change was not made', { cause });
    case 'TOOBIG':
      return new SessileError('SESSILE_TOO_LARGE', 'The session is larger than SQLite can keep', { cause });
    default:
      return new SessileError('SESSILE_IO', 'SQLite could not do it; the change was not made', { cause });
  }
}

/** The coded error for what opening a database threw. */
export function openError(what: string, cause: unknown): SessileError {
  if (isCoded(cause)) return cause;
  switch (resultOf(cause)) {
    case 'NOTADB':
      return new SessileError('SESSILE_BAD_PATH', `SqliteStore: ${what} is not a SQLite database`, { cause });
    case 'READONLY':
      return new SessileError('SESSILE_BAD_PATH', `SqliteStore: ${what} is read-only`, { cause });
    case 'CANTOPEN':
      return new SessileError('SESSILE_BAD_PATH', `SqliteStore: ${what} cannot be opened`, { cause });
    default:
      return statementError(cause);
  }
}

export function lockTimeout(ms: number, cause: unknown): SessileError {
  const message = `The database was locked for longer than lockTimeout (${ms} ms); the change was not made`;
  return new SessileError('SESSILE_LOCK_TIMEOUT', message, { cause });
}
