import { expect } from 'chai';
import session from 'express-session';
import { storedSession } from '../../lib/internal/stored-session.js';

const NOW = 1_700_000_000_000;
const date = new Date(NOW + 60_000);
const cookieOf = (answer: object) => storedSession(answer, NOW)?.['cookie'];

describe('storedSession', () => {
  for (const answer of [undefined, null, false, '', 'text', 7, []]) {
    it(`takes ${JSON.stringify(answer)} for none`, () => {
      expect(storedSession(answer, NOW)).to.equal(undefined);
    });
  }

  it("answers a copy of express-session's own as it is, dates as text", () => {
    const answer = { user: { name: 'ada' }, cookie: { originalMaxAge: 60_000, expires: date, path: '/a' } };
    const found = storedSession(answer, NOW);
    expect(found).to.deep.equal(JSON.parse(JSON.stringify(answer)));
    expect(found?.['user']).not.to.equal(answer.user);
    expect(cookieOf({ cookie: { originalMaxAge: null, expires: null } })).to.deep.equal({
      originalMaxAge: null,
      expires: null,
    });
  });

  it('gives a session without a cookie one that ends with the browser', () => {
    const bare = { originalMaxAge: null, expires: null, httpOnly: true, path: '/' };
    for (const answer of [{}, { cookie: null }, { cookie: 'text' }]) expect(cookieOf(answer)).to.deep.equal(bare);
  });

  it('makes a cookie of what koa-session writes, and leaves that out of the data', () => {
    const answer = { user: 'ada', _expire: date.getTime(), _maxAge: 90_000 };
    expect(storedSession(answer, NOW)).to.deep.equal({
      user: 'ada',
      cookie: { originalMaxAge: 90_000, expires: date, httpOnly: true, path: '/' },
    });
    expect(storedSession({ user: 'ada', _session: true }, NOW)).to.deep.equal({
      user: 'ada',
      cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' },
    });
  });

  it('completes a cookie that tells only one of date and life span', () => {
    expect(cookieOf({ cookie: { expires: date } })).to.deep.equal({ originalMaxAge: 60_000, expires: date });
    expect(cookieOf({ cookie: { maxAge: 60_000 } })).to.deep.equal({ originalMaxAge: 60_000, expires: date });
    expect(cookieOf({ cookie: { originalMaxAge: 60_000 } })).to.deep.equal({ originalMaxAge: 60_000, expires: date });
    expect(cookieOf({ cookie: { secure: true } })).to.deep.equal({
      secure: true,
      originalMaxAge: null,
      expires: null,
    });
  });

  it('is a session that express-session loads, and whose deadline a touch moves', () => {
    const store = new session.MemoryStore();
    session({ store, secret: 'spec', resave: false, saveUninitialized: false });
    for (const answer of [{}, { cookie: {} }, { cookie: { maxAge: 60_000 } }, { _expire: NOW, _maxAge: 60_000 }]) {
      const found = storedSession(answer, NOW) as never;
      const loaded = store.createSession({ sessionID: 'a', sessionStore: store } as never, found);
      const lasting = loaded.cookie.originalMaxAge;
      expect(lasting).not.to.equal(undefined);
      loaded.touch();
      if (lasting === null) expect(loaded.cookie.expires).to.equal(null);
      else expect((loaded.cookie.expires as Date).getTime()).to.be.greaterThan(NOW + lasting);
    }
  });

  it('keeps keys named like what an object inherits', () => {
    const found = storedSession(JSON.parse('{"__proto__":{"n":1},"constructor":2}'), NOW) as object;
    expect(Object.keys(found)).to.deep.equal(['__proto__', 'constructor', 'cookie']);
  });

  it('throws for what is no JSON', () => {
    expect(() => storedSession({ n: 1n }, NOW)).to.throw(TypeError);
  });
});
