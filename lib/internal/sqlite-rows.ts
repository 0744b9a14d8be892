import type { Entry, Touch } from '../backend.js';
import { type SqliteDatabase, type SqliteStatement, type SqliteValue, single } from './sqlite-library.js';

/** How many rows are read at a time where all of them are walked. */
const PAGE = 100;
/** How many rows one look counts; well under a millisecond where they are in memory. */
const STRETCH = 1_000;
/** How many rows one transaction removes at most. */
const REMOVED_AT_ONCE = 25;

/** Stands between the columns of a row that is read as one text, as {@link single} can. JSON has no such character. */
const SEPARATOR = '\x1f';
const ZERO = 0x30;

export interface Row {
  readonly id: number;
  readonly entry: Entry;
}

export interface Keyed {
  readonly key: string;
  readonly entry: Entry;
}

/** What the statement of a page answers. */
type Found = Entry & { readonly key: string };

/** A stretch of the table in the order of row ids. `last` is undefined past the end. */
export interface Stretch {
  readonly last: number | undefined;
  readonly size: number;
  readonly alive: number;
}

/** The statements on one table of entries, prepared once. Errors are SQLite's. */
export class EntryRows {
  readonly #read: (key: SqliteValue) => unknown;
  readonly #find: (key: SqliteValue) => unknown;
  readonly #insert: SqliteStatement;
  readonly #overwrite: SqliteStatement;
  readonly #replace: SqliteStatement;
  readonly #remove: SqliteStatement;
  readonly #removeKey: SqliteStatement;
  readonly #touch: SqliteStatement;
  readonly #touchExpected: SqliteStatement;
  readonly #firstPage: SqliteStatement;
  readonly #nextPage: SqliteStatement;
  readonly #stretch: SqliteStatement;
  readonly #last: SqliteStatement;
  readonly #removeDead: SqliteStatement;
  readonly #removeAny: SqliteStatement;

  /** @param table checked: a plain name */
  constructor(database: SqliteDatabase, table: string) {
    const name = `main."${table}"`;
    const prepare = (sql: string) => database.prepare(sql);
    const select = `expires, cookie, data FROM ${name}`;
    const touch = `UPDATE ${name} SET expires = ?, cookie = ? WHERE key = ? AND expires > ?`;
    const walk = `SELECT rowid AS id, expires FROM ${name} WHERE rowid > ? ORDER BY rowid LIMIT ${STRETCH}`;
    const some = `LIMIT ${REMOVED_AT_ONCE}`;
    const text = `expires || '${SEPARATOR}' || cookie || '${SEPARATOR}' || data`;
    const replace = `UPDATE ${name} SET expires = ?, cookie = ?, data = ?`;
    this.#read = single(prepare(`SELECT ${text} FROM ${name} WHERE key = ?`));
    this.#find = single(prepare(`SELECT rowid || '${SEPARATOR}' || ${text} FROM ${name} WHERE key = ?`));
    this.#insert = prepare(`INSERT INTO ${name} (key, expires, cookie, data) VALUES (?, ?, ?, ?)`);
    this.#overwrite = prepare(`${replace} WHERE key = ?`);
    this.#replace = prepare(`${replace} WHERE rowid = ?`);
    this.#remove = prepare(`DELETE FROM ${name} WHERE rowid = ?`);
    this.#removeKey = prepare(`DELETE FROM ${name} WHERE key = ?`);
    this.#touch = prepare(touch);
    this.#touchExpected = prepare(`${touch} AND cookie = ?`);
    this.#firstPage = prepare(`SELECT key, ${select} ORDER BY key LIMIT ${PAGE}`);
    this.#nextPage = prepare(`SELECT key, ${select} WHERE key > ? ORDER BY key LIMIT ${PAGE}`);
    this.#stretch = prepare(`SELECT max(id) AS last, count(*) AS size, total(expires > ?) AS alive FROM (${walk})`);
    this.#last = prepare(`SELECT max(rowid) AS last FROM ${name}`);
    const among = (where: string) =>
      `DELETE FROM ${name} WHERE rowid IN (SELECT rowid FROM ${name} WHERE ${where} ${some})`;
    this.#removeDead = prepare(among('rowid > ? AND rowid <= ? AND expires <= ?'));
    this.#removeAny = prepare(among('rowid <= ?'));
  }

  read(key: string): Entry | undefined {
    const found = this.#read(key) as string | undefined;
    return found === undefined ? undefined : entryIn(found, 0);
  }

  find(key: string): Row | undefined {
    const found = this.#find(key) as string | undefined;
    if (found === undefined) return undefined;
    const end = found.indexOf(SEPARATOR);
    return { id: Number(found.slice(0, end)), entry: entryIn(found, end + 1) };
  }

  /** Replaces or inserts. Two statements, as most that is saved is there: an upsert costs it a tenth more. */
  put(key: string, entry: Entry): void {
    const { changes } = this.#overwrite.run(entry.expires, entry.cookie, entry.data, key);
    if (Number(changes) === 0) this.insert(key, entry);
  }

  insert(key: string, { expires, cookie, data }: Entry): void {
    this.#insert.run(key, expires, cookie, data);
  }

  replace(id: Row['id'], { expires, cookie, data }: Entry): void {
    this.#replace.run(expires, cookie, data, id);
  }

  remove(id: Row['id']): void {
    this.#remove.run(id);
  }

  removeKey(key: string): void {
    this.#removeKey.run(key);
  }

  /** Whether a living row was moved. */
  touch(key: string, { expires, cookie, expected }: Touch, now: number): boolean {
    const { changes } =
      expected === undefined
        ? this.#touch.run(expires, cookie, key, now)
        : this.#touchExpected.run(expires, cookie, key, now, expected);
    return Number(changes) > 0;
  }

  /** The first rows after `key` in the order of keys; from the beginning where there is none. Empty past the end. */
  page(key: string | undefined): Keyed[] {
    const rows = key === undefined ? this.#firstPage.all() : this.#nextPage.all(key);
    return (rows as Found[]).map((found) => ({ key: found.key, entry: toEntry(found) }));
  }

  /** Looks at the rows that follow the row id `after`. */
  stretch(after: number, now: number): Stretch {
    const { last, size, alive } = this.#stretch.get(now, after) as Record<'last' | 'size' | 'alive', number | null>;
    return { last: last === null ? undefined : Number(last), size: Number(size), alive: Number(alive) };
  }

  /** The highest row id there is, or 0. */
  last(): number {
    return Number((this.#last.get() as { last: number | null }).last);
  }

  /** Removes some that are dead in a stretch; answers how many, and whether that was all. */
  removeDead(after: number, last: number, now: number): { removed: number; done: boolean } {
    const removed = Number(this.#removeDead.run(after, last, now).changes);
    return { removed, done: removed < REMOVED_AT_ONCE };
  }

  /** Removes some of the rows up to a row id; answers whether that was all. */
  removeAny(last: number): boolean {
    return Number(this.#removeAny.run(last).changes) < REMOVED_AT_ONCE;
  }
}

/** @param from where the deadline begins */
function entryIn(text: string, from: number): Entry {
  const end = text.indexOf(SEPARATOR, from);
  const endOfCookie = text.indexOf(SEPARATOR, end + 1);
  return {
    data: text.slice(endOfCookie + 1),
    cookie: text.slice(end + 1, endOfCookie),
    expires: digits(text, from, end),
  };
}

/** A fifth of what `Number` of a slice costs. Only digits are stored: the column is a whole number that is not below 0. */
function digits(text: string, from: number, end: number): number {
  let number = 0;
  for (let at = from; at < end; at += 1) number = number * 10 + text.charCodeAt(at) - ZERO;
  return number;
}

/** A connection of the caller's may be set to answer integers as BigInts. */
function toEntry({ data, cookie, expires }: Entry): Entry {
  return { data, cookie, expires: Number(expires) };
}
