import { createRequire } from 'node:module';
import session, { type Store } from 'express-session';
import type { Opened, StoreFace, Subject } from '../contract.js';

const require = createRequire(import.meta.url);

/** How packages without types are made: given express-session, they answer with a class. */
export type StoreMaker = (from: typeof session) => new (options?: object) => Store;

export const peers: readonly Subject[] = [
  {
    name: 'express-memory',
    kind: 'memory',
    role: 'peer',
    about: "express-session's own MemoryStore",
    package: 'express-session',
    synced: { save: 'n.a.', touch: 'n.a.' },
    open: async () => ({ store: face(new session.MemoryStore()) }),
  },
  {
    name: 'memorystore',
    kind: 'memory',
    role: 'peer',
    about: 'memorystore, as its README has it',
    package: 'memorystore',
    synced: { save: 'n.a.', touch: 'n.a.' },
    open: async () => {
      const MemoryStore = (require('memorystore') as StoreMaker)(session);
      const store = new MemoryStore({ checkPeriod: 86_400_000 });
      const { store: cache } = store as unknown as { store: { readonly itemCount: number } };
      const prune = async () => {
        const before = cache.itemCount;
        (store as unknown as { prune(): void }).prune();
        return before - cache.itemCount;
      };
      return { store: face(store), prune };
    },
  },
  {
    name: 'session-file-store',
    kind: 'file',
    role: 'peer',
    about: 'session-file-store, as its README has it, but silent',
    package: 'session-file-store',
    synced: { save: 'file', touch: 'file' },
    open: ({ directory }) => openSessionFileStore(directory),
  },
];

async function openSessionFileStore(path: string): Promise<Opened> {
  const FileStore = (require('session-file-store') as StoreMaker)(session);
  const store = new FileStore({ path, logFn: () => undefined });
  return { store: face(store), reopen: () => openSessionFileStore(path) };
}

export function face(store: Store): StoreFace {
  return store as unknown as StoreFace;
}
