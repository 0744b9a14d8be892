import { expect } from 'chai';
import type { SessionData } from 'express-session';
import original from 'generic-session';
import { adopt } from '../../lib/backends/foreign.js';
import { Expiry } from '../../lib/expiry.js';
import { GenericKeys } from '../../lib/facade/generic-keys.js';
import { GenericRecords } from '../../lib/internal/generic-records.js';
import type { GenericStore } from '../../lib/internal/generic-store.js';
import { failureOf } from '../support/folder.js';

const START = Date.UTC(2030, 0, 1);
const MINUTE = 60_000;
const TTL = 10 * MINUTE;

/** As express-session hands it over. */
function sessionOf(lasts: number | null, data: object = {}): SessionData {
  const expires = lasts === null ? null : new Date(START + lasts);
  return { ...data, cookie: { originalMaxAge: lasts, expires, httpOnly: true, path: '/' } } as SessionData;
}

/** generic-session's MemoryStore, which notes what it is called with, callbacks left out; and sessions in it. */
function make(timeout?: number) {
  const clock = { now: START };
  const kept = original.MemoryStore();
  const calls: unknown[][] = [];
  const store = Object.fromEntries(
    (['get', 'getAll', 'set', 'del', 'delAll', 'extend'] as const).map((name) => [
      name,
      (...args: unknown[]) => {
        calls.push([name, ...args.filter((arg) => typeof arg !== 'function')]);
        (kept[name] as (...given: unknown[]) => void)(...args);
      },
    ]),
  ) as unknown as GenericStore;
  const now = () => clock.now;
  const expiry = new Expiry<SessionData>('spec', { ttl: TTL, now });
  const records = new GenericRecords(store, expiry, timeout);
  /** What an act called. */
  const callsOf = async (act: () => Promise<unknown>) => {
    calls.length = 0;
    await act();
    return [...calls];
  };
  const values = () => new GenericKeys(kept).getAll('a', MINUTE);
  return { clock, now, kept, store, records, callsOf, values };
}

describe('GenericRecords', () => {
  it('keeps a session value by value, its cookie among them, and answers it as a fresh object', async () => {
    const { records, values } = make();
    const given = sessionOf(MINUTE, { user: { name: 'ada' }, n: 1 });
    const saved = records.setAsync('a', given);
    given.cookie.path = '/changed later';
    await saved;
    const cookie = { originalMaxAge: MINUTE, expires: '2030-01-01T00:01:00.000Z', httpOnly: true, path: '/' };
    expect(await values()).to.deep.equal({ user: { name: 'ada' }, n: 1, cookie });
    const found = await records.getAsync('a');
    expect(found).to.deep.equal({ user: { name: 'ada' }, n: 1, cookie });
    expect(await records.getAsync('a')).not.to.equal(found);
    expect(await records.getAsync('b')).to.equal(undefined);
    await records.destroyAsync('a');
    expect(await records.getAsync('a')).to.equal(undefined);
  });

  it('writes what differs and takes away what is gone, with the ms that are left', async () => {
    const { records, callsOf } = make();
    const { cookie } = JSON.parse(JSON.stringify(sessionOf(MINUTE))) as { cookie: object };
    const first = () => records.setAsync('a', sessionOf(MINUTE, { n: 1, old: true, same: [1, { a: null }] }));
    expect(await callsOf(first)).to.deep.include(['set', 'a', 'cookie', cookie, MINUTE]);
    const second = () => records.setAsync('a', sessionOf(MINUTE, { same: [1, { a: null }], n: 2, fresh: 3 }));
    expect(await callsOf(second)).to.deep.equal([
      ['getAll', 'a', MINUTE],
      ['del', 'a', 'old', MINUTE],
      ['set', 'a', 'n', 2, MINUTE],
      ['set', 'a', 'fresh', 3, MINUTE],
    ]);
    expect(await callsOf(() => records.setAsync('b', sessionOf(null)))).to.deep.include(['getAll', 'b', TTL]);
  });

  it('renews what it reads for as long as the cookie says, or ttl', async () => {
    const { records, callsOf, clock } = make();
    await records.setAsync('a', sessionOf(50 * TTL));
    await records.setAsync('b', sessionOf(null));
    clock.now += MINUTE;
    expect((await callsOf(() => records.getAsync('a'))).at(-1)).to.deep.equal(['extend', 'a', 50 * TTL - MINUTE]);
    expect((await callsOf(() => records.getAsync('b'))).at(-1)).to.deep.equal(['extend', 'b', TTL]);
  });

  it('misses a session whose time is over, and takes away one that is saved or touched past it', async () => {
    const { records, callsOf, clock } = make();
    await records.setAsync('a', sessionOf(MINUTE, { n: 1 }));
    clock.now += MINUTE - 1;
    expect(await records.getAsync('a')).to.include({ n: 1 });
    clock.now += 1;
    expect(await records.getAsync('a')).to.equal(undefined);
    await records.touchAsync('a', sessionOf(TTL));
    expect(await records.getAsync('a'), 'a touch revives nothing').to.equal(undefined);
    await records.setAsync('a', sessionOf(TTL, { m: 2 }));
    expect(await records.getAsync('a'), 'nothing of the dead one is left').to.have.all.keys('m', 'cookie');
    expect(await callsOf(() => records.touchAsync('a', sessionOf(MINUTE)))).to.deep.include(['delAll', 'a']);
    expect(await callsOf(() => records.setAsync('a', sessionOf(MINUTE)))).to.deep.equal([['delAll', 'a']]);
  });

  it('touches the cookie alone, and creates nothing', async () => {
    const { records, callsOf, values } = make();
    await records.touchAsync('a', sessionOf(MINUTE, { n: 1 }));
    expect(await values()).to.deep.equal({});
    await records.setAsync('a', sessionOf(MINUTE, { n: 1 }));
    const { cookie } = JSON.parse(JSON.stringify(sessionOf(TTL))) as { cookie: object };
    expect(await callsOf(() => records.touchAsync('a', sessionOf(TTL, { n: 2 })))).to.deep.equal([
      ['getAll', 'a', TTL],
      ['set', 'a', 'cookie', cookie, TTL],
    ]);
    expect(await values()).to.deep.equal({ n: 1, cookie });
  });

  it('reads what generic-session wrote, with a cookie that ends with the browser', async () => {
    const { records, callsOf, kept } = make();
    const keys = new GenericKeys(kept);
    await keys.set('a', '_session', true, MINUTE);
    const bare = { httpOnly: true, path: '/', originalMaxAge: null, expires: null };
    const reading = await callsOf(() => records.getAsync('a'));
    expect(reading, 'its life span is not ours to cut').to.deep.equal([['getAll', 'a', 14 * 86_400_000]]);
    expect(await records.getAsync('a')).to.deep.equal({ _session: true, cookie: bare });
    await keys.set('a', 'cookie', 'oatmeal', MINUTE);
    expect(await records.getAsync('a')).to.deep.equal({ _session: true, cookie: bare });
    await records.setAsync('a', sessionOf(MINUTE, { n: 1 }));
    expect(await keys.get('a', 'n', MINUTE)).to.equal(1);
  });

  it('lets one save end before the next begins', async () => {
    const { records, values } = make();
    const saves = [{ a: 1 }, { b: 2 }, { c: 3 }].map((data) => records.setAsync('a', sessionOf(MINUTE, data)));
    await Promise.all([...saves, records.getAsync('a')]);
    expect(await values()).to.have.all.keys('c', 'cookie');
  });

  it('rejects with what the store fails with, when it takes too long, and for what is no JSON', async () => {
    const { store } = make();
    const broken = new GenericRecords(
      {
        ...store,
        getAll: () => {
          throw new Error('of the store');
        },
        delAll: () => {},
      },
      new Expiry<SessionData>('spec', { ttl: TTL, now: () => START }),
      1,
    );
    expect((await failureOf(() => broken.getAsync('a'))).message).to.equal('of the store');
    expect((await failureOf(() => broken.setAsync('a', sessionOf(null)))).message).to.equal('of the store');
    expect(await failureOf(() => broken.destroyAsync('a'))).to.have.property('code', 'SESSILE_TIMEOUT');
    const cycle = sessionOf(null, { n: 1n });
    expect(await failureOf(() => broken.setAsync('a', cycle))).to.have.property('code', 'SESSILE_SERIALIZE');
  });

  it('writes over what cannot be read', async () => {
    const { records, kept, values } = make();
    (kept as unknown as { _cache: Map<string, string> })._cache.set('a', '{"cut off');
    await records.setAsync('a', sessionOf(MINUTE, { n: 1 }));
    expect(await values()).to.include({ n: 1 });
  });
});

describe('a store of generic-session’s kind, adopted', () => {
  it('is in one line with those who use it by key', async () => {
    const { kept, now } = make();
    const store = adopt(kept, { now });
    const keys = new GenericKeys(kept);
    await store.setAsync('a', sessionOf(MINUTE));
    const add = (n: unknown = 0) => (n as number) + 1;
    type Counted = SessionData & { n?: number };
    const steps = Array.from({ length: 20 }, (_, i) =>
      i % 2 === 0
        ? keys.update('a', 'n', add, MINUTE)
        : store.updateAsync('a', (found) => ({ ...found, n: add((found as Counted).n) }) as unknown as SessionData),
    );
    await Promise.all(steps);
    expect(await store.getAsync('a')).to.include({ n: 20 });
    await store.closeAsync();
  });
});
