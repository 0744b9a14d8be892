import { expect } from 'chai';
import session from 'express-session';
import original from 'generic-session';
import { MemoryStore } from '../../lib/backends/memory.js';
import { toGenericStore } from '../../lib/facade/generic-face.js';
import { keyStoreOf } from '../../lib/facade/key-stores.js';

const add = (n: unknown = 0) => (n as number) + 1;

/** Every request looks its store up anew. */
const count = (store: unknown) => keyStoreOf(store, Date.now).update('a', 'n', add, 60_000);

describe('key-stores', () => {
  for (const [name, make] of Object.entries({
    'a store of ours': () => new MemoryStore(),
    'a store for express-session': () => new session.MemoryStore(),
    'a store of generic-session': () => original.MemoryStore(),
    'a face of ours over a store for express-session': () => toGenericStore(new session.MemoryStore()),
  })) {
    it(`gives all requests on ${name} one line to wait in`, async () => {
      const store = make();
      const counts = await Promise.all(Array.from({ length: 20 }, () => count(store)));
      expect(counts).to.deep.equal(Array.from({ length: 20 }, (_, i) => i + 1));
    });
  }

  it('works on what is behind a face of ours, so that two faces are atomic among each other', async () => {
    const store = new MemoryStore();
    await Promise.all([store, toGenericStore(store), toGenericStore(store)].map(count));
    expect(await count(store)).to.equal(4);
  });

  it('refuses what is no store, and says what one is', () => {
    for (const wrong of [undefined, null, 'x', 1, () => {}, {}, { get() {}, set() {} }]) {
      expect(() => keyStoreOf(wrong, Date.now), String(wrong))
        .to.throw(TypeError, 'must have get, set and destroy')
        .with.property('code', 'SESSILE_MISUSE');
    }
  });
});
