import { createRequire } from 'node:module';
import { join } from 'node:path';
import session, { type SessionData } from 'express-session';
import type { SqliteDatabase } from '../../lib/internal/sqlite-library.js';
import type { Opened, StoreFace, Subject } from '../contract.js';
import { openedOf } from './ours.js';
import { face, type StoreMaker } from './peers.js';
import { deadline, withDeadline } from './raw-memory.js';

const require = createRequire(import.meta.url);

/** Files of SQLite: ours, its peers, and what the library can do at best. */
export const sqlite: readonly Subject[] = [
  {
    name: 'sessile-sqlite',
    kind: 'sqlite',
    role: 'ours',
    about: 'SqliteStore of this package, as it is by default',
    synced: { save: 'no', touch: 'no' },
    open: (place) => openOurs(pathIn(place), 'normal'),
  },
  {
    name: 'sessile-sqlite-full',
    kind: 'sqlite',
    role: 'ours',
    about: "SqliteStore of this package with synchronous: 'full'",
    synced: { save: 'file', touch: 'file' },
    open: (place) => openOurs(pathIn(place), 'full'),
  },
  {
    name: 'connect-sqlite3',
    kind: 'sqlite',
    role: 'peer',
    about: 'connect-sqlite3 with concurrentDb: true, which is WAL; its SQLite syncs each commit',
    package: 'connect-sqlite3',
    synced: { save: 'file', touch: 'file' },
    open: ({ directory }) => openConnectSqlite3(directory),
  },
  {
    name: 'better-sqlite3-session-store',
    kind: 'sqlite',
    role: 'peer',
    about: 'better-sqlite3-session-store, as its README has it, but silent',
    package: 'better-sqlite3-session-store',
    synced: { save: 'file', touch: 'file' },
    open: async (place) => openSessionStore(pathIn(place), openBetterSqlite3),
  },
  {
    name: 'better-sqlite3-session-store-wal',
    kind: 'sqlite',
    role: 'peer',
    about: 'the same on a database in WAL, where better-sqlite3 presets synchronous to normal',
    package: 'better-sqlite3-session-store',
    synced: { save: 'no', touch: 'no' },
    open: async (place) => openSessionStore(pathIn(place), (path) => inWal(openBetterSqlite3(path))),
  },
  {
    name: 'raw-sqlite',
    kind: 'sqlite',
    role: 'raw',
    about: 'prepared statements of better-sqlite3 in transactions of 64, texts that are ready: no JSON and no checks',
    package: 'better-sqlite3',
    synced: { save: 'no', touch: 'no' },
    only: ['set', 'get', 'touch', 'miss'],
    open: async (place) => openRaw(inWal(openBetterSqlite3(pathIn(place)))),
  },
];

function pathIn({ directory }: { directory: string }): string {
  return join(directory, 'sessions.sqlite');
}

async function openOurs(path: string, synchronous: 'normal' | 'full'): Promise<Opened> {
  const { SqliteStore } = await import('../../lib/backends/sqlite.js');
  return openedOf(new SqliteStore(path, { synchronous }), () => openOurs(path, synchronous));
}

/** connect-sqlite3's own database of sqlite3. */
interface Connection {
  get(sql: string, values: unknown[], callback: (error: unknown, row?: { expired: number }) => void): void;
  close(callback: (error: unknown) => void): void;
}

/** Opens asynchronously, and makes its statements wait for that. */
async function openConnectSqlite3(dir: string): Promise<Opened> {
  const SQLiteStore = (require('connect-sqlite3') as StoreMaker)(session);
  const store = new SQLiteStore({ dir, db: 'sessions.sqlite', concurrentDb: true });
  const { client, db } = store as unknown as { client: NodeJS.EventEmitter; db: Connection };
  await new Promise((resolve) => client.once('connect', resolve));
  const expired = (sid: string) =>
    new Promise<number>((resolve, reject) => {
      const settle = (error: unknown, row?: { expired: number }) =>
        error ? reject(error) : resolve(Number(row?.expired));
      db.get('SELECT expired FROM sessions WHERE sid = ?', [sid], settle);
    });
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= new Promise((resolve, reject) => db.close((error) => (error ? reject(error) : resolve())));
    return closing;
  };
  return { store: face(store), deadline: expired, reopen: () => openConnectSqlite3(dir), close };
}

function openSessionStore(path: string, open: (path: string) => SqliteDatabase): Opened {
  const client = open(path);
  const SqliteStore = (require('better-sqlite3-session-store') as StoreMaker)(session);
  const store = new SqliteStore({ client, expired: { clear: true, intervalMs: 900_000 } });
  const changes = client.prepare('SELECT total_changes() AS count');
  const changed = () => (changes.get() as { count: number }).count;
  const find = client.prepare('SELECT expire FROM sessions WHERE sid = ?');
  return {
    store: face(store),
    deadline: async (sid) => Date.parse((find.get(sid) as { expire: string }).expire),
    prune: async () => {
      const before = changed();
      (store as unknown as { clearExpiredSessions(): void }).clearExpiredSessions();
      return changed() - before;
    },
    reopen: async () => openSessionStore(path, open),
    close: () => void client.close(),
  };
}

function openBetterSqlite3(path: string): SqliteDatabase {
  const Database = require('better-sqlite3') as new (path: string) => SqliteDatabase;
  return new Database(path);
}

function inWal(database: SqliteDatabase): SqliteDatabase {
  database.exec('PRAGMA journal_mode = WAL');
  return database;
}

const BATCH = 64;

function openRaw(database: SqliteDatabase): Opened {
  database.exec('CREATE TABLE raw (sid TEXT PRIMARY KEY, expires INTEGER NOT NULL, text TEXT NOT NULL)');
  const update = 'ON CONFLICT (sid) DO UPDATE SET expires = excluded.expires, text = excluded.text';
  const save = database.prepare(`INSERT INTO raw VALUES (?, ?, ?) ${update}`);
  const find = database.prepare('SELECT expires, text FROM raw WHERE sid = ?');
  const move = database.prepare('UPDATE raw SET expires = ? WHERE sid = ?');
  const texts = new WeakMap<SessionData, Texts>();
  const add = batches(database);
  const store: StoreFace = {
    get: (sid, callback) => add(() => find.get(sid), callback),
    set: (sid, session, callback) => add(() => save.run(sid, deadline(session), nextText(texts, session)), callback),
    touch: (sid, session, callback) => add(() => move.run(deadline(session), sid), callback),
  };
  const unpack = (found: unknown) => {
    const { text, expires } = found as { text: string; expires: number };
    return withDeadline(JSON.parse(text) as SessionData, expires);
  };
  return { store, unpack, close: () => void database.close() };
}

interface Texts {
  now: string;
  next: string;
}

/** Two texts take turns: SQLite writes no page where a row is overwritten with what it holds already. */
function nextText(texts: WeakMap<SessionData, Texts>, session: SessionData): string {
  let both = texts.get(session);
  if (both === undefined) {
    both = { now: JSON.stringify({ ...session, turn: 0 }), next: JSON.stringify({ ...session, turn: 1 }) };
    texts.set(session, both);
  }
  const { now, next } = both;
  both.now = next;
  both.next = now;
  return now;
}

type Callback = (error?: unknown, answer?: unknown) => void;

/** A transaction when there is work for a full one, or at the end of a turn with what there is. */
function batches(database: SqliteDatabase): (work: () => unknown, callback: Callback) => void {
  const [begin, commit] = ['BEGIN', 'COMMIT'].map((sql) => database.prepare(sql)) as [Statement, Statement];
  let batch: { work: () => unknown; callback: Callback }[] = [];
  const flush = () => {
    const jobs = batch;
    batch = [];
    if (jobs.length === 0) return;
    begin.run();
    const answers = jobs.map(({ work }) => work());
    commit.run();
    for (const [at, { callback }] of jobs.entries()) callback(null, answers[at]);
  };
  return (work, callback) => {
    batch.push({ work, callback });
    if (batch.length === 1) setImmediate(flush);
    else if (batch.length === BATCH) flush();
  };
}

type Statement = ReturnType<SqliteDatabase['prepare']>;
