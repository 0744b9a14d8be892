import { END_OF_TIME, type Entry } from '../backend.js';
import { misuse, SessileError } from '../errors.js';
import { encodeCookie } from './cookie-text.js';
import { checkNames } from './options.js';
import { sidOf } from './sqlite-key.js';
import type { SqliteDatabase, SqliteStatement } from './sqlite-library.js';
import { checkTable, columnsOf } from './sqlite-schema.js';

interface Format {
  /** The column with the deadline. */
  readonly deadline: string;
  /** The deadline in ms since the epoch; NaN where there is none to be read. */
  readonly read: (value: unknown) => number;
}

const formats = {
  'connect-sqlite3': { deadline: 'expired', read: Number },
  'better-sqlite3-session-store': { deadline: 'expire', read: (value) => Date.parse(String(value)) },
} satisfies Record<string, Format>;

type Package = keyof typeof formats;
const packages = Object.keys(formats) as Package[];

/** A package whose sessions can be taken over, and its table where that is not `sessions`. */
export type Adoption =
  | Package
  | {
      /** The package. */
      from: Package;
      /** Its table. Default: `sessions`. */
      table?: string;
    };

const PAGE = 100;

export interface Found {
  readonly sid: string;
  readonly sess: string;
  readonly expires: number;
}

/** What {@link checkAdoption} makes of an {@link Adoption}. */
export interface Adopted {
  readonly from: Package;
  readonly table: string;
}

type Report = (error: Error) => void;

/** @throws TypeError `SESSILE_MISUSE` */
export function checkAdoption(adopt: Adoption): Adopted {
  const given = typeof adopt === 'string' ? { from: adopt } : adopt;
  if (!packages.includes(given?.from)) {
    const names = packages.map((name) => `'${name}'`).join(' or ');
    throw misuse(`SqliteStore: adopt must be ${names}, or { from, table }`);
  }
  checkNames('SqliteStore: adopt', given, ['from', 'table']);
  const { from, table = 'sessions' } = given as { from: Package; table?: string };
  checkTable('adopt.table', table);
  return { from, table };
}

/**
 * A table of sessions that another package wrote. It is read and rows are removed from it; nothing is written to it. A
 * deadline is the one in its column, whatever the session's cookie says: those packages' touch moves the column alone.
 */
export class AdoptedTable {
  readonly #read: Format['read'];
  readonly #report: Report;
  readonly #find: SqliteStatement;
  readonly #remove: SqliteStatement;
  readonly #firstPage: SqliteStatement;
  readonly #nextPage: SqliteStatement;

  /** @throws SessileError `SESSILE_BAD_SCHEMA`; undefined where there is no such table */
  static open(database: SqliteDatabase, { from, table }: Adopted, report: Report): AdoptedTable | undefined {
    const names = columnsOf(database, table)
      .split(', ')
      .map((column) => column.split(' ')[0]);
    if (names[0] === '') return undefined;
    const wanted = ['sid', 'sess', formats[from].deadline];
    if (wanted.every((name) => names.includes(name))) return new AdoptedTable(database, { from, table }, report);
    const why = `SqliteStore: the table "${table}" is not one of ${from}: it has no ${wanted.join(', ')}`;
    throw new SessileError('SESSILE_BAD_SCHEMA', why);
  }

  private constructor(database: SqliteDatabase, { from, table }: Adopted, report: Report) {
    const { deadline, read } = formats[from];
    this.#read = read;
    this.#report = report;
    const name = `main."${table}"`;
    const select = `SELECT sid, sess, ${deadline} AS deadline FROM ${name}`;
    this.#find = database.prepare(`${select} WHERE sid = ?`);
    this.#remove = database.prepare(`DELETE FROM ${name} WHERE sid = ?`);
    this.#firstPage = database.prepare(`${select} ORDER BY sid LIMIT ${PAGE}`);
    this.#nextPage = database.prepare(`${select} WHERE sid > ? ORDER BY sid LIMIT ${PAGE}`);
  }

  find(key: string): Entry | undefined {
    const found = this.#find.get(sidOf(key));
    return found === undefined ? undefined : this.toEntry(this.#toFound(found));
  }

  remove(key: string): void {
    this.#remove.run(sidOf(key));
  }

  page(after: string | undefined): Found[] {
    const rows = after === undefined ? this.#firstPage.all() : this.#nextPage.all(after);
    return rows.map((row) => this.#toFound(row));
  }

  /** What cannot be read is reported and left where it is. */
  toEntry(found: Found): Entry | undefined {
    try {
      const session: unknown = JSON.parse(found.sess);
      if (typeof session !== 'object' || session === null || Array.isArray(session)) throw new TypeError('no object');
      const { cookie, ...data } = session as Record<string, unknown>;
      return { data: JSON.stringify(data), cookie: encodeCookie(cookie).cookie, expires: found.expires };
    } catch (cause) {
      this.#report(new SessileError('SESSILE_CORRUPT', 'A session of the adopted table cannot be read', { cause }));
      return undefined;
    }
  }

  /** A deadline that cannot be read has passed, as it has for a comparison in SQL. */
  #toFound(row: unknown): Found {
    const { sid, sess, deadline } = row as Omit<Found, 'expires'> & { deadline: unknown };
    const at = Math.trunc(this.#read(deadline));
    return { sid, sess, expires: at >= 0 && at <= END_OF_TIME ? at : 0 };
  }
}
