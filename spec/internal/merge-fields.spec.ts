import { expect } from 'chai';
import { isFields, isPlain, mergeFields } from '../../lib/internal/merge-fields.js';

describe('mergeFields', () => {
  it('takes what we changed, added or deleted from us, and all else from them', () => {
    const base = { same: 1, changed: 1, deleted: 1, both: 1, theirs: 1, gone: 1 };
    const theirs = { same: 1, changed: 1, deleted: 1, both: 2, theirs: 2, new: 2 };
    const ours = { same: 1, changed: 3, both: 3, theirs: 1, gone: 1, added: 3 };
    const merged = { same: 1, changed: 3, both: 3, theirs: 2, new: 2, added: 3 };
    expect(mergeFields(base, theirs, ours)).to.deep.equal(merged);
  });

  it('compares by value', () => {
    expect(mergeFields({ a: { b: [1] } }, { a: 'theirs' }, { a: { b: [1] } })).to.deep.equal({ a: 'theirs' });
    expect(mergeFields({ a: { b: [1] } }, { a: 'theirs' }, { a: { b: [2] } })).to.deep.equal({ a: { b: [2] } });
  });

  it('keeps a key __proto__ a key', () => {
    const merged = mergeFields({}, JSON.parse('{"__proto__":{"evil":1}}'), { a: 1 });
    expect(Object.keys(merged)).to.have.members(['__proto__', 'a']);
    expect(merged).not.to.have.property('evil');
  });
});

describe('isFields', () => {
  it('is true of objects with keys', () => {
    expect([{}, Object.create(null)].map(isFields)).to.deep.equal([true, true]);
    expect([null, undefined, [], 'a', 1].map(isFields)).to.deep.equal(Array(5).fill(false));
  });
});

describe('isPlain', () => {
  it('is true of objects of no class', () => {
    expect([{}, Object.create(null)].map(isPlain)).to.deep.equal([true, true]);
    expect([null, undefined, [], new Date(), Object.create({}), 'a', () => {}].map(isPlain)).to.not.include(true);
  });
});
