import { expect } from 'chai';
import session from 'express-session';
import fc from 'fast-check';
import type { Entry } from '../../lib/backend.js';
import { fromForeign, toForeign } from '../../lib/internal/foreign-session.js';

const NOW = 1_700_000_000_000;
const TTL = 3_600_000;
const now = () => NOW;
const deadline = (date?: number) => date ?? NOW + TTL;

/** What a store that keeps JSON answers for what it was given. */
const kept = (entry: Entry): Record<string, unknown> => JSON.parse(JSON.stringify(toForeign(entry, now)));
const back = (found: object) => fromForeign(found, NOW, deadline);

const dated: Entry = {
  data: '{"user":"ada"}',
  cookie: '{"originalMaxAge":60000,"expires":"deadline","httpOnly":true,"path":"/"}',
  expires: NOW + 60_000,
};

describe('toForeign', () => {
  it('gives a session as express-session has it: data, and a cookie whose expires is a Date', () => {
    const { cookie, ...data } = toForeign(dated, now) as { cookie: Record<string, unknown> };
    expect(data).to.deep.equal({ user: 'ada' });
    expect(cookie).to.include({ originalMaxAge: 60_000, httpOnly: true, path: '/' });
    expect(cookie['expires']).to.deep.equal(new Date(NOW + 60_000));
  });

  it('tells the maxAge, which counts down, and keeps it out of JSON', () => {
    let time = NOW;
    const { cookie } = toForeign(dated, () => time) as { cookie: { maxAge?: number } };
    time += 1_000;
    expect(cookie.maxAge).to.equal(59_000);
    expect(kept(dated)['cookie']).not.to.have.property('maxAge');
    const undated = { ...dated, cookie: '{"originalMaxAge":null,"expires":null}' };
    expect((toForeign(undated, now) as { cookie: { maxAge?: unknown } }).cookie.maxAge).to.equal(null);
  });

  it('gives a session without a cookie one that express-session can read', () => {
    const found = kept({ ...dated, cookie: '' });
    expect(found['cookie']).to.include({ originalMaxAge: null, expires: null, httpOnly: true, path: '/' });
    const store = new session.MemoryStore();
    session({ store, secret: 'spec', resave: false, saveUninitialized: false });
    const loaded = store.createSession({ sessionID: 'a', sessionStore: store } as never, found as never);
    expect(loaded.cookie.expires).to.equal(null);
  });
});

describe('fromForeign', () => {
  const entries: Record<string, Entry> = {
    'with a date': dated,
    'without a date': { ...dated, cookie: '{"originalMaxAge":null,"expires":null}' },
    'whose cookie has neither': { ...dated, cookie: '{}' },
    'without a cookie': { ...dated, cookie: '' },
    'whose cookie is null': { ...dated, cookie: 'null' },
    'whose cookie is text': { ...dated, cookie: '"a=b"' },
    'of a custom serializer': { ...dated, data: '"sealed"' },
    'that is dead': { ...dated, expires: NOW - 1 },
    'with awkward keys': { ...dated, data: '{"__proto__":{"n":1},"constructor":2,"sessile":3}' },
  };
  for (const [name, entry] of Object.entries(entries)) {
    it(`finds an entry ${name} again as it was`, () => {
      expect(back(kept(entry))).to.deep.equal(entry);
    });
  }

  it('finds any JSON data again', () => {
    const property = fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const { __lastAccess: _, cookie: __, ...fields } = JSON.parse(JSON.stringify(value)) as Record<string, unknown>;
      const entry = { ...dated, data: JSON.stringify(fields) };
      expect(back(kept(entry))).to.deep.equal(entry);
    });
    fc.assert(property, { numRuns: 200 });
  });

  it('finds what a store that keeps objects answers', () => {
    expect(back(toForeign(dated, now))).to.deep.equal(dated);
  });

  it('takes over what somebody else wrote, with the date of its cookie', () => {
    const expires = new Date(NOW + 1_000).toISOString();
    expect(back({ n: 1, cookie: { originalMaxAge: 1_000, expires } })).to.deep.equal({
      data: '{"n":1}',
      cookie: '{"originalMaxAge":1000,"expires":"deadline"}',
      expires: NOW + 1_000,
    });
  });

  it('believes a store that answers a session whose date has passed: its touches may not have been written', () => {
    const expires = new Date(NOW - 1).toISOString();
    expect(back({ cookie: { originalMaxAge: 1_000, expires } }).expires).to.equal(NOW + 1_000);
    expect(back({ cookie: { originalMaxAge: null, expires } }).expires).to.equal(NOW + TTL);
    expect(back({ cookie: { originalMaxAge: null, expires: null } }).expires).to.equal(NOW + TTL);
    expect(back({ n: 1 })).to.deep.equal({ data: '{"n":1}', cookie: '', expires: NOW + TTL });
  });

  it('does not believe a deadline of its own once somebody else has moved the date', () => {
    const found = kept({ ...dated, expires: NOW - 1 }) as { cookie: { expires: string } };
    found.cookie.expires = new Date(NOW + 5_000).toISOString();
    expect(back(found).expires).to.equal(NOW + 5_000);
  });

  it('loses its note when express-session saves the session by itself, and with it its say', () => {
    const store = new session.MemoryStore();
    session({ store, secret: 'spec', resave: false, saveUninitialized: false });
    const loaded = store.createSession({ sessionID: 'a', sessionStore: store } as never, kept(dated) as never);
    const saved = JSON.parse(JSON.stringify(loaded)) as { cookie: object };
    expect(saved.cookie).not.to.have.property('sessile');
    expect(back(saved).expires).to.equal(NOW + 60_000);
  });

  it('drops the stamp of session-file-store, and keeps a key of that name that is none', () => {
    expect(back({ n: 1, __lastAccess: 7 }).data).to.equal('{"n":1}');
    expect(back({ n: 1, __lastAccess: 'mine' }).data).to.equal('{"n":1,"__lastAccess":"mine"}');
  });

  it('throws for what is no JSON', () => {
    expect(() => back({ n: 1n })).to.throw(TypeError);
  });
});
