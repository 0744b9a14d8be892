import { expect } from 'chai';
import { isExpired } from '../lib/backend.js';

describe('isExpired', () => {
  it('lets an entry live until the millisecond before its deadline', () => {
    expect(isExpired(1000, 999)).to.equal(false);
    expect(isExpired(1000, 999.9)).to.equal(false);
  });

  it('takes an entry for dead at its deadline and after it', () => {
    expect(isExpired(1000, 1000)).to.equal(true);
    expect(isExpired(1000, 1001)).to.equal(true);
  });
});
