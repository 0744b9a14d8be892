import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileBackend, FileStore, type FileStoreOptions } from '../../lib/backends/file.js';
import { SqliteStore, type SqliteStoreOptions } from '../../lib/backends/sqlite.js';
import { type Files, nodeFiles } from '../../lib/internal/files.js';
import { SessionStore } from '../../lib/store.js';

/** How to open a store, in a form that can be sent to another process. `broken` ones show that the harness sees. */
export type StoreDescription =
  | { kind: 'sqlite'; path: string; options?: SqliteStoreOptions }
  | { kind: 'file'; path: string; options?: FileStoreOptions; broken?: 'acknowledges early' | 'writes in place' };

export function openStore(description: StoreDescription): SessionStore {
  if (description.kind === 'sqlite') return new SqliteStore(description.path, description.options);
  const { path, options = {}, broken } = description;
  if (broken === undefined) return new FileStore(path, options);
  const backend =
    broken === 'writes in place' ? new FileBackend(path, options, { files: inPlace }) : new Eager(path, options);
  return new SessionStore(() => backend);
}

/** Says that a write is done when it has begun. */
class Eager extends FileBackend {
  override update(...args: Parameters<FileBackend['update']>): Promise<void> {
    void super.update(...args);
    return Promise.resolve();
  }
}

/** Puts content in place in two halves. */
const inPlace: Files = {
  ...nodeFiles,
  rename: async (from, to) => {
    const text = readFileSync(from);
    writeFileSync(to, text.subarray(0, text.length / 2));
    await sleep(1);
    writeFileSync(to, text);
    await nodeFiles.unlink(from);
  },
};
