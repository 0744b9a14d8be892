import { expect } from 'chai';
import { Standins } from '../../lib/internal/standins.js';

describe('Standins', () => {
  it('has one stand-in per object, with the fields of the latest save', () => {
    const standins = new Standins(() => {});
    const [object, other] = [{}, {}];
    const first = standins.of(object, { a: 1, b: 2 });
    expect(first).to.include({ a: 1, b: 2 });
    const second = standins.of(object, { b: 3 });
    expect(second).to.equal(first);
    expect({ ...second }).to.deep.equal({ b: 3 });
    expect(standins.of(other, {})).not.to.equal(first);
  });

  it('carries from what the store answered to a stand-in that has all of it at that moment', () => {
    const calls: [object, object][] = [];
    const standins = new Standins((from, to) => calls.push([from, { ...to }]));
    const [from, object] = [{ a: 1, hidden: 2 }, {}];
    expect(standins.isFollowed(object)).to.equal(false);
    standins.follow(from, object, { hidden: 2 });
    expect(standins.isFollowed(object)).to.equal(true);
    expect(calls).to.deep.equal([[from, from]]);
    expect(calls[0]?.[0]).to.equal(from);
  });

  it('saves what was hidden with what there is, and never instead of it', () => {
    const standins = new Standins(() => {});
    const object = {};
    standins.follow({ a: 1, id: 'x', b: 2 }, object, { id: 'x', b: 2 });
    expect({ ...standins.of(object, { b: 3 }) }).to.deep.equal({ id: 'x', b: 3 });
  });

  it('makes a stand-in that is no plain object, so that a store follows its saves', () => {
    const standin = new Standins(() => {}).of({}, {});
    expect(Object.getPrototypeOf(standin)).not.to.equal(Object.prototype);
  });

  it('keeps a key that is named __proto__ a key', () => {
    const fields = JSON.parse('{"__proto__":{"a":1}}');
    const standins = new Standins(() => {});
    const standin = standins.of({}, fields);
    expect(JSON.stringify(standin)).to.equal('{"__proto__":{"a":1}}');
    expect((standin as { a?: number }).a).to.equal(undefined);
  });
});
