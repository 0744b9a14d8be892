import { EventEmitter, once } from 'node:events';
import { expect } from 'chai';
import session from 'express-session';
import { MemoryStore } from '../../lib/backends/memory.js';
import { genericMemoryStore, toGenericStore } from '../../lib/facade/generic-face.js';
import type { GenericStore } from '../../lib/internal/generic-store.js';
import { warnings } from '../support/process-events.js';

type Called = { error: unknown; value: unknown };
type Act = Exclude<keyof GenericStore, 'extend'>;

const START = Date.UTC(2030, 0, 1);

/** What a store calls back with, and that it does so once and later. */
function ask(store: GenericStore, act: Act, ...args: unknown[]): Promise<Called> {
  return new Promise((resolve, reject) => {
    let calls = 0;
    let returned = false;
    const callback = (error: unknown, value: unknown) => {
      calls += 1;
      if (calls > 1 || !returned) reject(new Error(`${act} called back ${calls} times, or at once`));
      setImmediate(() => resolve({ error, value }));
    };
    (store[act] as (...args: unknown[]) => void)(...args, callback);
    returned = true;
  });
}

describe('generic-face', () => {
  let time = START;
  const now = () => time;

  it('S4 row 75: has the six methods, each of which renews the session', async () => {
    for (const [expireUnit, minute] of [
      ['ms', 60_000],
      ['s', 60],
    ] as const) {
      const sessions = new MemoryStore({ now });
      const store = toGenericStore(sessions, { expireUnit, now });
      expect(store).to.have.all.keys('get', 'getAll', 'set', 'del', 'delAll', 'extend');
      const acts: (() => unknown)[] = [
        () => ask(store, 'set', 'a', 'k', { deep: [1] }, minute),
        () => ask(store, 'get', 'a', 'k', minute),
        () => ask(store, 'getAll', 'a', minute),
        () => ask(store, 'del', 'a', 'other', minute),
        () => store.extend('a', minute),
      ];
      for (const act of acts) {
        time += 59_999;
        await act();
        expect((await sessions.getAsync('a'))?.cookie.expires).to.deep.equal(new Date(time + 60_000));
      }
      expect(await ask(store, 'getAll', 'a', minute)).to.deep.equal({ error: null, value: { k: { deep: [1] } } });
      expect(await ask(store, 'delAll', 'a')).to.deep.equal({ error: null, value: undefined });
      expect(await sessions.lengthAsync()).to.equal(0);
    }
  });

  it('S4 row 75: reads, deletes and extends a session that is not there without making one', async () => {
    const sessions = new MemoryStore();
    const store = toGenericStore(sessions);
    expect(await ask(store, 'get', 'a', 'k', 1_000)).to.deep.equal({ error: null, value: undefined });
    expect(await ask(store, 'getAll', 'a', 1_000)).to.deep.equal({ error: null, value: {} });
    expect((await ask(store, 'del', 'a', 'k', 1_000)).error).to.equal(null);
    expect((await ask(store, 'delAll', 'a')).error).to.equal(null);
    expect(store.extend('a', 1_000)).to.equal(undefined);
    expect(await sessions.lengthAsync()).to.equal(0);
  });

  it('keeps a Date, null and undefined as JSON does, taken at the moment of the call', async () => {
    const store = toGenericStore(new MemoryStore());
    const value = { at: new Date(0), list: [1] };
    const saved = ask(store, 'set', 'a', 'k', value, 1_000);
    value.list.push(2);
    await saved;
    await ask(store, 'set', 'a', 'null', null, 1_000);
    await ask(store, 'set', 'a', 'gone', 1, 1_000);
    await ask(store, 'set', 'a', 'gone', undefined, 1_000);
    const kept = { k: { at: '1970-01-01T00:00:00.000Z', list: [1] }, null: null };
    expect((await ask(store, 'getAll', 'a', 1_000)).value).to.deep.equal(kept);
  });

  it('serves any store for express-session', async () => {
    const store = toGenericStore(new session.MemoryStore());
    await Promise.all(Array.from({ length: 20 }, (_, i) => ask(store, 'set', 'a', `k${i}`, i, 60_000)));
    expect(Object.keys((await ask(store, 'getAll', 'a', 60_000)).value as object)).to.have.length(20);
  });

  it('calls back with what fails; what has no callback is an event, or a warning', async () => {
    const sessions = new MemoryStore();
    const store = toGenericStore(sessions);
    expect((await ask(store, 'set', 'a', 'k', 1, 'soon')).error).to.have.property('code', 'SESSILE_MISUSE');
    expect((await ask(store, 'set', 'a', 'k', 1n, 1_000)).error).to.have.property('code', 'SESSILE_SERIALIZE');
    await sessions.closeAsync();
    expect((await ask(store, 'get', 'a', 'k', 1_000)).error).to.have.property('code', 'SESSILE_CLOSED');
    const emitted = once(sessions, 'error');
    store.extend('a', 1_000);
    expect((await emitted)[0]).to.have.property('code', 'SESSILE_CLOSED');

    const silent = { updateAsync: fail, destroyAsync: fail, get() {}, set() {}, destroy() {} };
    const told = await warnings(() => {
      toGenericStore(silent).extend('a', 1_000);
      (toGenericStore(silent).delAll as (id: string) => void)('a');
    });
    expect(told.map(({ code }) => code)).to.deep.equal(['EFACE']);
    function fail(): Promise<never> {
      return Promise.reject(Object.assign(new Error(), { code: 'EFACE' }));
    }
  });

  it('refuses wrong options', () => {
    for (const options of [{ expireUnit: 'min' }, { unit: 's' }, { now: 1 }, null]) {
      expect(() => toGenericStore(new MemoryStore(), options as never)).to.throw(TypeError);
    }
    expect(() => toGenericStore(new EventEmitter() as never)).to.throw(TypeError, 'must have get');
  });

  it('S4 row 77: its MemoryStore can be called with and without new, and has ages of its own', async () => {
    const made = genericMemoryStore({ cache: { maxAge: 1_000 }, now });
    await ask(made, 'set', 'a', 'k', 1, 1);
    time += 999;
    expect((await ask(made, 'get', 'a', 'k', 1)).value).to.equal(1);
    time += 999;
    made.extend('a', 1);
    time += 999;
    expect((await ask(made, 'getAll', 'a', 1)).value).to.deep.equal({ k: 1 });
    time += 1_000;
    expect((await ask(made, 'get', 'a', 'k', 1)).value).to.equal(undefined);
    const constructed = new (genericMemoryStore as unknown as new () => GenericStore)();
    await ask(constructed, 'set', 'a', 'k', 1, 1);
    expect((await ask(constructed, 'get', 'a', 'k', 1)).value).to.equal(1);
  });
});
