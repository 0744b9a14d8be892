import { createRequire } from 'node:module';
import { join } from 'node:path';
import { RedisStore } from 'connect-redis';
import session, { type SessionData, type Store } from 'express-session';
import { Pool } from 'pg';
import { createClient } from 'redis';
import { postgresSchema } from '../../support/postgres-schema.js';
import { redisServer } from '../../support/redis-server.js';
import type { Feature } from '../store.js';

const require = createRequire(import.meta.url);
type StoreMaker = (from: typeof session) => new (options: object) => Store;

/** One published store, opened as its documentation has it. */
export interface Peer {
  /** The npm package. */
  readonly name: string;
  /** What it does not offer: the cases about that are no fault of it. */
  readonly without: readonly Feature[];
  /** What was set otherwise than its documentation starts with, and why. */
  readonly note: string;
  /** Why it cannot be run here; undefined where it can. */
  missing?(): string | undefined;
  open(directory: string): Promise<Opened>;
}

export interface Opened {
  /** A store with nothing in it. */
  create(): Store | Promise<Store>;
  destroy?(store: Store): unknown;
  end?(): Promise<unknown>;
}

/** What only sessile has. */
const ours: readonly Feature[] = [
  ...(['ttl', 'update', 'entries', 'prune', 'close', 'promises', 'merge'] as const),
  ...(['misuse', 'errorEvent', 'codes', 'pruneInterval'] as const),
];
const oursAndIds: readonly Feature[] = [...ours, 'ids'];

let made = 0;
function nameIn(directory: string, ending = ''): string {
  made += 1;
  return join(directory, `${made}${ending}`);
}

export const peers: readonly Peer[] = [
  {
    name: 'express-session',
    without: oursAndIds,
    note: 'its MemoryStore',
    open: async () => ({ create: () => new session.MemoryStore() }),
  },
  {
    name: 'memorystore',
    without: ours,
    note: '',
    open: async () => {
      const Peer = (require('memorystore') as StoreMaker)(session);
      return { create: () => new Peer({}) };
    },
  },
  {
    name: 'session-file-store',
    without: [...oursAndIds, 'all'],
    note: '`retries: 0`, as a miss takes seconds by default; ENOENT is taken for a miss, as express-session takes it, and the field that it adds to sessions is taken out',
    open: openSessionFileStore,
  },
  { name: 'connect-sqlite3', without: oursAndIds, note: '', open: openConnectSqlite3 },
  {
    name: 'better-sqlite3-session-store',
    without: [...oursAndIds, 'clock'],
    note: "what has expired is decided by SQLite's clock, which the suite cannot set",
    open: openBetterSqlite3,
  },
  {
    name: 'connect-redis',
    without: [...ours, 'clock'],
    note: "what has expired is decided by the server's clock, which the suite cannot set",
    open: openConnectRedis,
  },
  {
    name: 'connect-pg-simple',
    without: [...oursAndIds, 'length', 'all', 'clear'],
    note: '',
    missing: () => (process.env['PG_URL'] ? undefined : 'PG_URL names no PostgreSQL server'),
    open: openConnectPg,
  },
];

async function openSessionFileStore(directory: string): Promise<Opened> {
  const Peer = (require('session-file-store') as StoreMaker)(session) as new (options: object) => session.MemoryStore;
  class Lenient extends Peer {
    override get(sid: string, callback: (error?: unknown, session?: SessionData | null) => void): void {
      super.get(
        sid,
        (error: NodeJS.ErrnoException | null, found?: (SessionData & { __lastAccess?: unknown }) | null) => {
          if (found) delete found.__lastAccess;
          if (error?.code === 'ENOENT') callback(null, null);
          else callback(error, found);
        },
      );
    }
  }
  return { create: () => new Lenient({ path: nameIn(directory), retries: 0, reapInterval: -1, logFn: () => {} }) };
}

async function openConnectSqlite3(directory: string): Promise<Opened> {
  const Peer = (require('connect-sqlite3') as StoreMaker)(session);
  return {
    create: () => new Peer({ db: nameIn('', '.db'), dir: directory }),
    destroy: (store) => (store as unknown as { db: { close(): void } }).db.close(),
  };
}

async function openBetterSqlite3(directory: string): Promise<Opened> {
  const Peer = (require('better-sqlite3-session-store') as StoreMaker)(session);
  const Database = require('better-sqlite3') as new (path: string) => { close(): void };
  const clients = new Map<Store, { close(): void }>();
  return {
    create: () => {
      const client = new Database(nameIn(directory, '.db'));
      const store = new Peer({ client, expired: { clear: false } });
      clients.set(store, client);
      return store;
    },
    destroy: (store) => clients.get(store)?.close(),
  };
}

async function openConnectRedis(): Promise<Opened> {
  const server = await redisServer();
  const client = createClient({ url: server.url });
  await client.connect();
  return {
    create: async () => {
      await client.flushAll();
      return new RedisStore({ client });
    },
    end: async () => {
      client.destroy();
      await server.remove();
    },
  };
}

async function openConnectPg(): Promise<Opened> {
  const Peer = (require('connect-pg-simple') as StoreMaker)(session);
  const schema = await postgresSchema(process.env['PG_URL'] as string);
  const pool = new Pool({ connectionString: schema.url });
  return {
    create: async () => {
      await pool.query('DROP TABLE IF EXISTS session');
      return new Peer({ pool, createTableIfMissing: true, pruneSessionInterval: false });
    },
    end: async () => {
      await pool.end();
      await schema.remove();
    },
  };
}
