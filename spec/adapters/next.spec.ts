import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { SessionData } from 'express-session';
import nextSession from 'next-session';
import { type NextSession, type NextSessionStore, toNextSessionStore } from '../../lib/adapters/next.js';
import { MemoryStore } from '../../lib/backends/memory.js';
import type { AnyStore } from '../../lib/bridge.js';
import { crashesDuring } from '../conformance/calls.js';
import { Gate } from '../conformance/http/app.js';
import { failureOf } from '../support/folder.js';

type Fields = NextSession & Record<string, unknown>;
type Loaded = Awaited<ReturnType<ReturnType<typeof nextSession>>>;

const EXPIRES = new Date('2030-01-02T03:04:05.678Z');

describe('toNextSessionStore', () => {
  let store: MemoryStore;
  let face: NextSessionStore;
  const servers: Server[] = [];

  beforeEach(() => {
    store = new MemoryStore();
    face = toNextSessionStore(store);
  });

  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
    await store.closeAsync();
  });

  it('refuses what is no store, unknown options and an onError that is no function', () => {
    const wrong = [
      () => toNextSessionStore({} as AnyStore),
      () => toNextSessionStore(store, { onerror: () => {} } as object),
      () => toNextSessionStore(store, { onError: 1 as never }),
    ];
    for (const act of wrong) expect(act).to.throw(TypeError).with.property('code', 'SESSILE_MISUSE');
  });

  it('answers null where there is no session', async () => {
    expect(await face.get('none')).to.equal(null);
  });

  it('turns milliseconds into the seconds that next-session reckons with, and back', async () => {
    const stored = { path: '/app', httpOnly: false, secure: true, sameSite: 'lax' as const, expires: EXPIRES };
    await store.setAsync('a', { cookie: { ...stored, originalMaxAge: 90_500 }, user: 'ada' } as SessionData);
    const loaded = (await face.get('a')) as Fields;
    expect(loaded.cookie).to.deep.equal({ ...stored, maxAge: 90.5 });
    loaded['more'] = 1;
    await face.set('a', loaded);
    const { cookie, ...fields } = (await store.getAsync('a')) as SessionData;
    expect(cookie).to.deep.equal({ ...stored, originalMaxAge: 90_500 });
    expect(fields).to.deep.equal({ user: 'ada', more: 1 });
  });

  it('gives back each whole number of milliseconds as it was, so that no save counts as a change of the cookie', async () => {
    const cookie = { path: '/', httpOnly: true, secure: false, originalMaxAge: 2_007, expires: EXPIRES };
    await store.setAsync('a', { cookie } as SessionData);
    const loaded = (await face.get('a')) as Fields;
    await store.setAsync('a', { cookie: { ...cookie, path: '/theirs' } } as SessionData);
    loaded['more'] = 1;
    await face.set('a', loaded);
    expect((await store.getAsync('a'))?.cookie).to.deep.equal({ ...cookie, path: '/theirs' });
  });

  it('keeps a session without a date a session without a date', async () => {
    await face.set('a', { cookie: { path: '/', httpOnly: true, secure: false } });
    const { cookie } = (await store.getAsync('a')) as SessionData;
    expect(cookie).to.include({ originalMaxAge: null, expires: null }).and.not.have.property('maxAge');
    expect((await face.get('a'))?.cookie).to.deep.equal({ path: '/', httpOnly: true, secure: false });
  });

  it('saves what express-session can load, and loads what it saved', async () => {
    await face.set('a', {
      cookie: { path: '/', httpOnly: true, secure: false, maxAge: 60, expires: EXPIRES },
      user: 'ada',
    } as NextSession);
    const req = { sessionID: 'a', sessionStore: store } as unknown as Parameters<MemoryStore['createSession']>[0];
    const loaded = store.createSession(req, (await store.getAsync('a')) as SessionData);
    expect(loaded.cookie.originalMaxAge).to.equal(60_000);
    expect(loaded.cookie.expires).to.deep.equal(EXPIRES);
    await store.setAsync('a', loaded);
    expect(await face.get('a')).to.deep.include({ user: 'ada' });
  });

  it('takes a session that was saved without a cookie', async () => {
    await store.setAsync('a', { user: 'ada' } as unknown as SessionData);
    const loaded = (await face.get('a')) as Fields;
    expect(loaded).to.deep.equal({ user: 'ada', cookie: { path: '/', httpOnly: true, secure: false } });
  });

  it('keeps fields under the names of the methods that next-session adds, and shows them to nobody', async () => {
    const cookie = { originalMaxAge: null };
    await store.setAsync('a', { cookie, id: 'mine', touch: 1, user: 'ada' } as SessionData);
    const loaded = (await face.get('a')) as Fields;
    expect(loaded).to.have.all.keys('cookie', 'user');
    await face.set('a', Object.assign(loaded, { user: 'bob' }));
    expect(await store.getAsync('a')).to.include({ id: 'mine', touch: 1, user: 'bob' });
  });

  it('touches without writing the data', async () => {
    const fields = (expires: Date) =>
      ({ cookie: { path: '/', httpOnly: true, secure: false, maxAge: 60, expires }, n: 1 }) as unknown as NextSession;
    await face.set('a', fields(EXPIRES));
    const loaded = (await face.get('a')) as Fields;
    await store.updateAsync('a', (data) => data && ({ ...data, n: 2 } as SessionData));
    const later = new Date(EXPIRES.getTime() + 1_000);
    Object.assign(loaded.cookie, { expires: later });
    await face.touch('a', loaded);
    const found = (await store.getAsync('a')) as SessionData;
    expect(found).to.include({ n: 2 });
    expect(found.cookie.expires).to.deep.equal(later);
  });

  it('rejects what next-session hands to the app, and absorbs what it would crash with', async () => {
    const errors: unknown[] = [];
    const down = toNextSessionStore(store, { onError: (error) => errors.push(error) });
    const fresh: NextSession = { cookie: { path: '/', httpOnly: true, secure: false } };
    await store.closeAsync();
    expect(await failureOf(() => down.get('a'))).to.have.property('code', 'SESSILE_CLOSED');
    expect(await failureOf(() => down.destroy('a'))).to.have.property('code', 'SESSILE_CLOSED');
    await down.set('a', fresh);
    await down.touch('a', fresh);
    expect(errors.map((error) => (error as { code?: string }).code)).to.deep.equal(Array(2).fill('SESSILE_CLOSED'));
  });

  it("gives what it absorbs to the store's listeners of errors, and so it does what is no JSON", async () => {
    const told = once(store, 'error');
    await face.set('a', { cookie: { path: '/', httpOnly: true, secure: false }, n: 1n } as NextSession);
    const [error] = await told;
    expect(error).to.have.property('code', 'SESSILE_SERIALIZE');
  });

  /** A server whose route does what the path names. */
  async function serve(given: NextSessionStore, acts: Record<string, (loaded: Loaded) => unknown>) {
    const getSession = nextSession({ store: given });
    const server = createServer(async (req, res) => {
      const loaded = await getSession(req, res);
      await acts[req.url ?? '']?.(loaded);
      const { cookie: _, ...fields } = loaded;
      res.end(JSON.stringify(fields));
    }).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    let held = '';
    return async (path: string) => {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
      const answer = await fetch(url, { headers: held === '' ? {} : { cookie: held } });
      held = answer.headers.getSetCookie()[0]?.split(';')[0] ?? held;
      return (await answer.json()) as object;
    };
  }

  for (const [name, kept] of [
    ['keeps', { user: 'ada', a: 1, b: 1 }],
    ['over a store that overwrites it loses (control)', { user: 'ada', b: 1 }],
  ] as const) {
    it(`${name} what two requests at once set, also where one commits twice`, async () => {
      const [gateA, gateB] = [new Gate(), new Gate()];
      const given = name === 'keeps' ? face : toNextSessionStore(new MemoryStore({ concurrency: 'overwrite' }));
      const get = await serve(given, {
        '/login': (loaded) => Object.assign(loaded, { user: 'ada', cart: 1 }),
        '/a': async (loaded) => {
          await gateA.pass();
          loaded['a'] = 0;
          await loaded.commit();
          loaded['a'] = 1;
          await loaded.commit();
        },
        '/b': async (loaded) => {
          await gateB.pass();
          delete loaded['cart'];
          loaded['b'] = 1;
        },
      });
      await get('/login');
      const [a, b] = [get('/a'), get('/b')];
      await Promise.all([gateA.arrived(), gateB.arrived()]);
      gateA.open();
      await a;
      gateB.open();
      await b;
      expect(await get('/')).to.deep.equal(kept);
    });
  }

  it('ends a response whose session cannot be saved, and crashes nothing', async () => {
    const errors: unknown[] = [];
    const get = await serve(toNextSessionStore(store, { onError: (error) => errors.push(error) }), {
      '/login': async (loaded) => {
        loaded['user'] = 'ada';
        await store.closeAsync();
      },
    });
    const crashes = await crashesDuring(async () => {
      expect(await get('/login')).to.deep.equal({ user: 'ada' });
    });
    expect(crashes).to.deep.equal([]);
    expect(errors).to.have.length(1);
  });
});
