import { expect } from 'chai';
import { fromRecord, lifetimeOf, toRecord } from '../../lib/internal/koa-cookie-record.js';

const NOW = 1_700_000_000_000;
const HOUR = 3_600_000;
const now = () => NOW;

describe('records of sessions with options of the cookies package', () => {
  it('live by expires, else by maxAge, else by nothing', () => {
    expect(lifetimeOf({ maxAge: HOUR, expires: new Date(NOW + 5) }, now)).to.equal(5);
    expect(lifetimeOf({ maxAge: HOUR, expires: undefined }, now)).to.equal(HOUR);
    expect(lifetimeOf({ maxAge: 0 }, now)).to.equal(0);
    for (const cookie of [{ maxAge: null }, {}, undefined, null]) expect(lifetimeOf(cookie, now)).to.equal(undefined);
  });

  it('have a cookie as express-session keeps it, and come back as they were', () => {
    const session = { user: 'ada', cookie: { maxAge: HOUR, path: '/', overwrite: true, signed: false } };
    const record = toRecord(session, HOUR, now);
    expect(record).to.deep.equal({
      user: 'ada',
      cookie: { path: '/', overwrite: true, signed: false, originalMaxAge: HOUR, expires: new Date(NOW + HOUR) },
    });
    expect(fromRecord(record)).to.deep.equal(session);
  });

  it('live as long as the host says, whatever the cookie says', () => {
    const { cookie } = toRecord({ cookie: { maxAge: HOUR } }, 5, now) as { cookie: object };
    expect(cookie).to.deep.equal({ originalMaxAge: HOUR, expires: new Date(NOW + 5) });
  });

  it('give back an expires that the app set, and no other', () => {
    const expires = new Date(NOW + 2 * HOUR);
    const record = toRecord({ cookie: { maxAge: HOUR, expires } }, 2 * HOUR, now);
    expect(fromRecord(record).cookie).to.deep.equal({ maxAge: HOUR, expires });
    expect(fromRecord(JSON.parse(JSON.stringify(record)) as object).cookie).to.deep.equal({ maxAge: HOUR, expires });
  });

  it('without a cookie get one that says the least', () => {
    const record = toRecord({ user: 'ada' }, undefined, now);
    expect(record).to.deep.equal({
      user: 'ada',
      cookie: { path: '/', httpOnly: true, originalMaxAge: null, expires: null },
    });
    expect(fromRecord(record).cookie).to.deep.equal({ path: '/', httpOnly: true, maxAge: null });
    expect(fromRecord({ user: 'ada' })).to.deep.equal({ user: 'ada', cookie: { maxAge: null } });
  });

  it('keep a key that is called __proto__', () => {
    const session = JSON.parse('{"__proto__":1,"cookie":{"maxAge":null}}') as object;
    expect(JSON.stringify(fromRecord(toRecord(session, undefined, now)))).to.equal(JSON.stringify(session));
  });
});
