import { join } from 'node:path';
import type { SessionStore } from 'sessile';
import type { Keeping } from './page.js';

interface Choice extends Keeping {
  /** Loads what the store needs and opens it; `dataDir` is there already. */
  open(dataDir: string): Promise<SessionStore>;
}

/** What STORE may name. One more store is one more row. */
export const choices: ReadonlyMap<string, Choice> = new Map<string, Choice>([
  [
    'file',
    {
      store: 'FileStore',
      where: 'in one JSON file per session: a restart changes nothing',
      async open(dataDir) {
        const { FileStore } = await import('sessile/file');
        return new FileStore(join(dataDir, 'sessions'));
      },
    },
  ],
  [
    'sqlite',
    {
      store: 'SqliteStore',
      where: 'in a SQLite database: a restart changes nothing',
      async open(dataDir) {
        const { SqliteStore } = await import('sessile/sqlite');
        return new SqliteStore(join(dataDir, 'sessions.db'));
      },
    },
  ],
  [
    'redis',
    {
      store: 'RedisStore',
      where: 'in Redis: a restart changes nothing, and other machines find them too',
      async open() {
        const [{ RedisStore }, { createClient }] = await Promise.all([import('sessile/redis'), import('redis')]);
        const client = createClient({ url: process.env.REDIS_URL || 'redis://127.0.0.1:6379' });
        client.on('error', (error: Error) => console.error(`Redis: ${error.message}`));
        await client.connect();
        // The server keeps the process alive; when that was stopped, nothing else is to.
        client.unref();
        return new RedisStore({ client });
      },
    },
  ],
  [
    'memory',
    {
      store: 'MemoryStore',
      where: 'in the memory of this process: a restart forgets everything',
      async open() {
        const { MemoryStore } = await import('sessile/memory');
        return new MemoryStore();
      },
    },
  ],
]);
