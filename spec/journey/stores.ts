import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import session from 'express-session';
import memorystore from 'memorystore';
import { FileStore } from '../../lib/backends/file.js';
import { adopt } from '../../lib/backends/foreign.js';
import { MemoryStore } from '../../lib/backends/memory.js';
import { type RedisClient, RedisStore } from '../../lib/backends/redis.js';
import { SqliteStore } from '../../lib/backends/sqlite.js';
import type { SessionStore, StoreOptions } from '../../lib/store.js';
import { newPrefix, nodeRedis } from '../support/redis-client.js';
import { needRedis, type RedisServer, redisServer } from '../support/redis-server.js';

/** A column of the matrix. */
export interface Kind {
  readonly name: string;
  /** Once before all, to start what the stores need. May skip. */
  before?(test: Mocha.Context): Promise<void>;
  after?(): Promise<void>;
  open(options: StoreOptions): Promise<Opened> | Opened;
}

export interface Opened {
  readonly store: SessionStore;
  /** After the store was closed. */
  remove?(): unknown;
}

const TheirStore = memorystore(session);

/** A store in a directory of its own. */
function inFolder(open: (folder: string, options: StoreOptions) => SessionStore): Kind['open'] {
  return (options) => {
    const folder = mkdtempSync(join(tmpdir(), 'sessile-journey-'));
    return { store: open(folder, options), remove: () => rmSync(folder, { recursive: true, force: true }) };
  };
}

/** While the stores in Redis are open. */
let redis: { server: RedisServer; client: Awaited<ReturnType<typeof nodeRedis>> } | undefined;

export const kinds: readonly Kind[] = [
  { name: 'memory', open: (options) => ({ store: new MemoryStore(options) }) },
  { name: 'files', open: inFolder((folder, options) => new FileStore(folder, options)) },
  { name: 'SQLite', open: inFolder((folder, options) => new SqliteStore(join(folder, 'sessions.db'), options)) },
  {
    name: 'Redis',
    before: async (test) => {
      needRedis(test);
      const server = await redisServer();
      redis = { server, client: await nodeRedis(server.url) };
    },
    after: async () => {
      redis?.client.destroy();
      await redis?.server.remove();
    },
    open: (options) => {
      const { client } = redis as { client: RedisClient };
      return { store: new RedisStore({ ...options, client, prefix: newPrefix() }) };
    },
  },
  {
    name: 'memorystore, adopted',
    open: (options) => {
      const { ttl } = options;
      return { store: adopt(new TheirStore({ ...(typeof ttl === 'number' && { ttl }) }), options) };
    },
  },
];
