import { expect } from 'chai';
import type { SessionData } from 'express-session';
import { MemoryStore } from '../../lib/backends/memory.js';
import { isAtomicStore, RecordKeys } from '../../lib/facade/record-keys.js';
import { generate, load, mount, save } from '../support/real-session.js';

const START = Date.UTC(2030, 0, 1);

describe('record-keys', () => {
  const now = () => START;

  it('leaves a session that express-session reads, touches and lets expire', async () => {
    let time = START;
    const store = new MemoryStore({ now: () => time });
    mount(store);
    await new RecordKeys(store, () => time).set('a', 'user', 'ada', 60_000);
    const session = await load(store, 'a');
    expect(session['user']).to.equal('ada');
    expect(session.cookie).to.include({ originalMaxAge: 60_000, httpOnly: true, path: '/' });
    expect(session.cookie.expires).to.deep.equal(new Date(START + 60_000));
    session['visits'] = 1;
    await save(session);
    expect(await new RecordKeys(store, () => time).getAll('a', 60_000)).to.deep.equal({ user: 'ada', visits: 1 });
    time += 60_000;
    expect(await store.lengthAsync()).to.equal(0);
  });

  it('reads what express-session wrote, and leaves its cookie the attributes that the browser has', async () => {
    const start = Date.now();
    const now = () => start;
    const store = new MemoryStore({ now });
    mount(store, { secure: true, sameSite: 'strict', path: '/app', maxAge: 30_000 });
    const session = generate(store);
    session['a'] = 1;
    await save(session);
    const keys = new RecordKeys(store, now);
    expect(await keys.get(session.id, 'a', 60_000)).to.equal(1);
    await keys.del(session.id, 'a', 60_000);
    const stored = (await store.getAsync(session.id)) as SessionData;
    expect(stored.cookie).to.include({ secure: true, sameSite: 'strict', path: '/app', originalMaxAge: 60_000 });
    expect(stored.cookie.expires).to.deep.equal(new Date(start + 60_000));
    expect(await keys.getAll(session.id, 60_000)).to.deep.equal({});
  });

  it('never gives the cookie away, nor lets it be set', async () => {
    const store = new MemoryStore({ now });
    const keys = new RecordKeys(store, now);
    await keys.set('a', 'x', 1, 1_000);
    expect(await keys.get('a', 'cookie', 1_000)).to.equal(undefined);
    await keys.del('a', 'cookie', 1_000);
    await keys.set('a', 'cookie', { path: '/evil' }, 1_000);
    expect(await keys.update('a', 'cookie', (cookie) => cookie, 1_000)).to.deep.equal({ path: '/evil' });
    expect(await keys.getAll('a', 1_000)).to.deep.equal({ x: 1, cookie: { path: '/evil' } });
    expect((await store.getAsync('a'))?.cookie).to.include({ path: '/', originalMaxAge: 1_000 });
  });

  it('is one atomic update for each act', async () => {
    const calls: string[] = [];
    const store = new MemoryStore({ now });
    const counted = {
      updateAsync: (...args: Parameters<MemoryStore['updateAsync']>) => {
        calls.push('update');
        return store.updateAsync(...args);
      },
      destroyAsync: (sid: string) => {
        calls.push('destroy');
        return store.destroyAsync(sid);
      },
    };
    const keys = new RecordKeys(counted, now);
    await keys.set('a', 'k', 1, 1_000);
    await keys.get('a', 'k', 1_000);
    await keys.getAll('a', 1_000);
    await keys.extend('a', 1_000);
    await keys.update('a', 'k', () => 2, 1_000);
    await keys.del('a', 'k', 1_000);
    await keys.delAll('a');
    expect(calls).to.deep.equal([...Array(6).fill('update'), 'destroy']);
  });

  it('knows a store that has what it needs', () => {
    expect(isAtomicStore(new MemoryStore())).to.equal(true);
    for (const other of [undefined, null, {}, { updateAsync() {} }, new Map()]) {
      expect(isAtomicStore(other)).to.equal(false);
    }
  });
});
