import cookie from '@fastify/cookie';
import fastifySession, { type FastifySessionOptions } from '@fastify/session';
import { expect } from 'chai';
import session, { type SessionData } from 'express-session';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { toFastifyStore } from '../../lib/adapters/fastify.js';
import { MemoryStore } from '../../lib/backends/memory.js';
import type { AnyStore } from '../../lib/bridge.js';
import { Gate } from '../conformance/http/app.js';

type Act = (req: FastifyRequest & { session: Record<string, unknown> }) => unknown;

/** Notes which of a store's methods wrote. */
class NotingStore extends MemoryStore {
  readonly calls: string[] = [];

  override setAsync(sid: string, data: SessionData): Promise<void> {
    this.calls.push('set');
    return super.setAsync(sid, data);
  }

  override touchAsync(sid: string, data: SessionData): Promise<void> {
    this.calls.push('touch');
    return super.touchAsync(sid, data);
  }
}

describe('toFastifyStore', () => {
  let store: NotingStore;
  const apps: FastifyInstance[] = [];

  beforeEach(() => {
    store = new NotingStore();
  });

  afterEach(async () => {
    for (const app of apps.splice(0)) await app.close();
    await store.closeAsync();
  });

  /** An app that does what the path names, and a request to it with the cookie of the answer before. */
  async function appOn(given: FastifySessionOptions['store'] & object, acts: Record<string, Act>, more = {}) {
    const app = fastify();
    apps.push(app);
    await app.register(cookie);
    const usual = { secret: 'x'.repeat(32), cookie: { maxAge: 60_000, secure: false }, saveUninitialized: false };
    await app.register(fastifySession, { ...usual, store: given, ...more });
    for (const [path, act] of Object.entries(acts)) {
      app.get(path, async (req) => {
        await act(req as never);
        const { cookie: _, ...fields } = req.session ?? {};
        return fields;
      });
    }
    let held = '';
    const get = async (path: string) => {
      const answer = await app.inject({ url: path, headers: held === '' ? {} : { cookie: held } });
      const set = answer.headers['set-cookie'];
      if (set) held = String(set).split(';')[0] ?? '';
      return { status: answer.statusCode, body: answer.json(), setCookie: set };
    };
    return get;
  }

  const put =
    (fields: object): Act =>
    (req) =>
      Object.assign(req.session, fields);
  const nothing: Act = () => {};
  const onlySession = async () => {
    const [[sid, data] = []] = Object.entries(await store.allAsync());
    return { sid: sid as string, data: data as unknown as Record<string, unknown> };
  };

  it('refuses what is no store', () => {
    expect(() => toFastifyStore({} as AnyStore))
      .to.throw(TypeError)
      .with.property('code', 'SESSILE_MISUSE');
  });

  for (const [name, wrap, kept] of [
    ['keeps', toFastifyStore, { user: 'ada', a: 1, b: 1 }],
    [
      'without it fastify loses (control)',
      (given: MemoryStore) => given as unknown as ReturnType<typeof toFastifyStore>,
      { user: 'ada', b: 1 },
    ],
  ] as const) {
    it(`${name} what two requests at once set`, async () => {
      const [gateA, gateB] = [new Gate(), new Gate()];
      const get = await appOn(wrap(store), {
        '/login': put({ user: 'ada' }),
        '/a': async (req) => {
          await gateA.pass();
          put({ a: 1 })(req);
        },
        '/b': async (req) => {
          await gateB.pass();
          put({ b: 1 })(req);
        },
        '/': nothing,
      });
      await get('/login');
      const [a, b] = [get('/a'), get('/b')];
      await Promise.all([gateA.arrived(), gateB.arrived()]);
      gateA.open();
      await a;
      gateB.open();
      await b;
      expect((await get('/')).body).to.deep.equal(kept);
    });
  }

  it('keeps a deletion, and what others saved between two saves of one request', async () => {
    const gate = new Gate();
    const get = await appOn(toFastifyStore(store), {
      '/login': put({ user: 'ada', cart: 1 }),
      '/twice': async (req) => {
        delete req.session['cart'];
        await (req as FastifyRequest).session.save();
        await gate.pass();
        put({ late: 1 })(req);
      },
      '/other': put({ other: 1 }),
      '/': nothing,
    });
    await get('/login');
    const twice = get('/twice');
    await gate.arrived();
    expect((await get('/other')).body).to.deep.equal({ user: 'ada', other: 1 });
    gate.open();
    await twice;
    expect((await get('/')).body).to.deep.equal({ user: 'ada', other: 1, late: 1 });
  });

  it('starts from what it read when a request reloads, and writes nothing where that was nothing', async () => {
    const get = await appOn(toFastifyStore(store), {
      '/login': put({ user: 'ada' }),
      '/reload': async (req) => {
        await store.updateAsync((req as FastifyRequest).session.sessionId, (data) => data && { ...data, other: 1 });
        await (req as FastifyRequest).session.reload();
        put({ mine: 1 })(req);
      },
      '/gone': async (req) => {
        await store.destroyAsync((req as FastifyRequest).session.sessionId);
        await (req as FastifyRequest).session.reload();
        put({ mine: 2 })(req);
      },
    });
    await get('/login');
    expect((await get('/reload')).body).to.deep.equal({ user: 'ada', other: 1, mine: 1 });
    expect((await onlySession()).data).to.include({ user: 'ada', other: 1, mine: 1 });
    await get('/gone');
    expect(await store.lengthAsync()).to.equal(0);
  });

  it('touches a session that a request did not change where fastify would write it, and moves its deadline', async () => {
    let offset = 0;
    const realNow = Date.now;
    Date.now = () => realNow() + offset;
    store = new NotingStore({ now: () => Date.now() });
    try {
      const get = await appOn(toFastifyStore(store), { '/login': put({ user: 'ada' }), '/': nothing });
      await get('/login');
      for (let times = 0; times < 3; times += 1) {
        offset += 50_000;
        const { body, setCookie } = await get('/');
        expect(body).to.deep.equal({ user: 'ada' });
        expect(setCookie).to.be.a('string');
      }
      expect(store.calls).to.deep.equal(['set', 'touch', 'touch', 'touch']);
    } finally {
      Date.now = realNow;
    }
  });

  it('writes a new session that nobody changed, and one that was regenerated', async () => {
    const get = await appOn(
      toFastifyStore(store),
      { '/': nothing, '/again': (req) => (req as FastifyRequest).session.regenerate() },
      { saveUninitialized: true },
    );
    await get('/');
    const before = await store.idsAsync();
    expect(before).to.have.length(1);
    await get('/again');
    const after = await store.idsAsync();
    expect(after).to.have.length(1);
    expect(after).not.to.deep.equal(before);
  });

  it("keeps the app's change of the cookie in a request that changes nothing else", async () => {
    const get = await appOn(toFastifyStore(store), {
      '/login': put({ user: 'ada' }),
      '/remember': (req) => (req as FastifyRequest).session.options({ maxAge: 3_600_000 }),
    });
    await get('/login');
    await get('/remember');
    const { data } = await onlySession();
    expect(data['cookie']).to.include({ originalMaxAge: 3_600_000 }).and.not.have.property('originalExpires');
  });

  it('lets a session end as early as the app says by the date of its cookie', async () => {
    const soon = new Date(Date.now() + 10_000);
    const get = await appOn(toFastifyStore(store), {
      '/login': put({ user: 'ada' }),
      '/soon': (req) => {
        Object.assign(req.session, { last: true });
        (req as FastifyRequest).session.cookie.expires = soon;
      },
    });
    await get('/login');
    await get('/soon');
    const { data } = await onlySession();
    expect(data).to.include({ user: 'ada', last: true });
    expect(data['cookie']).to.deep.include({ expires: soon });
  });

  it('leaves alone the keys that fastify takes for its own, and gives them to no other session', async () => {
    const get = await appOn(toFastifyStore(store), {
      '/login': put({ user: 'ada' }),
      '/more': put({ more: 1 }),
      '/again': (req) => (req as FastifyRequest).session.regenerate(['user']),
    });
    await get('/login');
    const { sid } = await onlySession();
    const own = JSON.parse('{"sessionId":"mine","encryptedSessionId":"mine","__proto__":{"admin":true}}');
    await store.updateAsync(sid, (data) => Object.fromEntries(Object.entries({ ...data, ...own })) as never);
    await get('/more');
    const text = JSON.stringify((await onlySession()).data);
    expect(text).to.include('"__proto__":{"admin":true}').and.include('"sessionId":"mine"').and.include('"more":1');
    await get('/again');
    const regenerated = JSON.stringify((await onlySession()).data);
    expect(regenerated).to.include('"user":"ada"').and.not.include('mine').and.not.include('admin');
  });

  it('loads a session that another framework saved without a cookie', async () => {
    const get = await appOn(toFastifyStore(store), { '/login': put({ user: 'ada' }), '/more': put({ more: 1 }) });
    await get('/login');
    const { sid } = await onlySession();
    await store.setAsync(sid, { user: 'bob' } as unknown as SessionData);
    expect((await get('/more')).body).to.deep.equal({ user: 'bob', more: 1 });
    expect((await onlySession()).data['cookie']).to.include({ originalMaxAge: 60_000 });
  });

  it("runs another's store, and adopts it", async () => {
    const theirs = new session.MemoryStore();
    const get = await appOn(toFastifyStore(theirs), {
      '/login': put({ user: 'ada' }),
      '/late': async (req) => {
        await new Promise((resolve) => theirs.clear(resolve));
        put({ late: 1 })(req);
      },
      '/': nothing,
    });
    await get('/login');
    expect((await get('/')).body).to.deep.equal({ user: 'ada' });
    await get('/late');
    expect((await get('/')).body).to.deep.equal({});
  });

  it('takes ENOENT for "no session" and answers 500 for any other failure', async () => {
    const failing = (code: string): AnyStore => ({
      get: (_sid, callback) => callback(Object.assign(new Error('no'), { code })),
      set: (_sid, _data, callback) => callback?.(Object.assign(new Error('no'), { code })),
      destroy: (_sid, callback) => callback?.(),
    });
    const good = await appOn(toFastifyStore(store), { '/login': put({ user: 'ada' }) });
    const held = String((await good('/login')).setCookie).split(';')[0] as string;
    for (const [code, status] of [
      ['ENOENT', 200],
      ['EIO', 500],
    ] as const) {
      await appOn(toFastifyStore(failing(code)), { '/': nothing });
      const answer = await (apps.at(-1) as FastifyInstance).inject({ url: '/', headers: { cookie: held } });
      expect(answer.statusCode).to.equal(status);
    }
    const get = await appOn(toFastifyStore(failing('EIO')), { '/login': put({ user: 'ada' }) });
    expect((await get('/login')).status).to.equal(500);
  });
});
