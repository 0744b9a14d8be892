import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import type { SessionData } from 'express-session';
import { MemoryStore } from '../../lib/backends/memory.js';
import { CarriedRecords } from '../../lib/internal/carried-records.js';
import { KoaStore } from '../../lib/internal/koa-store.js';

const NOW = 1_700_000_000_000;
const HOUR = 3_600_000;

describe('KoaStore', () => {
  const now = () => NOW;
  let store: MemoryStore;
  let koa: KoaStore<SessionData>;

  beforeEach(() => {
    store = new MemoryStore({ now });
    koa = new KoaStore(new CarriedRecords<SessionData>(store), now);
  });

  afterEach(() => store.closeAsync());

  it('speaks to koa-session, which passes a third argument to get, in its form', async () => {
    const data = { cookie: 'chocolate', _expire: NOW + HOUR, _maxAge: HOUR };
    await koa.set('a', data, HOUR + 10_000, { ctx: {} });
    expect(await koa.get('a', undefined, { ctx: {} })).to.deep.equal(data);
    await koa.set('a', { _session: true }, 'session');
    expect(await koa.get('a', undefined, {})).to.deep.equal({ _session: true });
    await koa.set('a', data, HOUR);
    expect(await koa.get('a', undefined, {})).to.deep.equal({ ...data, _expire: NOW + HOUR });
  });

  it('speaks to koa-generic-session and koa-session-ts, which pass none, in theirs', async () => {
    const session = { n: 1, cookie: { maxAge: HOUR, signed: true } };
    await koa.set('a', session);
    expect(await koa.get('a')).to.deep.equal(session);
    await koa.set('a', session, 5);
    expect((await store.getAsync('a'))?.cookie.expires).to.deep.equal(new Date(NOW + 5));
  });

  it('ends a session for either', async () => {
    await koa.set('a', { cookie: {} });
    await koa.destroy('a');
    expect(await koa.get('a')).to.equal(undefined);
    expect(await koa.get('a', undefined, {})).to.equal(undefined);
  });

  it('forwards connect and disconnect of who has events under the names that it is told', () => {
    const source = new EventEmitter();
    const heard: string[] = [];
    koa.forward(source, { connect: 'UP', disconnect: 'DOWN' });
    for (const name of ['UP', 'DOWN', 'connect', 'disconnect']) koa.on(name, () => heard.push(name));
    source.emit('disconnect');
    source.emit('connect');
    expect(heard).to.deep.equal(['DOWN', 'UP']);
  });
});
