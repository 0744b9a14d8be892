import { join } from 'node:path';
import type { Subject } from '../contract.js';
import { openedOf } from './ours.js';

const shared = { role: 'raw', only: ['app-read', 'app-write'] } as const;
const concurrency = 'overwrite';

/** Our own stores without the merge on save: what it costs whole requests is the distance to these. */
export const overwriting: readonly Subject[] = [
  {
    ...shared,
    name: 'sessile-memory-overwrite',
    kind: 'memory',
    about: "MemoryStore of this package with concurrency: 'overwrite'",
    synced: { save: 'n.a.', touch: 'n.a.' },
    open: async () => {
      const { MemoryStore } = await import('../../lib/backends/memory.js');
      return openedOf(new MemoryStore({ max: 2_000_000, concurrency }));
    },
  },
  {
    ...shared,
    name: 'sessile-file-overwrite',
    kind: 'file',
    about: "FileStore of this package with concurrency: 'overwrite'",
    synced: { save: 'no', touch: 'no' },
    open: async ({ directory }) => {
      const { FileStore } = await import('../../lib/backends/file.js');
      return openedOf(new FileStore(directory, { concurrency }));
    },
  },
  {
    ...shared,
    name: 'sessile-sqlite-overwrite',
    kind: 'sqlite',
    about: "SqliteStore of this package with concurrency: 'overwrite'",
    synced: { save: 'no', touch: 'no' },
    open: async ({ directory }) => {
      const { SqliteStore } = await import('../../lib/backends/sqlite.js');
      return openedOf(new SqliteStore(join(directory, 'sessions.db'), { concurrency }));
    },
  },
];
