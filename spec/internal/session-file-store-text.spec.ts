import { expect } from 'chai';
import { NotAnEntry } from '../../lib/internal/entry-text.js';
import { parseSession } from '../../lib/internal/session-file-store-text.js';

const AT = 1_700_000_000_000;
const TTL = 3_600_000;
const parse = (session: unknown) => parseSession(JSON.stringify(session), TTL);

describe('parseSession', () => {
  it('parts the data from the cookie, and drops the mark', () => {
    const cookie = { originalMaxAge: 5_000, expires: '2030-01-02T03:04:05.678Z', path: '/' };
    expect(parse({ cookie, user: 'ada', __lastAccess: AT })).to.deep.equal({
      data: '{"user":"ada"}',
      cookie: '{"originalMaxAge":5000,"expires":"deadline","path":"/"}',
      expires: AT + 5_001,
    });
    expect(parse({ __lastAccess: AT })).to.deep.equal({ data: '{}', cookie: '', expires: AT + TTL + 1 });
  });

  it('goes by the ttl where the cookie names no lifetime', () => {
    for (const originalMaxAge of [null, undefined, 0, '5000', false]) {
      expect(parse({ cookie: { originalMaxAge }, __lastAccess: AT })?.expires).to.equal(AT + TTL + 1);
    }
  });

  it('takes a session without any lifetime for dead, and stays within what a Date can hold', () => {
    expect(parseSession(`{"__lastAccess":${AT}}`, 0)?.expires).to.equal(0);
    expect(parse({ cookie: { originalMaxAge: -2 * AT }, __lastAccess: AT })?.expires).to.equal(0);
    expect(parse({ cookie: { originalMaxAge: 1e300 }, __lastAccess: AT })?.expires).to.equal(8.64e15);
    expect(parse({ cookie: { originalMaxAge: 0.5 }, __lastAccess: AT })?.expires).to.equal(AT + 1);
  });

  it('keeps keys that objects inherit as keys of their own', () => {
    const text = `{"__proto__":{"admin":true},"constructor":1,"__lastAccess":${AT}}`;
    expect(parseSession(text, TTL)?.data).to.equal('{"__proto__":{"admin":true},"constructor":1}');
  });

  for (const other of [null, [], 'text', 5, {}, { __lastAccess: 'now' }, [{ __lastAccess: AT }]]) {
    it(`takes ${JSON.stringify(other)} for somebody else's`, () => {
      expect(parse(other)).to.equal(undefined);
    });
  }

  for (const text of ['', '{', '{"user":"secret"', 'secret']) {
    it(`takes ${JSON.stringify(text)} for damaged, and does not quote it`, () => {
      expect(() => parseSession(text, TTL))
        .to.throw(NotAnEntry)
        .that.satisfies((error: Error) => error.cause === undefined && !error.message.includes('secret'));
    });
  }
});
