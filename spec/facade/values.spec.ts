import { expect } from 'chai';
import fc from 'fast-check';
import { changed, dateAfter, snapshot, valueIn, withValue } from '../../lib/facade/values.js';
import { failureOf } from '../support/folder.js';

const anyKey = fc.oneof(
  fc.string(),
  fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'cookie', '~cookie', '', '0', 'then'),
);

describe('values', () => {
  it('any key holds any JSON value beside the cookie, and goes without a trace', () => {
    const names = Object.getOwnPropertyNames(Object.prototype);
    const cookie = { path: '/' };
    fc.assert(
      fc.property(fc.array(fc.tuple(anyKey, fc.jsonValue()), { maxLength: 8 }), anyKey, (entries, key) => {
        const kept = new Map(entries);
        let stored: object = { cookie };
        for (const [name, value] of kept) stored = withValue(stored, name, value);
        for (const [name, value] of kept) {
          expect(JSON.stringify(valueIn(stored, name))).to.equal(JSON.stringify(value));
        }
        if (!kept.has(key)) expect(valueIn(stored, key)).to.equal(undefined);
        const without = withValue(stored, key, undefined);
        expect(valueIn(without, key)).to.equal(undefined);
        expect(Object.keys(without)).to.have.length(kept.size + (kept.has(key) ? 0 : 1));
        expect(without).to.have.own.property('cookie', cookie);
        expect(Object.getPrototypeOf(without)).to.equal(Object.prototype);
      }),
      { numRuns: 2_000 },
    );
    expect(Object.getOwnPropertyNames(Object.prototype)).to.deep.equal(names);
    expect(({} as { polluted?: unknown }).polluted).to.equal(undefined);
  });

  it('a hostile value stays a value', () => {
    const hostile = JSON.parse(
      '{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}',
    ) as object;
    const stored = withValue(withValue({}, '__proto__', hostile), 'constructor', hostile);
    expect(JSON.stringify(valueIn(stored, '__proto__'))).to.equal(JSON.stringify(hostile));
    expect(({} as { polluted?: unknown }).polluted).to.equal(undefined);
    expect((stored as { polluted?: unknown }).polluted).to.equal(undefined);
  });

  it('changes nothing of what it is given', () => {
    const stored = Object.freeze({ cookie: {}, a: 1 });
    expect(withValue(stored, 'a', 2)).to.deep.equal({ cookie: {}, a: 2 });
    expect(withValue(stored, 'a', undefined)).to.deep.equal({ cookie: {} });
    expect(stored).to.deep.equal({ cookie: {}, a: 1 });
  });

  it('a snapshot is what JSON has, and shares nothing', () => {
    const value = { date: new Date(0), list: [{}] };
    const copy = snapshot(value) as typeof value;
    expect(copy).to.deep.equal({ date: '1970-01-01T00:00:00.000Z', list: [{}] });
    expect(copy.list[0]).not.to.equal(value.list[0]);
    expect(snapshot(undefined)).to.equal(undefined);
    expect(snapshot({ toJSON: () => undefined })).to.equal(undefined);
  });

  it('a change answers at once, with a value that JSON has', async () => {
    expect(changed((n) => Number(n) + 1, 1)).to.equal(2);
    expect(changed(() => undefined, 1)).to.equal(undefined);
    const wrong = { NaN: () => Number.NaN, 'a function': () => () => {}, 'a promise': async () => 1 };
    for (const [name, change] of Object.entries(wrong)) {
      expect(await failureOf(() => changed(change, 1)), name).to.include({ code: 'SESSILE_MISUSE' });
    }
    const { message } = await failureOf(() => changed((n) => (n as number) + 1, undefined));
    expect(message).to.include('(n = 0) => n + 1');
  });

  it('a date is never one that cannot be written', () => {
    expect(dateAfter(1_000, 500).getTime()).to.equal(1_500);
    expect(dateAfter(0, Number.MAX_VALUE).toUTCString()).to.equal('Fri, 31 Dec 9999 00:00:00 GMT');
  });
});
