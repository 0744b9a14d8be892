import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { expect } from 'chai';
import express from 'express';
import session, {
  type CookieOptions,
  type Session,
  type SessionData,
  type SessionOptions,
  Store,
} from 'express-session';
import request from 'supertest';
import { borrowingStore, StoreBase, storeFrom } from '../../lib/internal/express-store.js';

type StoreClass = abstract new () => Store;
type Callback = (error?: unknown, data?: SessionData | null) => void;

/** The least store: JSON texts in a Map, over whichever class is to be tried. */
function keepingStore(Base: StoreClass) {
  return class extends Base {
    readonly kept = new Map<string, string>();

    override get(sid: string, callback: Callback): void {
      const text = this.kept.get(sid);
      process.nextTick(callback, null, text === undefined ? null : (JSON.parse(text) as SessionData));
    }

    override set(sid: string, given: SessionData, callback: Callback = () => {}): void {
      this.kept.set(sid, JSON.stringify(given));
      process.nextTick(callback, null);
    }

    override touch(sid: string, given: SessionData, callback: () => void): void {
      const text = this.kept.get(sid);
      if (text !== undefined) this.kept.set(sid, JSON.stringify({ ...JSON.parse(text), cookie: given.cookie }));
      process.nextTick(callback);
    }

    override destroy(sid: string, callback: Callback = () => {}): void {
      this.kept.delete(sid);
      process.nextTick(callback, null);
    }
  };
}

const bases: Record<string, () => StoreClass> = {
  "express-session's own Store": () => Store as unknown as StoreClass,
  'borrowingStore()': borrowingStore,
};

function appOver(Base: StoreClass, options: Partial<SessionOptions> = {}) {
  const store = new (keepingStore(Base))();
  const app = express();
  app.use(session({ store, secret: 'spec', resave: false, saveUninitialized: false, ...options }));
  app.get('/', (req, res) => {
    const { cookie } = req.session;
    res.json({
      n: (req.session as { n?: number }).n ?? null,
      id: req.session.id === req.sessionID,
      session: Object.getPrototypeOf(req.session).constructor.name,
      cookie: {
        class: cookie.constructor.name,
        own: Object.keys(cookie).sort(),
        // express-session computes it from two looks at the clock, between which a ms may pass.
        attributes: { ...cookie, _expires: 0, originalMaxAge: Math.round(Number(cookie.originalMaxAge) / 60_000) },
      },
      expires: cookie.expires instanceof Date,
      maxAge: cookie.maxAge === null || (cookie.maxAge as number) > 0,
    });
  });
  app.get('/add', (req, res) => {
    const counted = req.session as { n?: number };
    counted.n = (counted.n ?? 0) + 1;
    res.json(counted.n);
  });
  app.get('/regenerate', (req, res) => {
    const former = req.sessionID;
    req.session.regenerate((error) => res.json({ error: error ?? null, fresh: former !== req.sessionID }));
  });
  app.get('/reload', (req, res) => {
    (req.session as { n?: number }).n = 99;
    req.session.reload((error) => res.json({ error: error ?? null, n: (req.session as { n?: number }).n }));
  });
  app.get('/logout', (req, res) => {
    req.session.destroy((error) => res.json({ error: error ?? null }));
  });
  app.use(((error, _req, res, _next) => {
    res.status(500).json(String(error));
  }) as express.ErrorRequestHandler);
  return { app, store };
}

async function visit(Base: StoreClass, options: Partial<SessionOptions>): Promise<unknown[]> {
  const { app, store } = appOver(Base, options);
  const browser = request.agent(app);
  const answers: unknown[] = [];
  for (const path of ['/', '/add', '/add', '/', '/reload', '/', '/regenerate', '/', '/add', '/logout', '/', '/add']) {
    const { status, body } = await browser.get(path);
    answers.push([path, status, body, store.kept.size]);
  }
  return answers;
}

describe('borrowingStore', () => {
  const cookies: Record<string, CookieOptions | (() => CookieOptions)> = {
    'a browser-session cookie': {},
    'a cookie of an hour': { maxAge: 3_600_000, sameSite: 'lax', httpOnly: false },
    'cookie options that are a function': () => ({ maxAge: 3_600_000, priority: 'high' as const }),
  };
  for (const [kind, cookie] of Object.entries(cookies)) {
    it(`answers an app with ${kind} as express-session's own Store does`, async () => {
      const [own, borrowed] = await Promise.all(
        Object.values(bases).map((base) => visit(base(), { cookie: cookie as CookieOptions })),
      );
      expect(borrowed).to.deep.equal(own);
      expect((own as [string, number, { n: number }][])[3]?.[2].n).to.equal(2);
    });
  }

  it('has nothing of express-session in its ancestry', () => {
    expect(new (borrowingStore())()).not.to.be.instanceOf(Store);
  });

  it('asks for one extra session per middleware, not per load', async () => {
    let made = 0;
    const { app } = appOver(borrowingStore(), { genid: () => `id-${++made}` });
    const browser = request.agent(app);
    for (let n = 0; n < 4; n += 1) await browser.get('/add');
    expect(made).to.equal(2);
  });

  it('borrows anew from another middleware that takes the store over', async () => {
    const { app, store } = appOver(borrowingStore());
    const browser = request.agent(app);
    await browser.get('/add');
    await browser.get('/add');
    let made = 0;
    session({ store, secret: 'spec', resave: false, saveUninitialized: false, genid: () => `id-${++made}` });
    expect((await browser.get('/add')).body).to.equal(3);
    expect(made).to.equal(1);
  });
});

for (const [name, base] of Object.entries(bases)) {
  describe(`A store over ${name}`, () => {
    function loading(options: Partial<SessionOptions> = {}) {
      const { store } = appOver(base(), options);
      const load = promisify(store.load.bind(store) as (sid: string, done: Callback) => void);
      return { store, load: (sid: string) => load(sid) as Promise<(Session & Record<string, unknown>) | undefined> };
    }

    it('loads a session before any request came', async () => {
      const { store, load } = loading({ proxy: true });
      const expires = '2040-01-02T03:04:05.678Z';
      store.kept.set('a', JSON.stringify({ user: 1, cookie: { originalMaxAge: 3_600_000, expires, secure: true } }));
      const loaded = await load('a');
      expect(loaded).to.include({ id: 'a', user: 1 });
      expect(loaded?.cookie).to.include({ path: '/', httpOnly: true, secure: true, originalMaxAge: 3_600_000 });
      expect(loaded?.cookie.expires).to.deep.equal(new Date(expires));
      const { cookie } = loaded as unknown as { cookie: { serialize(name: string, value: string): string } };
      expect(cookie.serialize('sid', 'a')).to.equal(
        'sid=a; Path=/; Expires=Mon, 02 Jan 2040 03:04:05 GMT; HttpOnly; Secure',
      );
      loaded?.touch();
      expect(loaded?.cookie.maxAge).to.be.within(1, 3_600_000);
    });

    it('loads nothing where there is nothing', async () => {
      expect(await loading().load('a')).to.equal(undefined);
    });

    it('says why it could not get a session', async () => {
      const { store, load } = loading();
      const error = new Error('disk');
      store.get = (_, callback) => callback(error);
      expect(await load('a').catch((e: unknown) => e)).to.equal(error);
    });

    it('keeps a cookie without a date so, and a key of its getters out', async () => {
      const { store, load } = loading();
      store.kept.set(
        'a',
        JSON.stringify({ cookie: { originalMaxAge: null, expires: null, data: { path: '/wrong' } } }),
      );
      const loaded = await load('a');
      expect(loaded?.cookie.expires).to.equal(null);
      expect(loaded?.cookie.maxAge).to.equal(null);
      expect(loaded?.cookie.path).to.equal('/');
    });

    it('throws for a session without a cookie, which express-session hands on', async () => {
      const { app, store } = appOver(base());
      const browser = request.agent(app);
      await browser.get('/add');
      for (const sid of store.kept.keys()) store.kept.set(sid, '{"n":1}');
      const { status, body } = await browser.get('/');
      expect(status).to.equal(500);
      expect(body).to.match(/^TypeError/);
    });
  });
}

describe('borrowingStore().load', () => {
  it('calls back with what genid throws when there is no request to show it', async () => {
    const genid = (req: express.Request) =>
      `${req.ip?.length as number}${(req as never as { deep: { er: string } }).deep.er}`;
    const { store } = appOver(borrowingStore(), { genid });
    store.kept.set('a', JSON.stringify({ cookie: { originalMaxAge: null, expires: null } }));
    expect(await new Promise((resolve) => store.load('a', resolve))).to.be.instanceOf(TypeError);
  });
});

describe('StoreBase', () => {
  const fails = (error: Error) => () => {
    throw error;
  };
  const notFound = (name: string) =>
    Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' });

  it("is express-session's own Store where that is installed", () => {
    expect(StoreBase).to.equal(Store);
  });

  it('is a borrowing store where it is not, as a resolver that looks elsewhere says', async () => {
    const Base = storeFrom(createRequire('/express-session-is-not-here/index.js'));
    expect(Base).not.to.equal(Store);
    expect(await visit(Base, {})).to.deep.equal(await visit(Store as unknown as StoreClass, {}));
  });

  it('hides no other failure to load it', () => {
    for (const error of [new SyntaxError('broken'), notFound('on-headers')]) {
      expect(() => storeFrom(fails(error))).to.throw(error);
    }
    expect(storeFrom(fails(notFound('express-session')))).not.to.equal(Store);
  });
});
