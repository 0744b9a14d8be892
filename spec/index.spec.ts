import { expect } from 'chai';
import * as errors from '../lib/errors.js';
import * as shop from '../lib/index.js';

describe('The package', () => {
  it('shows the waist, the store and the errors', () => {
    expect(shop).to.include.keys('SessionStore', 'MemoryStore', 'MemoryBackend', 'SessileError', 'codes', 'isExpired');
  });

  it('re-exports and makes nothing of its own', () => {
    expect(shop.SessileError).to.equal(errors.SessileError);
    expect(shop.codes).to.equal(errors.codes);
    expect(new shop.MemoryStore()).to.be.instanceOf(shop.SessionStore);
  });
});
