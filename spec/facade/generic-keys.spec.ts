import { expect } from 'chai';
import original from 'generic-session';
import { GenericKeys } from '../../lib/facade/generic-keys.js';
import type { GenericStore } from '../../lib/internal/generic-store.js';
import { failureOf } from '../support/folder.js';

/** A store whose callbacks come when the spec says so, in any order. */
function slow(): GenericStore & { readonly waiting: (() => void)[] } {
  const kept = original.MemoryStore();
  const waiting: (() => void)[] = [];
  const later = (name: keyof GenericStore) => {
    const method = kept[name] as (...args: unknown[]) => void;
    return (...args: unknown[]) => void waiting.push(() => method.apply(kept, args));
  };
  return {
    waiting,
    get: later('get'),
    getAll: later('getAll'),
    set: later('set'),
    del: later('del'),
    delAll: later('delAll'),
    extend: later('extend'),
  };
}

async function flush({ waiting }: { waiting: (() => void)[] }): Promise<void> {
  for (let quiet = 0; quiet < 5; quiet += 1) {
    while (waiting.length > 0) {
      quiet = 0;
      waiting.pop()?.();
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('generic-keys', () => {
  it('does one thing at a time for an id, so that an update is one step among those of this process', async () => {
    const store = slow();
    const keys = new GenericKeys(store);
    const add = (n: unknown = 0) => (n as number) + 1;
    const counts = Promise.all([1, 2, 3].map(() => keys.update('a', 'n', add, 1_000)));
    expect(store.waiting, 'all but the first wait').to.have.length(1);
    void keys.set('b', 'n', 1, 1_000);
    expect(store.waiting, 'another id does not').to.have.length(2);
    await flush(store);
    expect(await counts).to.deep.equal([1, 2, 3]);
    const all = keys.getAll('a', 1_000);
    await flush(store);
    expect(await all).to.deep.equal({ n: 3 });
  });

  it('an update to nothing deletes the key', async () => {
    const keys = new GenericKeys(original.MemoryStore());
    await keys.set('a', 'k', 1, 1_000);
    expect(await keys.update('a', 'k', () => undefined, 1_000)).to.equal(undefined);
    expect(await keys.getAll('a', 1_000)).to.deep.equal({});
  });

  it('rejects with what a store calls back or throws, and goes on', async () => {
    const store = original.MemoryStore();
    const broken = {
      ...slow(),
      get: (_: string, __: string, ___: number, callback: (error: Error) => void) => callback(new Error('called back')),
      set: () => {
        throw new Error('thrown');
      },
      getAll: store.getAll.bind(store),
    };
    const keys = new GenericKeys(broken);
    expect((await failureOf(() => keys.get('a', 'k', 1))).message).to.equal('called back');
    expect((await failureOf(() => keys.set('a', 'k', 1, 1))).message).to.equal('thrown');
    expect(await keys.getAll('a', 1)).to.deep.equal({});
  });
});
