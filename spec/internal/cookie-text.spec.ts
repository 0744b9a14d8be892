import { expect } from 'chai';
import { decodeCookie, encodeCookie, toPlain } from '../../lib/internal/cookie-text.js';

const AT = Date.parse('2030-01-02T03:04:05.678Z');

describe('encodeCookie', () => {
  for (const expires of [new Date(AT), new Date(AT).toISOString(), AT]) {
    it(`puts a word in the place of ${typeof expires} ${String(expires)}, and names the date`, () => {
      expect(encodeCookie({ path: '/', expires })).to.deep.equal({
        cookie: '{"path":"/","expires":"deadline"}',
        date: AT,
      });
    });
  }

  for (const expires of [null, undefined, false, 'never', 'deadline', new Date(Number.NaN)]) {
    it(`takes ${typeof expires} ${String(expires)} for no date`, () => {
      expect(encodeCookie({ expires })).to.deep.equal({ cookie: '{"expires":null}', date: undefined });
    });
  }

  it('adds no expires', () => {
    expect(encodeCookie({ path: '/' })).to.deep.equal({ cookie: '{"path":"/"}', date: undefined });
  });

  it('has the empty text for no cookie, and JSON for what is no object', () => {
    expect(encodeCookie(undefined)).to.deep.equal({ cookie: '', date: undefined });
    expect(encodeCookie(null)).to.deep.equal({ cookie: 'null', date: undefined });
    expect(encodeCookie('deadline')).to.deep.equal({ cookie: '"deadline"', date: undefined });
  });

  it('does not change the cookie that it is given', () => {
    const cookie = Object.freeze({ expires: new Date(AT) });
    encodeCookie(cookie);
    expect(cookie.expires.getTime()).to.equal(AT);
  });
});

describe('encodeCookie, given one cookie after the other', () => {
  const expires = new Date(AT);
  const nested = { a: 1 };
  const cookies: Record<string, unknown>[] = [
    { path: '/', expires, secure: false },
    { path: '/', expires: new Date(AT + 1), secure: false },
    { path: '/', expires: null, secure: false },
    { path: '/', expires, secure: true },
    { path: '/', expires },
    { expires, path: '/' },
    { path: '/', expires, domain: undefined },
    { path: '/', expires, partitioned: undefined },
    { path: '/', expires, originalMaxAge: Number.NaN },
    { path: '/', expires, originalMaxAge: '1' },
    { path: '/', expires, originalMaxAge: 1 },
    { path: '/', expires, nested },
    { path: '/', expires, nested: Object.assign(() => {}, { toJSON: () => nested }) },
    Object.assign(Object.create({ path: '/' }) as object, { expires }),
    Object.assign(Object.create({ expires }) as object, { path: '/' }),
    JSON.parse('{"expires":1,"__proto__":1}') as Record<string, unknown>,
  ];
  const asJson = (cookie: Record<string, unknown>) =>
    JSON.stringify({ ...cookie, expires: cookie['expires'] === null ? null : 'deadline' });

  it('writes each as JSON does, whichever came before', () => {
    for (const before of cookies) {
      for (const cookie of cookies) {
        encodeCookie(before);
        expect(encodeCookie(cookie).cookie).to.equal(asJson(cookie));
      }
    }
  });

  it('sees a change inside an attribute', () => {
    encodeCookie({ expires, nested });
    nested.a = 2;
    expect(encodeCookie({ expires, nested }).cookie).to.equal('{"expires":"deadline","nested":{"a":2}}');
  });

  it('answers the date of each', () => {
    expect([expires, new Date(5)].map((each) => encodeCookie({ expires: each }).date)).to.deep.equal([AT, 5]);
  });
});

describe('decodeCookie', () => {
  it('lays the deadline over a cookie that has a date, and over no other', () => {
    expect(decodeCookie('{"path":"/","expires":"deadline"}', 5)).to.deep.equal({ path: '/', expires: new Date(5) });
    for (const text of ['{"expires":null}', '{"path":"/"}', 'null', '"deadline"', '["deadline"]']) {
      expect(decodeCookie(text, 5)).to.deep.equal(JSON.parse(text));
    }
  });
});

describe('decodeCookie, given the same text again', () => {
  const text = '{"path":"/","expires":"deadline","__proto__":1}';

  it('answers the same with the deadline of each', () => {
    const [first, second] = [decodeCookie(text, 5), decodeCookie(text, 6)] as [object, object];
    expect(first).to.deep.equal({ ...(JSON.parse(text) as object), expires: new Date(5) });
    expect(second).to.deep.equal({ ...(JSON.parse(text) as object), expires: new Date(6) });
    expect([first, second].map(Object.keys)).to.deep.equal(Array(2).fill(['path', 'expires', '__proto__']));
  });

  it('answers an object that shares nothing with the one before', () => {
    const first = decodeCookie(text, 5) as Record<string, unknown>;
    (first['expires'] as Date).setTime(9);
    first['path'] = '/changed';
    first['added'] = true;
    expect(decodeCookie(text, 5)).to.deep.equal({ ...(JSON.parse(text) as object), expires: new Date(5) });
  });

  it('answers attributes that are objects or lists anew', () => {
    for (const nested of ['{"own":{"a":[1]}}', '[{"a":1}]']) {
      const first = decodeCookie(nested, 5) as Record<string, object>;
      for (const each of Object.values(first)) Object.assign(each, { changed: true });
      expect(decodeCookie(nested, 5)).to.deep.equal(JSON.parse(nested));
    }
  });

  it('takes no text that is no JSON for one that was', () => {
    decodeCookie(text, 5);
    expect(() => decodeCookie(`${text}}`, 5)).to.throw(SyntaxError);
    expect(decodeCookie(text, 5)).to.have.property('path', '/');
  });
});

describe('toPlain', () => {
  it('asks toJSON where there is one, and refuses what is then no object', () => {
    expect(toPlain({ a: 1 })).to.deep.equal({ a: 1 });
    expect(toPlain({ a: 1, toJSON: () => ({ b: 2 }) })).to.deep.equal({ b: 2 });
    expect(toPlain({ toJSON: 5 })).to.deep.equal({ toJSON: 5 });
    for (const plain of [null, 'text', undefined]) {
      expect(() => toPlain({ toJSON: () => plain })).to.throw(TypeError, /^toJSON must answer an object/);
    }
  });
});
