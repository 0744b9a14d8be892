import { expect } from 'chai';
import type { SessionData } from 'express-session';
import { MemoryStore } from '../../lib/backends/memory.js';
import { CarriedRecords } from '../../lib/internal/carried-records.js';

const record = (data: object) =>
  ({ ...data, cookie: { originalMaxAge: null, expires: null } }) as unknown as SessionData;
const own = (session: object | undefined) => {
  const { cookie: _, ...rest } = (session ?? {}) as { cookie?: unknown };
  return rest;
};

describe('CarriedRecords', () => {
  let store: MemoryStore;
  let records: CarriedRecords<SessionData>;

  beforeEach(async () => {
    store = new MemoryStore();
    records = new CarriedRecords(store);
    await store.setAsync('a', record({ user: 'ada', n: 1 }));
  });

  afterEach(() => store.closeAsync());

  const loadedBy = async (holder: object, sid = 'a') => {
    records.hold(sid, (await records.load(sid)) as SessionData, holder);
    return holder;
  };

  it('merges what two holders save', async () => {
    const [one, two] = [await loadedBy({}), await loadedBy({})];
    await records.save('a', record({ user: 'ada', n: 2 }), one);
    await records.save('a', record({ n: 1, more: true }), two);
    expect(own(await store.getAsync('a'))).to.deep.equal({ n: 2, more: true });
  });

  it('starts each save from the one before, also from one that is under way', async () => {
    const one = await loadedBy({});
    const saves = [records.save('a', record({ n: 2, passing: 1 }), one), records.save('a', record({ n: 2 }), one)];
    await Promise.all(saves);
    await store.updateAsync('a', (session) => record({ ...session, theirs: true }));
    await records.save('a', record({ n: 3 }), one);
    expect(own(await store.getAsync('a'))).to.deep.equal({ n: 3, theirs: true });
  });

  it('drops what is saved after the end, by whoever it was ended', async () => {
    const [one, two] = [await loadedBy({}), await loadedBy({})];
    await records.end('a');
    await records.save('a', record({ n: 2 }), one);
    await records.save('a', record({ n: 2 }), two);
    expect(await store.getAsync('a')).to.equal(undefined);
  });

  it('keeps what one holder loaded under several ids apart', async () => {
    await store.setAsync('b', record({ user: 'bob' }));
    const one = await loadedBy(await loadedBy({}), 'b');
    expect(own(records.loadedBy('a', one))).to.deep.equal({ user: 'ada', n: 1 });
    expect(own(records.loadedBy('b', one))).to.deep.equal({ user: 'bob' });
    expect(records.loadedBy('c', one)).to.equal(undefined);
    expect(records.loadedBy('a', undefined)).to.equal(undefined);
    await records.save('b', record({ user: 'bob', n: 1 }), one);
    expect(own(await store.getAsync('a'))).to.deep.equal({ user: 'ada', n: 1 });
    expect(own(await store.getAsync('b'))).to.deep.equal({ user: 'bob', n: 1 });
  });

  it('writes what nobody loaded as it is', async () => {
    await records.save('a', record({ other: true }), {});
    await records.save('b', record({ other: true }));
    expect(own(await store.getAsync('a'))).to.deep.equal({ other: true });
    expect(own(await store.getAsync('b'))).to.deep.equal({ other: true });
  });

  it('keeps a key that is called __proto__', async () => {
    const one = await loadedBy({});
    await records.save('a', record(JSON.parse('{"__proto__":{"x":1}}') as object), one);
    expect(JSON.stringify(own(await store.getAsync('a')))).to.equal('{"__proto__":{"x":1}}');
  });
});
