import { expect } from 'chai';
import { touched } from '../../lib/internal/touched.js';

describe('touched', () => {
  const entry = { data: '{}', cookie: '{"a":1}', expires: 1_000 };
  const to = { expires: 5_000, cookie: '{"b":2}' };

  it('is undefined for nothing', () => {
    expect(touched(undefined, to, 0)).to.equal(undefined);
  });

  it('moves the deadline and the cookie of a living entry and leaves the data, and the entry it was given', () => {
    expect(touched(entry, to, 999)).to.deep.equal({ data: '{}', ...to });
    expect(entry).to.deep.equal({ data: '{}', cookie: '{"a":1}', expires: 1_000 });
  });

  it('answers the very entry where it is dead: at its deadline and after it', () => {
    expect(touched(entry, to, 1_000)).to.equal(entry);
    expect(touched(entry, to, 1_001)).to.equal(entry);
  });

  it('answers the very entry where its cookie is not the expected one', () => {
    expect(touched(entry, { ...to, expected: '{"c":3}' }, 0)).to.equal(entry);
    expect(touched(entry, { ...to, expected: '' }, 0)).to.equal(entry);
    expect(touched(entry, { ...to, expected: '{"a":1}' }, 0)).to.deep.equal({ data: '{}', ...to });
  });
});
