import { inspect, isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import { companion } from '../../lib/internal/companion.js';

describe('companion', () => {
  it('remembers one value with an object, and the last one that was set', () => {
    const values = companion<number>();
    const [one, other] = [{}, {}];
    values.set(one, 1);
    values.set(other, 2);
    values.set(one, 3);
    expect([values.get(one), values.get(other), values.get({})]).to.deep.equal([3, 2, undefined]);
  });

  it('keeps its values apart from those of another', () => {
    const [mine, yours] = [companion<string>(), companion<string>()];
    const object = {};
    mine.set(object, 'mine');
    expect(yours.get(object)).to.equal(undefined);
    yours.set(object, 'yours');
    expect([mine.get(object), yours.get(object)]).to.deep.equal(['mine', 'yours']);
  });

  it('leaves an object as it is for everybody else', () => {
    const values = companion<object>();
    const object = { a: 1 };
    values.set(object, { secret: true });
    expect(Reflect.ownKeys(object)).to.deep.equal(['a']);
    expect(isDeepStrictEqual(object, { a: 1 })).to.equal(true);
    expect(Object.getPrototypeOf(object)).to.equal(Object.prototype);
    expect(inspect(object, { showHidden: true })).to.equal('{ a: 1 }');
    expect(JSON.stringify(object)).to.equal('{"a":1}');
    expect([values.get({ ...object }), values.get(structuredClone(object))]).to.deep.equal([undefined, undefined]);
  });

  it('takes objects without a prototype, with a setter trap, or of a class', () => {
    const values = companion<number>();
    const objects = [Object.create(null) as object, new Proxy({}, {}), new (class Session {})(), [], () => {}];
    for (const [at, object] of objects.entries()) values.set(object, at);
    expect(objects.map((object) => values.get(object))).to.deep.equal([0, 1, 2, 3, 4]);
  });

  it('takes frozen objects, and objects that are frozen afterwards', () => {
    const values = companion<number>();
    const frozen = Object.freeze({});
    values.set(frozen, 1);
    values.set(frozen, 2);
    const later = {};
    values.set(later, 1);
    Object.freeze(later);
    values.set(later, 2);
    expect([values.get(frozen), values.get(later)]).to.deep.equal([2, 2]);
  });
});
