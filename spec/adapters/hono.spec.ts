import { once } from 'node:events';
import { type SessionEnv, useSession, useSessionStorage } from '@hono/session';
import { expect } from 'chai';
import session, { type SessionData } from 'express-session';
import { Hono } from 'hono';
import { type HonoStorageOptions, toHonoStorage } from '../../lib/adapters/hono.js';
import { MemoryStore } from '../../lib/backends/memory.js';
import type { AnyStore, ExpressStore } from '../../lib/bridge.js';
import { crashesDuring, settle } from '../conformance/calls.js';
import { Gate } from '../conformance/http/app.js';
import { failureOf } from '../support/folder.js';

type Fields = Record<string, unknown>;

const NOW = 1_900_000_000_000;

describe('toHonoStorage', () => {
  let store: MemoryStore;

  beforeEach(() => {
    store = new MemoryStore({ now: () => NOW });
  });

  afterEach(() => store.closeAsync());

  const storage = (given: AnyStore | MemoryStore = store, options: HonoStorageOptions = {}) =>
    toHonoStorage<Fields>(given, { now: () => NOW, ...options })(undefined);

  it('refuses what is no store, unknown options and wrong values', () => {
    const wrong = [
      () => storage({} as AnyStore),
      () => storage(store, { tll: 5 } as object),
      () => storage(store, { ttl: 0 }),
      () => storage(store, { onError: 1 as never }),
      () => storage(store, { now: 1 as never }),
    ];
    for (const act of wrong) expect(act).to.throw(TypeError).with.property('code', 'SESSILE_MISUSE');
  });

  it('keeps, answers and removes what it is given, and answers null where there is nothing', async () => {
    const { get, set, delete: remove } = bound(storage());
    expect(await get('a')).to.equal(null);
    set('a', { user: 'ada' });
    expect(await get('a')).to.deep.equal({ user: 'ada' });
    remove('a');
    expect(await get('a')).to.equal(null);
  });

  it('keeps a field that is called cookie, or __proto__', async () => {
    const fields = JSON.parse('{"cookie":"oat","~cookie":1,"__proto__":{"a":1}}') as Fields;
    const one = storage();
    one.set('a', fields);
    expect(JSON.stringify(await one.get('a'))).to.equal(JSON.stringify(fields));
  });

  it('lets a session live for ttl after its last save, and without one for the time of the store', async () => {
    storage(store, { ttl: 5_000 }).set('a', {});
    storage().set('b', {});
    const [a, b] = [await store.getAsync('a'), await store.getAsync('b')];
    expect(a?.cookie).to.deep.include({
      originalMaxAge: 5_000,
      expires: new Date(NOW + 5_000),
      httpOnly: true,
      path: '/',
    });
    expect(b?.cookie).to.deep.include({ originalMaxAge: null, expires: null });
  });

  it('leaves the cookie that another framework gave the session what it is, and renews its date', async () => {
    const cookie = { originalMaxAge: 9_000, expires: new Date(NOW + 1), secure: true, path: '/app', httpOnly: true };
    await store.setAsync('a', { cookie, user: 'ada' } as SessionData);
    const one = storage();
    one.set('a', { ...(await one.get('a')), more: 1 });
    expect(await store.getAsync('a')).to.deep.equal({
      cookie: { ...cookie, expires: new Date(NOW + 9_000) },
      user: 'ada',
      more: 1,
    });
  });

  it('merges what two requests save that loaded the same, and takes the later state where one loads again', async () => {
    storage().set('a', { user: 'ada', cart: 1 });
    const [one, two] = [storage(), storage()];
    const [first, second] = [await one.get('a'), await two.get('a')];
    one.set('a', { ...first, one: 1 });
    const { cart: _, ...rest } = second ?? {};
    two.set('a', { ...rest, two: 2 });
    expect(await storage().get('a')).to.deep.equal({ user: 'ada', one: 1, two: 2 });
    const again = await one.get('a');
    expect(again).to.deep.equal({ user: 'ada', one: 1, two: 2 });
    one.set('a', { user: 'bob' });
    expect(await storage().get('a')).to.deep.equal({ user: 'bob' });
  });

  it('does not bring a session back that was removed after it was loaded', async () => {
    storage().set('a', { user: 'ada' });
    const late = storage();
    const loaded = await late.get('a');
    storage().delete('a');
    late.set('a', { ...loaded, late: 1 });
    expect(await storage().get('a')).to.equal(null);
  });

  it("answers what another's slow store has not stored yet, as it was when it was asked for", async () => {
    const slow = new SlowStore();
    const one = storage(slow);
    const cart = [1];
    one.set('a', { cart });
    one.set('a', { cart, n: 2 });
    cart.push(2);
    const read = storage(slow).get('a');
    await slow.finish();
    expect(await read).to.deep.equal({ cart: [1], n: 2 });
    one.delete('a');
    const gone = one.get('a');
    await slow.finish();
    expect(await gone).to.equal(null);
  });

  it('rejects a read that fails, and absorbs a save and a removal that nobody waits for', async () => {
    const errors: { code?: unknown }[] = [];
    const one = storage(store, { onError: (error) => errors.push(error as { code?: unknown }) });
    await store.closeAsync();
    const crashes = await crashesDuring(async () => {
      expect(await failureOf(() => one.get('a'))).to.have.property('code', 'SESSILE_CLOSED');
      one.set('a', {});
      one.delete('a');
      await settle();
    });
    expect(crashes).to.deep.equal([]);
    expect(errors.map(({ code }) => code)).to.deep.equal(['SESSILE_CLOSED', 'SESSILE_CLOSED']);
  });

  for (const [name, make] of [
    ['a store of ours', () => new MemoryStore()],
    ["another's", () => new session.MemoryStore()],
  ] as const) {
    it(`gives what it absorbs to the listeners of ${name}: what is no JSON, say`, async () => {
      const given = make();
      const told = once(given, 'error');
      storage(given).set('a', { n: 1n });
      expect((await told)[0]).to.be.instanceOf(Error);
      if (given instanceof MemoryStore) await given.closeAsync();
    });
  }

  it('keeps in @hono/session what two requests at once set', async () => {
    const gates = { '/a': new Gate(), '/b': new Gate() };
    const app = new Hono<SessionEnv<Fields>>();
    app.use(useSessionStorage(toHonoStorage(store, { now: () => NOW })));
    app.use(useSession<Fields>({ secret: 'x'.repeat(32) }));
    app.get('/login', async (c) => {
      await c.var.session.update({ user: 'ada' });
      return c.text('');
    });
    app.get('/:key{[ab]}', async (c) => {
      const fields = await c.var.session.get();
      await gates[c.req.path as '/a'].pass();
      await c.var.session.update((latest) => ({ ...latest, [c.req.param('key')]: fields?.['user'] }));
      return c.text('');
    });
    app.get('/', async (c) => c.json(await c.var.session.get()));
    const cookie = (await app.request('/login')).headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const get = async (path: string) => app.request(path, { headers: { cookie } });
    const answers = [get('/a'), get('/b')];
    await Promise.all(Object.values(gates).map((gate) => gate.arrived()));
    for (const gate of Object.values(gates)) gate.open();
    await Promise.all(answers);
    expect(await (await get('/')).json()).to.deep.equal({ user: 'ada', a: 'ada', b: 'ada' });
  });
});

function bound<T extends object>(object: T): T {
  return new Proxy(object, { get: (target, name) => (Reflect.get(target, name) as () => unknown).bind(target) });
}

/** Answers, and writes, when it is told to, the latest call first. */
class SlowStore implements ExpressStore {
  readonly #sessions = new Map<string, string>();
  #waiting: (() => void)[] = [];

  get(sid: string, callback: (error?: unknown, session?: SessionData) => void): void {
    this.#waiting.push(() => {
      const text = this.#sessions.get(sid);
      callback(null, text === undefined ? undefined : JSON.parse(text));
    });
  }

  set(sid: string, data: SessionData, callback?: (error?: unknown) => void): void {
    const text = JSON.stringify(data);
    this.#waiting.push(() => {
      this.#sessions.set(sid, text);
      callback?.();
    });
  }

  destroy(sid: string, callback?: (error?: unknown) => void): void {
    this.#waiting.push(() => {
      this.#sessions.delete(sid);
      callback?.();
    });
  }

  async finish(): Promise<void> {
    do {
      for (const act of this.#waiting.splice(0).reverse()) act();
      await settle();
    } while (this.#waiting.length > 0);
  }
}
