import { expect } from 'chai';
import fc from 'fast-check';
import { MemoryStore } from '../../lib/backends/memory.js';
import { fromRecord, toRecord } from '../../lib/internal/koa-session-record.js';

const NOW = 1_700_000_000_000;
const HOUR = 3_600_000;
const now = () => NOW;
const record = (data: object, rest: Partial<Parameters<typeof toRecord>[1]> = {}) =>
  toRecord(data, { maxAge: undefined, now, ...rest }) as Record<string, unknown> & { cookie: Record<string, unknown> };

describe('koa-session records', () => {
  it('have a cookie with the deadline that the store is told, and the lifetime that the browser is', () => {
    const data = { user: 'ada', _expire: NOW + HOUR, _maxAge: HOUR };
    const { cookie, ...own } = record(data, { maxAge: HOUR + 10_000 });
    expect(own).to.deep.equal({ user: 'ada' });
    expect(cookie).to.deep.equal({
      path: '/',
      httpOnly: true,
      originalMaxAge: HOUR,
      expires: new Date(NOW + HOUR + 10_000),
      grace: 10_000,
    });
  });

  it('have no date for a session that the browser ends', () => {
    for (const maxAge of ['session', undefined]) {
      const { cookie } = record({ _session: true }, { maxAge });
      expect(cookie).to.deep.equal({ path: '/', httpOnly: true, originalMaxAge: null, expires: null });
    }
  });

  it('have the deadline of the ms alone where the data says none, as in egg README', () => {
    const { cookie } = record({ user: 'ada' }, { maxAge: HOUR });
    expect(cookie).to.deep.include({ originalMaxAge: HOUR, expires: new Date(NOW + HOUR) });
    expect(fromRecord(record({ user: 'ada' }, { maxAge: HOUR }))).to.deep.equal({
      user: 'ada',
      _expire: NOW + HOUR,
      _maxAge: HOUR,
    });
  });

  it('have the deadline of the data alone where no ms are said', () => {
    const { cookie } = record({ _expire: NOW + HOUR, _maxAge: 2 * HOUR });
    expect(cookie).to.deep.include({ originalMaxAge: 2 * HOUR, expires: new Date(NOW + HOUR) });
    expect(fromRecord({ cookie })).to.deep.equal({ _expire: NOW + HOUR, _maxAge: 2 * HOUR });
  });

  it('come back as they were, through a store too, whatever the keys', async () => {
    const kinds = fc.oneof(
      fc
        .integer({ min: 1_000, max: 1e12 })
        .map((ms) => ({ fields: { _expire: NOW + ms, _maxAge: ms }, maxAge: ms + 10_000 })),
      fc.constant({ fields: { _session: true }, maxAge: 'session' }),
    );
    const names = fc.oneof(
      fc.string(),
      fc.constantFrom('cookie', '~cookie', '__proto__', 'constructor', 'expires', ''),
    );
    const keys = names.filter((key) => !key.startsWith('_') || key === '__proto__');
    const property = fc.asyncProperty(fc.dictionary(keys, fc.jsonValue()), kinds, async (own, { fields, maxAge }) => {
      const data = { ...(JSON.parse(JSON.stringify(own)) as object), ...fields };
      const store = new MemoryStore({ now });
      await store.setAsync('a', record(data, { maxAge }) as never);
      const back = fromRecord((await store.getAsync('a')) as object);
      await store.closeAsync();
      expect(Object.entries(back).sort(byKey)).to.deep.equal(Object.entries(data).sort(byKey));
    });
    await fc.assert(property, { numRuns: 200 });
  });

  it('have the attributes of the former record, else of the cookie that the framework sends', () => {
    const attributes = { secure: true, sameSite: 'lax', path: '/app', key: 'koa.sess', store: {}, domain: undefined };
    const first = record({}, { attributes });
    expect(first.cookie).to.deep.equal({
      path: '/app',
      httpOnly: true,
      secure: true,
      sameSite: 'lax',
      originalMaxAge: null,
      expires: null,
    });
    const second = record({}, { former: first, maxAge: HOUR });
    expect(second.cookie).to.include({ secure: true, sameSite: 'lax', path: '/app', originalMaxAge: HOUR });
  });

  it('lose the grace of a former record', () => {
    const former = record({ _expire: NOW + HOUR, _maxAge: HOUR }, { maxAge: HOUR + 10_000 });
    expect(record({ _session: true }, { former, maxAge: 'session' }).cookie).not.to.have.property('grace');
  });

  it('keep what koa-session does not show: names that start with _, and isNew', () => {
    const former = { _csrf: 'x', isNew: 'y', gone: 1, cookie: { originalMaxAge: null, expires: null } };
    const { cookie: _, ...own } = record({ user: 'ada' }, { former });
    expect(own).to.deep.equal({ _csrf: 'x', isNew: 'y', user: 'ada' });
  });

  it('have no functions', () => {
    expect(record({ act: () => 1, user: 'ada' })).to.have.all.keys('user', 'cookie');
  });

  it('of express-session are read: expires as a Date or as text, or none at all', () => {
    const expires = new Date(NOW);
    for (const date of [expires, expires.toJSON()]) {
      expect(fromRecord({ a: 1, cookie: { originalMaxAge: 5, expires: date } })).to.deep.equal({
        a: 1,
        _expire: NOW,
        _maxAge: 5,
      });
    }
    expect(fromRecord({ a: 1, cookie: { originalMaxAge: null, expires: null } })).to.deep.equal({
      a: 1,
      _session: true,
    });
    expect(fromRecord({ a: 1 })).to.deep.equal({ a: 1 });
  });
});

function byKey([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}
