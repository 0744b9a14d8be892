import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import * as backend from '../lib/backend.js';
import { dateOf, Expiry, isExpired } from '../lib/expiry.js';

const DAY = 86_400_000;
const END_OF_TIME = 8.64e15;

describe('Expiry', () => {
  const now = () => 5_000;
  const expiry = (ttl?: unknown) =>
    new Expiry<object>('Spec', { now, ...(ttl !== undefined && { ttl: ttl as number }) });

  it('shares the one comparison of deadlines', () => {
    expect(isExpired).to.equal(backend.isExpired);
  });

  it('reads the clock of the system by default', () => {
    const before = Date.now();
    expect(new Expiry('Spec', {}).now()).to.be.within(before, Date.now());
  });

  it('takes the date of the cookie where there is one', () => {
    expect(expiry().deadline(7_000, {}, 'a')).to.equal(7_000);
    expect(expiry().deadline(0, {}, 'a')).to.equal(0);
  });

  it('adds a day, or the ttl, to the clock where there is none', () => {
    expect(expiry().deadline(undefined, {}, 'a')).to.equal(5_000 + DAY);
    expect(expiry(10).deadline(undefined, {}, 'a')).to.equal(5_010);
  });

  it('asks a ttl function with the session and its id', () => {
    const asked: unknown[] = [];
    const session = { user: 1 };
    const ttl = (...args: unknown[]) => asked.push(args) * 0 + 25;
    expect(expiry(ttl).deadline(undefined, session, 'a')).to.equal(5_025);
    expect(asked).to.deep.equal([[session, 'a']]);
  });

  it('does not ask a ttl function for a session whose cookie has a date', () => {
    const ttl = () => expect.fail('asked');
    expect(expiry(ttl).deadline(6_000, {}, 'a')).to.equal(6_000);
  });

  it('lets a ttl function answer that a session ends at once, or never', () => {
    expect(expiry(() => 0).deadline(undefined, {}, 'a')).to.equal(5_000);
    expect(expiry(() => Infinity).deadline(undefined, {}, 'a')).to.equal(END_OF_TIME);
  });

  it('keeps deadlines whole and within what a Date can hold', () => {
    expect(expiry(0.75 + 10).deadline(undefined, {}, 'a')).to.equal(5_010);
    expect(expiry().deadline(-7, {}, 'a')).to.equal(0);
    expect(Object.is(expiry().deadline(-0.5, {}, 'a'), 0)).to.equal(true);
    expect(expiry().deadline(Number.MAX_VALUE, {}, 'a')).to.equal(END_OF_TIME);
    expect(expiry(Number.MAX_VALUE).deadline(undefined, {}, 'a')).to.equal(END_OF_TIME);
  });

  for (const wrong of [-1, Number.NaN, '10', null, undefined, 10n, Promise.resolve(10)]) {
    it(`calls it misuse when a ttl function answers ${typeof wrong} ${String(wrong)}`, () => {
      const asked = expiry(() => wrong);
      expect(() => asked.deadline(undefined, {}, 'a')).to.throw(TypeError, /^ttl\(session, sid\) must answer/);
    });
  }

  for (const wrong of [0, -1, Number.NaN, Infinity, '10', null]) {
    it(`refuses the ttl ${typeof wrong} ${String(wrong)}`, () => {
      expect(() => expiry(wrong)).to.throw(TypeError, /^Spec: ttl must be a finite number of milliseconds >= 1/);
    });
  }

  it('refuses a clock that is no function', () => {
    expect(() => new Expiry('Spec', { now: 5 as never })).to.throw(TypeError, 'Spec: now must be a function, not 5');
  });
});

describe('dateOf', () => {
  const iso = '2030-01-02T03:04:05.678Z';
  const at = Date.parse(iso);

  it('reads a Date, a date string and a number', () => {
    expect(dateOf(new Date(at))).to.equal(at);
    expect(dateOf(iso)).to.equal(at);
    expect(dateOf(new Date(at).toUTCString())).to.equal(at - 678);
    expect(dateOf(at)).to.equal(at);
    expect(dateOf(0)).to.equal(0);
  });

  it('reads a Date of another realm', () => {
    expect(dateOf(runInNewContext(`new Date(${at})`))).to.equal(at);
  });

  for (const none of [
    undefined,
    null,
    false,
    true,
    '',
    'deadline',
    new Date(Number.NaN),
    Number.NaN,
    Infinity,
    {},
    [],
  ]) {
    it(`finds no date in ${typeof none} ${String(none)}`, () => {
      expect(dateOf(none)).to.equal(undefined);
    });
  }
});
