import type { SessionStore } from '../../lib/store.js';
import type { Opened, StoreFace, Subject } from '../contract.js';

export const ours: readonly Subject[] = [
  {
    name: 'sessile-memory',
    kind: 'memory',
    role: 'ours',
    about: 'MemoryStore of this package',
    synced: { save: 'n.a.', touch: 'n.a.' },
    open: async () => {
      const { MemoryStore } = await import('../../lib/backends/memory.js');
      return openedOf(new MemoryStore({ max: 2_000_000 }));
    },
  },
  {
    name: 'sessile-file',
    kind: 'file',
    role: 'ours',
    about: 'FileStore of this package, as it is by default',
    synced: { save: 'no', touch: 'no' },
    open: ({ directory }) => openFileStore(directory, false),
  },
  {
    name: 'sessile-file-fsync',
    kind: 'file',
    role: 'ours',
    about: 'FileStore of this package with fsync: true, which holds for saves; no touch is waited for',
    synced: { save: 'file + directory', touch: 'no' },
    open: ({ directory }) => openFileStore(directory, true),
  },
];

async function openFileStore(directory: string, fsync: boolean): Promise<Opened> {
  const { FileStore } = await import('../../lib/backends/file.js');
  return openedOf(new FileStore(directory, { fsync }), () => openFileStore(directory, fsync));
}

/** @param reopen for a store whose sessions stay when it is closed */
export function openedOf(store: SessionStore, reopen?: () => Promise<Opened>): Opened {
  return {
    store: store as unknown as StoreFace,
    prune: () => store.pruneAsync(),
    ...(reopen && { reopen }),
    close: () => store.closeAsync(),
  };
}
