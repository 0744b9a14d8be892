import { expect } from 'chai';
import fc from 'fast-check';
import { storedKey, toFields, toStored, userKey } from '../../lib/internal/cookie-key.js';

const nearCookie = fc.oneof(
  fc.string(),
  fc.tuple(fc.nat(4), fc.constantFrom('cookie', 'cookies', 'Cookie', 'coo~kie', '')).map(([n, s]) => '~'.repeat(n) + s),
  fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', 'cookie\n', '~cookie\n'),
);

describe('cookie-key', () => {
  it('keeps a value that the user calls cookie beside the cookie', () => {
    expect(toStored({ cookie: 1, '~cookie': 2, '~~cookie': 3, a: 4 })).to.deep.equal({
      '~cookie': 1,
      '~~cookie': 2,
      '~~~cookie': 3,
      a: 4,
    });
    expect(toFields({ cookie: { path: '/' }, '~cookie': 1, '~~cookie': 2, a: 4 })).to.deep.equal({
      cookie: 1,
      '~cookie': 2,
      a: 4,
    });
    expect(userKey('cookie')).to.equal(undefined);
  });

  it('leaves every key alone that has nothing to do with it', () => {
    for (const key of ['', 'a', '~', '~a', 'cookies', 'Cookie', '~Cookie', '__proto__', 'cookie\n', '~cookie\n']) {
      expect(storedKey(key), key).to.equal(key);
      expect(userKey(key), key).to.equal(key);
    }
  });

  it('is one to one, and never gives the key of the cookie away', () => {
    fc.assert(
      fc.property(nearCookie, (key) => {
        expect(storedKey(key)).not.to.equal('cookie');
        expect(userKey(storedKey(key))).to.equal(key);
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(nearCookie, nearCookie, (a, b) => {
        expect(storedKey(a) === storedKey(b)).to.equal(a === b);
      }),
      { numRuns: 2_000 },
    );
  });

  it('takes any fields there and back, and pollutes nothing', () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    fc.assert(
      fc.property(fc.array(fc.tuple(nearCookie, fc.jsonValue())), (entries) => {
        const fields = Object.fromEntries(entries) as Record<string, unknown>;
        const stored = JSON.parse(JSON.stringify({ ...toStored(fields), cookie: { path: '/' } })) as object;
        const back = toFields(stored);
        const list = (of: Record<string, unknown>) => Object.keys(of).map((key) => `${key} ${JSON.stringify(of[key])}`);
        expect(list(back).sort()).to.deep.equal(list(fields).sort());
        expect(Object.getPrototypeOf(back)).to.equal(Object.prototype);
      }),
      { numRuns: 1_000 },
    );
    expect(Object.getOwnPropertyNames(Object.prototype)).to.deep.equal(before);
  });

  it('takes only what an object has of its own', () => {
    const inherited = Object.create(
      { far: 1 },
      { own: { value: 2, enumerable: true }, hidden: { value: 3 } },
    ) as object;
    expect(toStored(inherited)).to.deep.equal({ own: 2 });
    expect(toFields(inherited)).to.deep.equal({ own: 2 });
  });
});
