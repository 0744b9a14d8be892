import { expect } from 'chai';
import type { SessionData } from 'express-session';
import { MemoryStore } from '../../lib/backends/memory.js';
import { CarriedRecords } from '../../lib/internal/carried-records.js';
import { RecordedCookieSessions, SettledCookieSessions } from '../../lib/internal/koa-cookie-sessions.js';

const NOW = 1_700_000_000_000;
const HOUR = 3_600_000;

describe('RecordedCookieSessions', () => {
  let clock: number;
  let store: MemoryStore;
  let sessions: RecordedCookieSessions<SessionData>;

  beforeEach(() => {
    clock = NOW;
    store = new MemoryStore({ now: () => clock });
    sessions = new RecordedCookieSessions(new CarriedRecords<SessionData>(store), () => clock);
  });

  afterEach(() => store.closeAsync());

  it('keep a session as long as its cookie says, or as they are told', async () => {
    await sessions.set('a', { n: 1, cookie: { maxAge: HOUR } });
    await sessions.set('b', { n: 2, cookie: { maxAge: HOUR } }, { ttl: 2 * HOUR });
    clock += HOUR;
    expect(await sessions.get('a')).to.equal(undefined);
    expect(await sessions.get('b')).to.deep.equal({ n: 2, cookie: { maxAge: HOUR } });
    clock += HOUR;
    expect(await sessions.get('b')).to.equal(undefined);
  });

  it('end a session that is to live no longer', async () => {
    for (const [ttl, cookie] of [
      [-61_008, { maxAge: HOUR }],
      [0, { maxAge: HOUR }],
      [undefined, { maxAge: null, expires: new Date(NOW - 1) }],
    ] as const) {
      await sessions.set('a', { cookie: { maxAge: HOUR } });
      await sessions.set('a', { cookie }, ttl === undefined ? {} : { ttl });
      expect(await store.lengthAsync()).to.equal(0);
    }
  });

  it('merge what is saved by the session objects that they handed out', async () => {
    await sessions.set('a', { cookie: { maxAge: HOUR } });
    const [one, two] = [await sessions.get('a'), await sessions.get('a')];
    await sessions.set('a', Object.assign(one as object, { one: 1 }));
    await sessions.set('a', Object.assign(two as object, { two: 2 }));
    expect(await sessions.get('a')).to.include({ one: 1, two: 2 });
    await sessions.destroy('a');
    await sessions.set('a', Object.assign(one as object, { late: 1 }));
    expect(await sessions.get('a')).to.equal(undefined);
  });

  it('merge what is saved with the holder with which it was loaded, whichever object it is', async () => {
    await sessions.set('a', { cookie: { maxAge: HOUR } });
    const [one, two] = [{}, {}];
    await Promise.all([sessions.get('a', one), sessions.get('a', two)]);
    await sessions.set('a', { one: 1, cookie: { maxAge: HOUR } }, { holder: one });
    await sessions.set('a', { two: 2, cookie: { maxAge: HOUR } }, { holder: two });
    expect(await sessions.get('a')).to.include({ one: 1, two: 2 });
  });
});

describe('SettledCookieSessions', () => {
  const over = (store: object) => new SettledCookieSessions({ get() {}, set() {}, destroy() {}, ...store }, () => NOW);
  const failing = (code: string, atOnce: boolean) => () => {
    const error = Object.assign(new Error('of the spec'), { code });
    if (atOnce) throw error;
    return Promise.reject(error);
  };

  it('tell the store how long a session is to live', async () => {
    const given: unknown[] = [];
    const sessions = over({ set: (...args: unknown[]) => given.push(args[2]) });
    await sessions.set('a', { cookie: { maxAge: HOUR } });
    await sessions.set('a', { cookie: { expires: new Date(NOW + 7) } });
    await sessions.set('a', {}, { ttl: 9 });
    await sessions.set('a', {});
    expect(given).to.deep.equal([HOUR, 7, 9, undefined]);
  });

  it('make a Date of an expires that the store kept as text', async () => {
    const kept = { n: 1, cookie: { maxAge: 5, expires: new Date(NOW).toJSON() } };
    const session = await over({ get: () => kept }).get('a');
    expect(session).to.deep.equal({ n: 1, cookie: { maxAge: 5, expires: new Date(NOW) } });
    expect(kept.cookie.expires).to.be.a('string');
  });

  it('take what is no object, and ENOENT, for no session; other failures are passed on', async () => {
    for (const answer of [null, undefined, false, '', 'text']) {
      expect(await over({ get: () => answer }).get('a')).to.equal(undefined);
    }
    for (const atOnce of [true, false]) {
      expect(await over({ get: failing('ENOENT', atOnce) }).get('a')).to.equal(undefined);
      const error = await over({ get: failing('EIO', atOnce) })
        .get('a')
        .catch((reason: unknown) => reason);
      expect(error).to.have.property('code', 'EIO');
    }
  });

  it("call methods as the store's own", async () => {
    const store = {
      seen: [] as unknown[],
      get() {
        this.seen.push('get');
      },
      set() {
        this.seen.push('set');
      },
      *destroy(): Generator<unknown, void, void> {
        yield function (this: unknown, done: () => void) {
          store.seen.push(this === store ? 'destroy' : 'lost this');
          done();
        };
      },
    };
    const sessions = new SettledCookieSessions(store, () => NOW);
    await sessions.get('a');
    await sessions.set('a', {});
    await sessions.destroy('a');
    expect(store.seen).to.deep.equal(['get', 'set', 'destroy']);
  });
});
