import { expect } from 'chai';
import type { Entry } from '../../lib/backend.js';
import { MemoryBackend } from '../../lib/backends/memory.js';
import { removeDead } from '../../lib/internal/remove-dead.js';

const entry: Entry = { data: '{}', cookie: '', expires: 1_000 };

describe('removeDead', () => {
  for (const [now, isRemoved] of [
    [999, false],
    [1_000, true],
    [1_001, true],
  ] as const) {
    it(`at ${now - entry.expires} ms from the deadline ${isRemoved ? 'removes the entry' : 'leaves it'}`, async () => {
      const backend = new MemoryBackend();
      backend.write('a', entry);
      expect(await removeDead((change) => backend.update('a', change), now)).to.equal(isRemoved);
      expect(backend.read('a')).to.equal(isRemoved ? undefined : entry);
    });
  }

  it('creates and counts nothing where there is none', async () => {
    const backend = new MemoryBackend();
    expect(await removeDead((change) => backend.update('a', change), 5_000)).to.equal(false);
    expect(backend.read('a')).to.equal(undefined);
  });

  it('goes by the last answer where a backend asks more than once', async () => {
    const renewed = { ...entry, expires: 9_000 };
    const seen: unknown[] = [];
    const isRemoved = await removeDead((change) => {
      for (const found of [entry, renewed]) seen.push(change(found));
    }, 5_000);
    expect(seen).to.deep.equal([undefined, renewed]);
    expect(isRemoved).to.equal(false);
  });
});
