import { expect } from 'chai';
import { MemoryStore } from '../../lib/backends/memory.js';
import { recordsIn } from '../../lib/internal/session-records.js';

const NOW = 1_900_000_000_000;
const SECONDS = NOW / 1_000;

describe('recordsIn', () => {
  const open = () => {
    const clock = { now: NOW };
    const store = new MemoryStore({ now: () => clock.now });
    return { clock, store, records: recordsIn(store, { now: () => clock.now }) };
  };

  it('keeps a record as a session whose cookie has its deadline, in ms', async () => {
    const { store, records } = open();
    const data = { user: 'ada', cookie: 'mine', '~cookie': 1 };
    await records.set('a', data, SECONDS + 60);
    expect(await store.getAsync('a')).to.deep.equal({
      cookie: { originalMaxAge: 60_000, expires: new Date(NOW + 60_000), path: '/', httpOnly: true, sameSite: 'lax' },
      user: 'ada',
      '~cookie': 'mine',
      '~~cookie': 1,
    });
    expect(await records.get('a')).to.deep.equal({ data, expiresAt: SECONDS + 60 });
    await records.delete('a');
    expect(await records.get('a')).to.equal(undefined);
  });

  it('keeps a record without a deadline for as long as the store does', async () => {
    const { clock, records } = open();
    await records.set('a', {});
    expect(await records.get('a')).to.deep.equal({ data: {} });
    clock.now += 86_400_000;
    expect(await records.get('a')).to.equal(undefined);
  });

  it('touches without changing the data, and creates nothing', async () => {
    const { records } = open();
    await records.touch?.('a', SECONDS + 60);
    expect(await records.get('a')).to.equal(undefined);
    await records.set('a', { x: 1 }, SECONDS + 10);
    await records.touch?.('a', SECONDS + 60);
    expect(await records.get('a')).to.deep.equal({ data: { x: 1 }, expiresAt: SECONDS + 60 });
  });

  it('loses no update', async () => {
    const { records } = open();
    await records.set('a', { n: 0 }, SECONDS + 10);
    const add = () => records.update?.('a', (found) => found && { data: { n: (found.data['n'] as number) + 1 } });
    await Promise.all(Array.from({ length: 5 }, add));
    expect(await records.get('a')).to.deep.equal({ data: { n: 5 } });
  });

  it('keeps a new session with the attributes that the browser is sent, and a former one with its own', async () => {
    const { store } = open();
    const cookie = { path: '/app', secure: true, sameSite: 'Strict' };
    const records = recordsIn(store, { now: () => NOW, cookie });
    await records.set('new', {}, SECONDS + 60);
    expect((await store.getAsync('new'))?.cookie).to.include({ path: '/app', secure: true, sameSite: 'strict' });
    const theirs = { originalMaxAge: 5_000, expires: new Date(NOW + 5_000), secure: true, sameSite: 'none' as const };
    await store.setAsync('theirs', { cookie: theirs });
    const plain = recordsIn(store, { now: () => NOW });
    await plain.update?.('theirs', () => ({ data: { n: 1 }, expiresAt: SECONDS + 60 }));
    await plain.touch?.('theirs', SECONDS + 70);
    const { cookie: kept } = (await store.getAsync('theirs')) ?? {};
    expect(kept).to.include({ originalMaxAge: 70_000, secure: true, sameSite: 'none' });
  });

  it('reads a session that something else has stored, and leaves it alone where nothing changes', async () => {
    const { store, records } = open();
    const session = { cookie: { originalMaxAge: null, secure: true }, user: 'ada' };
    await store.setAsync('a', session as never);
    expect(await records.get('a')).to.deep.equal({ data: { user: 'ada' } });
    await records.update?.('a', (record) => record);
    expect(await store.getAsync('a')).to.have.nested.property('cookie.secure', true);
  });
});
