import { expect } from 'chai';
import { assert as check, dictionary, integer, jsonValue, property, string } from 'fast-check';
import type { Entry } from '../../lib/backend.js';
import { encodeCookie } from '../../lib/internal/cookie-text.js';
import { dateText, formatEntry, frameOf, parseEntry } from '../../lib/internal/redis-text.js';

const AT = Date.parse('2026-11-21T13:42:35.678Z');
const dated = encodeCookie({ originalMaxAge: 60_000, expires: new Date(AT), httpOnly: true, path: '/' }).cookie;
const undated = encodeCookie({ originalMaxAge: null, expires: null, httpOnly: true, path: '/' }).cookie;

describe('an entry as text in Redis', () => {
  it('is what connect-redis writes, where the cookie has a date', () => {
    const session = {
      cookie: { originalMaxAge: 60_000, expires: new Date(AT), httpOnly: true, path: '/' },
      user: 'ada',
    };
    expect(formatEntry({ data: '{"user":"ada"}', cookie: dated, expires: AT })).to.equal(JSON.stringify(session));
  });

  it('has the deadline as one more attribute of the cookie, where that has no date', () => {
    const text = formatEntry({ data: '{"user":"ada"}', cookie: undated, expires: AT });
    const deadline = new Date(AT).toISOString();
    expect(JSON.parse(text)).to.deep.equal({ cookie: { ...JSON.parse(undated), deadline }, user: 'ada' });
  });

  const entries: Record<string, Entry> = {
    'a cookie with a date': { data: '{"a":1}', cookie: dated, expires: AT },
    'no data': { data: '{}', cookie: dated, expires: AT },
    'a cookie without a date': { data: '{"a":1}', cookie: undated, expires: AT },
    'an empty cookie': { data: '{"a":1}', cookie: '{}', expires: 0 },
    'no cookie': { data: '{"a":1}', cookie: '', expires: AT },
    'a cookie that is no object': { data: '{"a":1}', cookie: 'null', expires: AT },
    'a cookie with objects in it': { data: '{"a":1}', cookie: '{"expires":"deadline","x":{"y":"}"}}', expires: AT },
    'a cookie with a deadline of its own': {
      data: '{}',
      cookie: '{"deadline":"2026-11-21T13:42:35.678Z"}',
      expires: 1,
    },
    'a cookie that quotes all of it': { data: '{}', cookie: '{"path":",\\"expires\\":\\"deadline\\"}{"}', expires: AT },
    'a key that ends like the attribute': { data: '{}', cookie: '{"x\\"deadline":"y"}', expires: AT },
    'text of a serializer': { data: '"secret {\\"cookie\\":{}"', cookie: dated, expires: AT },
    'a date past the year 9999': { data: '{"a":1}', cookie: dated, expires: 8.64e15 },
    'a __proto__': { data: '{"__proto__":{"a":1}}', cookie: dated, expires: AT },
    'a key cookie among the data': { data: '{"cookie":{},"a":1}', cookie: dated, expires: AT },
  };
  for (const [what, entry] of Object.entries(entries)) {
    it(`comes back as it was: ${what}`, () => {
      const text = formatEntry(entry);
      expect(() => JSON.parse(text)).to.not.throw();
      expect(parseEntry(text)).to.deep.equal(entry);
    });
  }

  it('comes back as it was, whatever is in it', () => {
    const cookies = dictionary(string(), jsonValue(), { maxKeys: 4 });
    const when = integer({ min: 0, max: 4e12 });
    check(
      property(dictionary(string(), jsonValue(), { maxKeys: 4 }), cookies, when, (data, attributes, expires) => {
        const { cookie: _, ...rest } = data;
        const entry = { data: JSON.stringify(rest), cookie: JSON.stringify(attributes), expires };
        expect(parseEntry(formatEntry(entry))).to.deep.equal(entry);
        const withDate = { ...entry, cookie: JSON.stringify({ ...attributes, expires: 'deadline' }) };
        expect(parseEntry(formatEntry(withDate))).to.deep.equal(withDate);
      }),
    );
  });

  it('is understood in any order and with any spaces, and with no deadline where there is none', () => {
    const spaced = `{ "user": "ada", "cookie": { "path": "/", "expires": "${new Date(AT).toISOString()}" } }`;
    const cookie = '{"path":"/","expires":"deadline"}';
    expect(parseEntry(spaced)).to.deep.equal({ data: '{"user":"ada"}', cookie, expires: AT });
    const without = parseEntry(`{"cookie":${undated},"user":"ada"}`);
    expect(without).to.deep.equal({ data: '{"user":"ada"}', cookie: undated, expires: undefined });
    expect(parseEntry('{"cookie":{"expires":"never"},"a":1}')).to.deep.include({ cookie: '{"expires":null}' });
    expect(parseEntry('{"user":"ada"}')).to.deep.equal({ data: '{"user":"ada"}', cookie: '', expires: undefined });
  });

  it('that is no session is refused', () => {
    for (const text of ['', 'null', '[]', '"text"', '7', '{"cut off', '{"cookie":{}']) {
      expect(() => parseEntry(text), text).to.throw();
    }
  });
});

describe('the frame of a deadline', () => {
  it('is what formatEntry writes around it', () => {
    for (const cookie of [dated, undated, '{}']) {
      const frame = frameOf(cookie);
      const begins = `${frame?.head}${dateText(AT)}${frame?.tail}`;
      expect(formatEntry({ data: '{"a":1}', cookie, expires: AT })).to.equal(`${begins},"a":1}`);
    }
  });

  it('is undefined where an entry of that cookie has none of fixed width', () => {
    for (const cookie of ['', 'null', '{"x":{}}', '{"deadline":"x"}'])
      expect(frameOf(cookie), cookie).to.equal(undefined);
    expect([dateText(AT), dateText(8.64e15)]).to.deep.equal([new Date(AT).toISOString(), undefined]);
  });

  it('has the date that a Date would write, for any ms, and none past the year 9999', () => {
    const latest = Date.parse('9999-12-31T23:59:59.999Z');
    for (const at of [0, 1, 999, 1_000, -1, -1_000, AT + 0.9, -0.5, latest])
      expect(dateText(at), `${at}`).to.equal(new Date(at).toISOString());
    for (let at = AT; at < AT + 200_000; at += 997) expect(dateText(at)).to.equal(new Date(at).toISOString());
    expect(dateText(latest + 1)).to.equal(undefined);
    const entry = { data: '{}', cookie: dated, expires: latest + 1 };
    expect(formatEntry(entry)).to.include(new Date(latest + 1).toISOString());
  });
});
