import { FileStore } from '../../lib/backends/file.js';
import { RedisStore } from '../../lib/backends/redis.js';
import { SqliteStore } from '../../lib/backends/sqlite.js';
import type { SessionStore } from '../../lib/store.js';
import { nodeRedis } from '../support/redis-client.js';

interface Opened {
  readonly store: SessionStore;
  close(): Promise<void>;
}

const owned = (store: SessionStore): Opened => ({ store, close: () => store.closeAsync() });

/** The stores that processes share, opened by where they are. The machine may be busy: they wait for one another long. */
export const sharedStores: Record<string, (where: string) => Promise<Opened>> = {
  FileStore: async (folder) => owned(new FileStore(folder, { lockTimeout: 120_000 })),
  SqliteStore: async (folder) => owned(new SqliteStore(`${folder}/sessions.db`, { lockTimeout: 120_000 })),
  RedisStore: async (url) => {
    const client = await nodeRedis(url);
    const store = new RedisStore({ client, lockTimeout: 120_000, timeout: 120_000 });
    const close = async () => {
      await store.closeAsync();
      client.destroy();
    };
    return { store, close };
  },
};
