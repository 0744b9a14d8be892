import { expect } from 'chai';
import { byId } from '../../lib/internal/by-id.js';

describe('byId', () => {
  it('keeps an object by id, without what it inherits, in one without a prototype', () => {
    const all = byId(Object.assign(Object.create({ inherited: {} }), { a: { n: 1 }, b: { n: 2 } }));
    expect(Object.getPrototypeOf(all)).to.equal(null);
    expect(Object.entries(all)).to.deep.equal([
      ['a', { n: 1 }],
      ['b', { n: 2 }],
    ]);
  });

  it('keeps an id named __proto__ as a key', () => {
    const all = byId(JSON.parse('{"__proto__":{"n":1}}'));
    expect(Object.keys(all)).to.deep.equal(['__proto__']);
    expect(({} as { n?: unknown }).n).to.equal(undefined);
    expect(Object.keys(byId([{ id: '__proto__', n: 1 }]))).to.deep.equal(['__proto__']);
  });

  it('takes the id out of each session of an array, and leaves the array as it is', () => {
    const answer = [{ id: 'a', n: 1 }];
    expect({ ...byId(answer) }).to.deep.equal({ a: { n: 1 } });
    expect(answer).to.deep.equal([{ id: 'a', n: 1 }]);
  });

  it('answers an empty object for no sessions, however that is said', () => {
    for (const none of [[], {}, undefined, null]) expect(Object.keys(byId(none))).to.deep.equal([]);
  });

  it('drops what is no session', () => {
    expect(Object.keys(byId({ a: null, b: 'text', c: {}, d: [1] }))).to.deep.equal(['c']);
  });

  for (const answer of [[{ n: 1 }], [{ id: 7 }], [null], ['text']]) {
    it(`refuses ${JSON.stringify(answer)} with SESSILE_UNSUPPORTED: it tells no ids`, () => {
      expect(() => byId(answer))
        .to.throw()
        .with.property('code', 'SESSILE_UNSUPPORTED');
    });
  }
});
