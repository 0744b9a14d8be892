import type { Awaitable, Backend, Change, Entry } from '../backend.js';
import { misuse, SessileError } from '../errors.js';
import { passTurn } from './next-turn.js';
import { describe } from './options.js';
import { readSeconds, toSeconds } from './record-store.js';
import { isHeld, statementError } from './sqlite-errors.js';
import { checkVersion, isDatabase, openFile, type SqliteDatabase, type SqliteStatement } from './sqlite-library.js';
import { apply, GroupCommit } from './sqlite-queue.js';
import { checkTable, columnsOf, configure, first, patiently } from './sqlite-schema.js';

/** How long to wait, in ms, while another process has the file locked. */
const LOCK_TIMEOUT = 5_000;
/** How many rows one look of a prune passes, and so how many it removes at most. */
const STRETCH = 200;
/** The columns, as `pragma_table_info` tells them. */
const COLUMNS = 'id TEXT 0 1, payload TEXT 1 0, expires_at INTEGER 0 0';

interface Row {
  readonly payload: string;
  readonly expires_at: unknown;
}

/** Records as rows `(id TEXT PRIMARY KEY, payload TEXT NOT NULL, expires_at INTEGER)`, deadlines in seconds. */
export class RecordTable implements Pick<Backend, 'read' | 'update' | 'prune' | 'close' | 'report'> {
  report?: (error: Error) => void;
  readonly #database: SqliteDatabase;
  readonly #owned: boolean;
  readonly #queue: GroupCommit;
  readonly #find: SqliteStatement;
  readonly #put: SqliteStatement;
  readonly #remove: SqliteStatement;
  readonly #last: SqliteStatement;
  readonly #removeDead: SqliteStatement;

  /**
   * @param database a path, `:memory:`, or an open database, whose settings are left alone and which `close` leaves open
   * @throws TypeError `SESSILE_MISUSE`; SessileError `SESSILE_BAD_PATH`, `SESSILE_BAD_SCHEMA`, `SESSILE_DAMAGED`,
   * `SESSILE_IO`, `SESSILE_LOCK_TIMEOUT`, `SESSILE_NO_SQLITE`
   */
  constructor(database: string | SqliteDatabase, table: string) {
    if (database === '' || (typeof database !== 'string' && !isDatabase(database))) {
      throw misuse(`sqliteStore: expected a path or an open database, not ${describe(database)}`);
    }
    checkTable('table', table);
    this.#owned = typeof database === 'string';
    this.#database = typeof database === 'string' ? openFile(database) : database;
    try {
      patiently(LOCK_TIMEOUT, () => {
        if (this.#owned) {
          checkVersion(String(first(this.#database, 'SELECT sqlite_version()')));
          configure(this.#database, { synchronous: 'normal' });
        }
        makeTable(this.#database, table);
      });
      const prepare = (sql: string) => this.#database.prepare(sql);
      this.#queue = new GroupCommit(this.#database, LOCK_TIMEOUT);
      const name = `main."${table}"`;
      this.#find = prepare(`SELECT payload, expires_at FROM ${name} WHERE id = ?`);
      // The two libraries bind null alike, but it is no value of theirs that sessile uses elsewhere: -1 stands for it.
      this.#put = prepare(
        `INSERT INTO ${name} (id, payload, expires_at) VALUES (?, ?, nullif(?, -1)) ` +
          'ON CONFLICT (id) DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at',
      );
      this.#remove = prepare(`DELETE FROM ${name} WHERE id = ?`);
      const walk = `SELECT rowid AS row FROM ${name} WHERE rowid > ? ORDER BY rowid LIMIT ${STRETCH}`;
      this.#last = prepare(`SELECT max(row) AS last FROM (${walk})`);
      this.#removeDead = prepare(`DELETE FROM ${name} WHERE rowid > ? AND rowid <= ? AND expires_at <= ?`);
    } catch (error) {
      if (this.#owned) this.#database.close();
      throw error;
    }
  }

  read(id: string): Awaitable<Entry | undefined> {
    const find = () => this.#look(id);
    if (this.#queue.awaits(id)) return this.#queue.add(find, id);
    try {
      return find();
    } catch (error) {
      if (isHeld(error)) return this.#queue.add(find);
      throw statementError(error);
    }
  }

  update(id: string, change: Change): PromiseLike<void> {
    return this.#queue.add(() => {
      const current = this.#look(id);
      const next = apply(change, current);
      if (next === current) return;
      if (next === undefined) this.#remove.run(id);
      else this.#put.run(id, next.data, toSeconds(next.expires) ?? -1);
    }, id);
  }

  async prune(now: number): Promise<number> {
    let removed = 0;
    for (let after = 0; ; await passTurn()) {
      const step = await this.#queue.add(() => this.#pruneStretch(after, now));
      removed += step.removed;
      if (step.last === undefined) return removed;
      after = step.last;
    }
  }

  async close(): Promise<void> {
    await this.#queue.settled();
    if (this.#owned) this.#database.close();
  }

  /** A deadline that is no number counts as past. */
  #look(id: string): Entry | undefined {
    const row = this.#find.get(id) as Row | undefined;
    if (row === undefined) return undefined;
    return { data: String(row.payload), cookie: '', expires: readSeconds(row.expires_at) ?? 0 };
  }

  #pruneStretch(after: number, now: number): { removed: number; last: number | undefined } {
    const { last } = this.#last.get(after) as { last: number | bigint | null };
    if (last === null) return { removed: 0, last: undefined };
    const { changes } = this.#removeDead.run(after, Number(last), Math.floor(now / 1_000));
    return { removed: Number(changes), last: Number(last) };
  }
}

/** Looks before it writes, so that opening a file in use waits for nobody. */
function makeTable(database: SqliteDatabase, table: string): void {
  if (columnsOf(database, table) === '') {
    database.exec(
      `CREATE TABLE IF NOT EXISTS main."${table}" (id TEXT PRIMARY KEY, payload TEXT NOT NULL, expires_at INTEGER)`,
    );
  }
  if (columnsOf(database, table) === COLUMNS) return;
  throw new SessileError('SESSILE_BAD_SCHEMA', `sqliteStore: there is a table "${table}" with other columns`);
}
