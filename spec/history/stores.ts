import { join } from 'node:path';
import { createClient } from 'redis';
import { type Change, isExpired, type Touch } from '../../lib/backend.js';
import { FileBackend, type FileBackendOptions, FileStore } from '../../lib/backends/file.js';
import { MemoryStore } from '../../lib/backends/memory.js';
import { RedisStore, type RedisStoreOptions } from '../../lib/backends/redis.js';
import { type SqliteBackendOptions, SqliteStore } from '../../lib/backends/sqlite.js';
import { SessionStore, type StoreOptions } from '../../lib/store.js';

type Merging = Pick<StoreOptions, 'concurrency'>;

/** A store that another process can open: it travels as JSON. */
export type StoreDescription =
  | { readonly kind: 'memory' }
  | { readonly kind: 'file'; readonly dir: string; readonly options?: FileBackendOptions & Merging }
  | { readonly kind: 'sqlite'; readonly dir: string; readonly options?: SqliteBackendOptions & Merging }
  | { readonly kind: 'redis'; readonly url: string; readonly prefix: string }
  | { readonly kind: 'unlocked file'; readonly dir: string };

type Openers = {
  [Kind in StoreDescription['kind']]: (
    description: Extract<StoreDescription, { kind: Kind }>,
    options: StoreOptions,
  ) => SessionStore;
};

/** How each kind is opened. A store joins the harness with a kind above and a line here. */
const openers: Openers = {
  memory: (_, options) => new MemoryStore(options),
  file: ({ dir, options: own }, options) => new FileStore(dir, { ...options, ...own }),
  sqlite: ({ dir, options: own }, options) => new SqliteStore(join(dir, 'sessions.db'), { ...options, ...own }),
  redis: ({ url, prefix }, options) => new ClosingRedisStore(createClient({ url }), { ...options, prefix }),
  'unlocked file': ({ dir }, options) => new SessionStore(() => new UnlockedFileBackend(dir), options),
};

export function openStore(description: StoreDescription, options: StoreOptions): SessionStore {
  const open = openers[description.kind] as (description: StoreDescription, options: StoreOptions) => SessionStore;
  return open(description, options);
}

/** Closes the client with the store. What is asked of the store before there is a connection waits for one. */
class ClosingRedisStore extends RedisStore {
  readonly #client: ReturnType<typeof createClient>;

  constructor(client: ReturnType<typeof createClient>, options: Omit<RedisStoreOptions, 'client'>) {
    client.on('error', () => {});
    client.connect().catch(() => {});
    super({ ...options, client, lockTimeout: 60_000, timeout: 30_000 });
    this.#client = client;
  }

  override async closeAsync(): Promise<void> {
    await super.closeAsync();
    if (this.#client.isOpen) this.#client.destroy();
  }
}

/** A mutant: reads, then writes what it made of that, and holds no lock from the one to the other. */
class UnlockedFileBackend extends FileBackend {
  override async update(sid: string, change: Change): Promise<void> {
    const current = await this.read(sid);
    const next = change(current);
    await super.update(sid, () => next);
  }

  override async touch(sid: string, { expires, cookie }: Touch, now: number): Promise<void> {
    await this.update(sid, (entry) =>
      entry === undefined || isExpired(entry.expires, now) ? entry : { data: entry.data, cookie, expires },
    );
  }
}
