import type { Backend } from '../../lib/backend.js';
import { MemoryBackend } from '../../lib/backends/memory.js';
import { SessileError } from '../../lib/errors.js';
import { SessionStore, type StoreOptions } from '../../lib/store.js';

/** A store like MemoryStore, whose backend can be replaced, and reached past the store. */
export class OpenMemoryStore extends SessionStore {
  readonly backend: Backend;

  constructor(options: StoreOptions, backend: Backend = new MemoryBackend()) {
    super(() => backend, options);
    this.backend = backend;
  }
}

const fail = async (): Promise<never> => {
  const cause = Object.assign(new Error('no such device'), { code: 'EIO' });
  throw new SessileError('SESSILE_IO', 'The storage fails', { cause });
};

/** Memory does not fail by itself; this does, whatever is asked of it. */
export const failing: Backend = {
  read: fail,
  update: fail,
  touch: fail,
  entries: async function* () {
    yield await fail();
  },
  count: fail,
  prune: fail,
  clear: fail,
  close: () => {},
};
