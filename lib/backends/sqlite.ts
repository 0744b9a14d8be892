import { setTimeout as pause } from 'node:timers/promises';
import { type Awaitable, type Backend, type Change, type Entry, isExpired, type Touch } from '../backend.js';
import { passTurn } from '../internal/next-turn.js';
import { AdoptedTable, type Found } from '../internal/sqlite-adopt.js';
import { isHeld, statementError } from '../internal/sqlite-errors.js';
import { keyOf, sidOf } from '../internal/sqlite-key.js';
import { openFile, type SqliteDatabase } from '../internal/sqlite-library.js';
import { checkOptions, type SqliteBackendOptions } from '../internal/sqlite-options.js';
import { LogPace } from '../internal/sqlite-pace.js';
import { apply, GroupCommit } from '../internal/sqlite-queue.js';
import { GroupRead } from '../internal/sqlite-reads.js';
import { EntryRows, type Keyed, type Stretch } from '../internal/sqlite-rows.js';
import { first, patiently, prepareDatabase } from '../internal/sqlite-schema.js';
import { touched } from '../internal/touched.js';
import { SessionStore, type StoreOptions } from '../store.js';

export type { Adoption as SqliteAdoption } from '../internal/sqlite-adopt.js';
export type { SqliteStatement, SqliteValue } from '../internal/sqlite-library.js';
export type { SqliteBackendOptions, SqliteDatabase };

/** How many pages one transaction gives back at most. */
const PAGES_AT_ONCE = 50;

/** Entries in a table of a SQLite database, which other processes may use at the same time. */
export class SqliteBackend implements Backend {
  readonly #database: SqliteDatabase;
  readonly #owned: boolean;
  readonly #clock: () => number;
  readonly #rows: EntryRows;
  readonly #queue: GroupCommit;
  readonly #adopted: AdoptedTable | undefined;
  readonly #reads: GroupRead;
  readonly #pace = new LogPace();
  #steps = 0;
  report?: (error: Error) => void;

  /**
   * @param database the path of a file, `:memory:`, or an open database for this backend alone, which `close` leaves open
   * @param clock for a touch that has to wait: a session that ends meanwhile is not brought back. Default: it has no age
   * @throws TypeError `SESSILE_MISUSE`; SessileError `SESSILE_BAD_PATH`, `SESSILE_BAD_SCHEMA`, `SESSILE_DAMAGED`,
   * `SESSILE_FORMAT`, `SESSILE_IO`, `SESSILE_LOCK_TIMEOUT`, `SESSILE_NO_SQLITE`
   */
  constructor(
    database: string | SqliteDatabase,
    options: SqliteBackendOptions = {},
    clock: () => number = () => Number.NEGATIVE_INFINITY,
  ) {
    this.#clock = clock;
    const { table, synchronous, lockTimeout, adopted } = checkOptions(database, options);
    this.#owned = typeof database === 'string';
    this.#database = typeof database === 'string' ? openFile(database) : database;
    try {
      prepareDatabase(this.#database, { table, synchronous, lockTimeout });
      this.#rows = patiently(lockTimeout, () => new EntryRows(this.#database, table));
      this.#reads = new GroupRead(this.#database);
      this.#queue = new GroupCommit(this.#database, lockTimeout, this.#reads.flush);
      if (adopted === undefined) return;
      const report = (error: Error) => this.report?.(error);
      this.#adopted = patiently(lockTimeout, () => AdoptedTable.open(this.#database, adopted, report));
    } catch (error) {
      if (this.#owned) this.#database.close();
      throw error;
    }
  }

  /** At the end of this turn of the event loop, unless a write of that id is still on its way. */
  read(sid: string): PromiseLike<Entry | undefined> {
    const key = keyOf(sid);
    if (this.#queue.awaits(key)) return this.#queue.add(() => this.#find(key), key);
    return this.#reads.add(this.#lookFor, key);
  }

  update(sid: string, change: Change): PromiseLike<void> {
    const key = keyOf(sid);
    return this.#queue.add(() => this.#change(key, change), key);
  }

  write(sid: string, entry: Entry | undefined): PromiseLike<void> {
    const key = keyOf(sid);
    return this.#queue.add(() => {
      if (entry === undefined) this.#rows.removeKey(key);
      else this.#rows.put(key, entry);
      this.#adopted?.remove(key);
    }, key);
  }

  touch(sid: string, to: Touch, now: number): PromiseLike<void> {
    const key = keyOf(sid);
    return this.#queue.add(() => {
      const then = Math.max(now, this.#clock());
      if (!this.#rows.touch(key, to, then) && this.#adopted) this.#change(key, (found) => touched(found, to, then));
    }, key);
  }

  async *entries(): AsyncGenerator<readonly [sid: string, entry: Entry], void, void> {
    await this.#queue.settled();
    for await (const { key, entry } of this.#pages((last: Keyed | undefined) => this.#rows.page(last?.key)))
      yield [sidOf(key), entry];
    for await (const found of this.#notCarriedOver()) {
      const entry = this.#adopted?.toEntry(found);
      if (entry) yield [found.sid, entry];
    }
  }

  /** Looks at the deadlines stretch by stretch: an index on them would cost every request a third of its writes. */
  async count(now: number): Promise<number> {
    await this.#queue.settled();
    let living = 0;
    for await (const { alive } of this.#stretches(now)) living += alive;
    for await (const { expires } of this.#notCarriedOver()) if (!isExpired(expires, now)) living += 1;
    return living;
  }

  async prune(now: number, signal?: AbortSignal): Promise<number> {
    let pruned = 0;
    for await (const { after, last, size, alive } of this.#stretches(now)) {
      if (signal?.aborted) return pruned;
      for (let done = size === alive; !done && !signal?.aborted; ) {
        const step = await this.#slice(() => this.#rows.removeDead(after, last, now));
        pruned += step.removed;
        done = step.done;
      }
    }
    for await (const { sid, expires } of this.#notCarriedOver()) {
      if (!isExpired(expires, now)) continue;
      await this.#queue.add(() => this.#adopted?.remove(keyOf(sid)));
      pruned += 1;
    }
    await this.#giveBack(signal);
    return pruned;
  }

  async clear(): Promise<void> {
    await this.#queue.settled();
    const last = await this.#look(() => this.#rows.last());
    while (!(await this.#slice(() => this.#rows.removeAny(last))));
    for await (const { sid } of this.#notCarriedOver()) await this.#queue.add(() => this.#adopted?.remove(keyOf(sid)));
    await this.#giveBack();
  }

  async close(): Promise<void> {
    await this.#queue.settled();
    this.#checkpoint();
    if (this.#owned) this.#database.close();
  }

  #find(key: string): Entry | undefined {
    return this.#rows.read(key) ?? this.#adopted?.find(key);
  }

  readonly #lookFor = (key: string): Awaitable<Entry | undefined> => {
    try {
      return this.#find(key);
    } catch (error) {
      return this.#lookAgain(error, () => this.#find(key));
    }
  };

  #change(key: string, change: Change): void {
    const row = this.#rows.find(key);
    const current = row?.entry ?? this.#adopted?.find(key);
    const next = apply(change, current);
    if (next === current) return;
    if (row === undefined) next && this.#rows.insert(key, next);
    else if (next === undefined) this.#rows.remove(row.id);
    else this.#rows.replace(row.id, next);
    this.#adopted?.remove(key);
  }

  /** A reader waits for nobody, but for the moments when another connection opens, closes or recovers the file. */
  #look<T>(look: () => T): Awaitable<T> {
    try {
      return look();
    } catch (error) {
      return this.#lookAgain(error, look);
    }
  }

  #lookAgain<T>(error: unknown, look: () => T): PromiseLike<T> {
    if (isHeld(error)) return this.#queue.add(look);
    throw statementError(error);
  }

  /** Page by page: a statement that stays open between two turns would keep the log from being cut back. */
  async *#pages<T>(page: (last: T | undefined) => T[]): AsyncGenerator<T, void, void> {
    for (let last: T | undefined; ; await passTurn()) {
      const found = await this.#look(() => page(last));
      if (found.length === 0) return;
      yield* found;
      last = found.at(-1);
    }
  }

  async *#stretches(now: number): AsyncGenerator<Stretch & { after: number; last: number }, void, void> {
    for (let after = 0; ; await passTurn()) {
      const { last, size, alive } = await this.#look(() => this.#rows.stretch(after, now));
      if (last === undefined) return;
      yield { after, last, size, alive };
      after = last;
    }
  }

  async *#notCarriedOver(): AsyncGenerator<Found, void, void> {
    const adopted = this.#adopted;
    if (adopted === undefined) return;
    for await (const found of this.#pages((last: Found | undefined) => adopted.page(last?.sid))) {
      if ((await this.#look(() => this.#rows.find(keyOf(found.sid)))) === undefined) yield found;
    }
  }

  /** Work that nobody waits for, in short steps with a pause for requests, and a rest whenever the log was emptied. */
  async #slice<T>(work: () => T): Promise<T> {
    const answer = await this.#queue.add(work);
    this.#steps += 1;
    await pause(this.#steps >= this.#pace.stepsAtOnce ? this.#emptyLog() : 1);
    return answer;
  }

  /** Answers how long to leave the event loop to others then, in ms. */
  #emptyLog(): number {
    const start = performance.now();
    this.#checkpoint('PASSIVE');
    this.#steps = 0;
    return this.#pace.emptied(performance.now() - start);
  }

  /** A tenth of free pages stays: it will be needed again. */
  async #giveBack(signal?: AbortSignal): Promise<void> {
    const some = () => {
      const free = this.#number('freelist_count');
      if (free * 10 <= this.#number('page_count')) return false;
      this.#database.exec(`PRAGMA incremental_vacuum(${PAGES_AT_ONCE})`);
      return this.#number('freelist_count') < free;
    };
    while (!signal?.aborted && (await this.#slice(some)));
    this.#checkpoint();
  }

  /** Moves the log into the file and empties it, so that nothing destroyed stays in it. In vain while others read. */
  #checkpoint(kind: 'PASSIVE' | 'TRUNCATE' = 'TRUNCATE'): void {
    try {
      this.#database.exec(`PRAGMA wal_checkpoint(${kind})`);
    } catch (error) {
      if (!isHeld(error)) this.report?.(statementError(error));
    }
  }

  #number(pragma: string): number {
    return Number(first(this.#database, `PRAGMA ${pragma}`));
  }
}

/** Options of {@link SqliteStore}. */
export interface SqliteStoreOptions extends StoreOptions, SqliteBackendOptions {}

/** Sessions in a SQLite database: durable, shared by the processes of one machine. */
export class SqliteStore extends SessionStore {
  /**
   * @param database the path of a file, `:memory:`, or an open database of node:sqlite or better-sqlite3, which should be
   * this store's alone: it is set up for it, and `close` leaves it open
   * @throws TypeError `SESSILE_MISUSE`; SessileError `SESSILE_BAD_PATH`, `SESSILE_BAD_SCHEMA`, `SESSILE_DAMAGED`,
   * `SESSILE_FORMAT`, `SESSILE_IO`, `SESSILE_LOCK_TIMEOUT`, `SESSILE_NO_SQLITE`
   */
  constructor(database: string | SqliteDatabase, options: SqliteStoreOptions = {}) {
    super((now) => new SqliteBackend(database, options, now), options, [
      'table',
      'synchronous',
      'lockTimeout',
      'adopt',
    ]);
  }
}
