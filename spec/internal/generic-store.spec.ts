import { expect } from 'chai';
import session from 'express-session';
import original from 'generic-session';
import { MemoryStore } from '../../lib/backends/memory.js';
import { toGenericStore } from '../../lib/facade/generic-face.js';
import { isGenericStore } from '../../lib/internal/generic-store.js';

describe('isGenericStore', () => {
  it('knows such a store by its methods', () => {
    expect(isGenericStore(original.MemoryStore())).to.equal(true);
    expect(isGenericStore(toGenericStore(new MemoryStore()))).to.equal(true);
    const lacking = { ...toGenericStore(new MemoryStore()), extend: 1 };
    for (const other of [undefined, null, 1, {}, new MemoryStore(), new session.MemoryStore(), lacking]) {
      expect(isGenericStore(other)).to.equal(false);
    }
  });
});
