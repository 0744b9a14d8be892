import type { SessionStore } from '../../lib/store.js';
import type { Opened, StoreFace, Subject } from '../contract.js';
import { makeSession } from '../sessions.js';

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
  {
    name: 'sessile-file-beside',
    kind: 'file',
    role: 'ours',
    about: 'FileStore of this package that is not alone: another one touches in the same directory, 50 times a second',
    synced: { save: 'no', touch: 'no' },
    only: ['set', 'get', 'touch'],
    open: ({ directory }) => openBeside(directory),
  },
];

async function openFileStore(directory: string, fsync: boolean): Promise<Opened> {
  const { FileStore } = await import('../../lib/backends/file.js');
  return openedOf(new FileStore(directory, { fsync }), () => openFileStore(directory, fsync));
}

/** Two stores know of each other as two processes do, and take the same locks. */
async function openBeside(directory: string): Promise<Opened> {
  const other = await openFileStore(directory, false);
  const session = makeSession(500);
  await new Promise((resolve) => other.store.set('other', session, resolve));
  const touching = setInterval(() => other.store.touch('other', session, () => {}), 20);
  const opened = await openFileStore(directory, false);
  const close = async () => {
    clearInterval(touching);
    await opened.close?.();
    await other.close?.();
  };
  return { ...opened, close };
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
