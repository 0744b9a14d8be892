import { expect } from 'chai';
import express from 'express';
import expressSession from 'express-session';
import type { Context } from 'koa';
import { eggStore } from '../../lib/adapters/egg.js';
import { FileStore } from '../../lib/backends/file.js';
import { MemoryStore } from '../../lib/backends/memory.js';
import { SqliteStore } from '../../lib/backends/sqlite.js';
import { callbackify } from '../../lib/bridge.js';
import { common, type EggApp, eggApp, type Handler, useEggSession } from '../koa/hosts.js';
import { folders } from '../support/folder.js';
import { Site, Visitor } from '../support/visitor.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

type Event = [name: string, event: { key?: string; value?: unknown; ctx?: unknown }];

const now = () => Date.now();

for (const version of [3, 4] as const) {
  describe(`sessile/egg, under ${version === 3 ? 'egg-session 3' : '@eggjs/session 4'}`, () => {
    const folder = folders();
    const realNow = Date.now;
    let offset: number;
    let store: MemoryStore;
    let logged: unknown[][];
    let events: Event[];
    const sites: Site[] = [];

    beforeEach(() => {
      offset = 0;
      logged = [];
      events = [];
      // It stands still between the steps: some deadlines are a second away.
      const start = realNow();
      Date.now = () => start + offset;
      store = new MemoryStore({ now });
    });

    afterEach(async () => {
      Date.now = realNow;
      for (const site of sites.splice(0)) await site.close();
      await store.closeAsync();
    });

    interface Setup {
      config?: Record<string, unknown>;
      routes?: Record<string, Handler>;
      give?: (app: EggApp) => void;
    }

    async function visit({ config = {}, routes = {}, give }: Setup = {}) {
      const app = eggApp(version, { signed: false, ...config }, logged);
      if (give) give(app);
      else app.sessionStore = eggStore(store, { now });
      useEggSession(app, version);
      app.keys = ['key of the spec'];
      app.on('error', () => {});
      for (const name of ['missed', 'invalid', 'expired']) {
        app.on(`session:${name}`, (event: Event[1]) => events.push([name, event]));
      }
      app.use(async (ctx) => {
        const handler = ({ ...common, ...routes } as Record<string, Handler>)[ctx.path];
        ctx.body = (await handler?.(ctx)) ?? JSON.stringify(ctx['session']);
      });
      const site = await Site.open(app.callback());
      sites.push(site);
      return new Visitor(site);
    }

    const keptOf = async (visitor: Visitor) => store.getAsync(visitor.cookies.get('EGG_SESS') as string);
    const works = async (visitor: Visitor) => {
      await visitor.get('/set?user=ada');
      expect(await visitor.json('/')).to.deep.equal({ user: 'ada' });
      await visitor.get('/end');
      expect(await visitor.json('/')).to.deep.equal({});
    };

    it('S5 row 80: is taken as app.sessionStore, which may write over its methods', async () => {
      let given: unknown;
      await works(
        await visit({
          give: (app) => {
            app.sessionStore = eggStore(store, { now });
            given = app.sessionStore;
          },
        }),
      );
      expect(given).to.have.all.keys('get', 'set', 'destroy');
      expect(Object.isFrozen(given)).to.equal(false);
    });

    it('S5 row 80: serves a class that egg makes with the app, and one with inherited methods', async () => {
      const inner = eggStore(store, { now });
      class Base {
        get(...args: Parameters<typeof inner.get>) {
          return inner.get(...args);
        }
        set(...args: Parameters<typeof inner.set>) {
          return inner.set(...args);
        }
        destroy(...args: Parameters<typeof inner.destroy>) {
          return inner.destroy(...args);
        }
      }
      class OfTheApp extends Base {
        constructor(app: EggApp) {
          super();
          expect(app.config.env).to.equal('spec');
        }
      }
      for (const Class of [Base, OfTheApp]) {
        await works(
          await visit({
            give: (app) => {
              app.sessionStore = Class;
              expect(app.sessionStore).to.be.instanceOf(Class);
            },
          }),
        );
      }
    });

    it('S5 row 80: null takes it away again: sessions are then in the cookie', async () => {
      const visitor = await visit({
        give: (app) => {
          app.sessionStore = eggStore(store, { now });
          app.sessionStore = null;
        },
      });
      await visitor.get('/set?user=ada');
      expect(await visitor.json('/')).to.deep.equal({ user: 'ada' });
      expect(await store.lengthAsync()).to.equal(0);
    });

    const ownStores: Record<string, (kept: Map<string, string>) => object> = {
      'generators, as in its README': (kept) => ({
        *get(key: string): Generator<unknown, unknown, unknown> {
          yield Promise.resolve();
          return JSON.parse(kept.get(key) ?? 'null');
        },
        *set(key: string, value: object, maxAge: unknown) {
          expect(maxAge).to.be.a('number');
          yield (done: () => void) => setImmediate(done);
          kept.set(key, JSON.stringify(value));
        },
        *destroy(key: string) {
          yield Promise.resolve();
          kept.delete(key);
        },
      }),
      'async functions': (kept) => ({
        get: async (key: string) => JSON.parse(kept.get(key) ?? 'null') as object | null,
        set: async (key: string, value: object) => kept.set(key, JSON.stringify(value)),
        destroy: async (key: string) => kept.delete(key),
      }),
    };

    for (const [kind, make] of Object.entries(ownStores)) {
      it(`S5 row 81: a store with ${kind} serves it through the bridge`, async () => {
        const kept = new Map<string, string>();
        const bridged = callbackify(make(kept) as never);
        const visitor = await visit({
          give: (app) => {
            app.sessionStore = eggStore(bridged, { now });
          },
        });
        await visitor.get('/set?user=ada');
        expect(kept.size).to.equal(1);
        expect(await visitor.json('/')).to.deep.equal({ user: 'ada' });
        await visitor.get('/end');
        expect(kept.size).to.equal(0);
      });

      it(`S5 row 81: a store with ${kind} serves express-session through the bridge`, async () => {
        const kept = new Map<string, string>();
        const app = express();
        const bridged = callbackify(make(kept) as never);
        const cookie = { maxAge: HOUR };
        app.use(expressSession({ secret: 'x', store: bridged, resave: false, saveUninitialized: false, cookie }));
        app.get('/set', (req, res) => res.json(Object.assign(req.session, req.query)));
        app.get('/', (req, res) => res.json({ ...req.session, cookie: undefined }));
        app.get('/end', (req, res) => req.session.destroy(() => res.end()));
        const site = await Site.open(app);
        sites.push(site);
        const visitor = new Visitor(site);
        await visitor.get('/set?user=ada');
        expect(await visitor.json('/')).to.deep.equal({ user: 'ada' });
        await visitor.get('/end');
        expect(kept.size).to.equal(0);
      });
    }

    it('S5 row 82: a key that the store does not have is session:missed, and gives a new session', async () => {
      const visitor = await visit();
      visitor.cookies.set('EGG_SESS', 'chosen-by-the-client');
      await visitor.get('/set?user=ada');
      expect(events).to.have.length(1);
      expect(events[0]?.[0]).to.equal('missed');
      expect(events[0]?.[1]).to.include({ key: 'chosen-by-the-client', value: undefined });
      expect(logged).to.deep.equal([['[session][missed] key(%s)', 'chosen-by-the-client']]);
      expect(visitor.cookies.get('EGG_SESS')).not.to.equal('chosen-by-the-client');
      expect(await store.getAsync('chosen-by-the-client')).to.equal(undefined);
    });

    it('S5 row 83: set is given ms, and the store keeps the session for so long and ten seconds', async () => {
      const visitor = await visit({ config: { maxAge: HOUR } });
      const before = Date.now();
      await visitor.get('/set?user=ada');
      const kept = await keptOf(visitor);
      const expires = kept?.cookie.expires as Date;
      expect(expires.getTime() - HOUR - 10_000).to.be.within(before, Date.now());
      expect(kept?.cookie.originalMaxAge).to.equal(HOUR);
      offset += HOUR + 9_000;
      expect(await keptOf(visitor)).to.include({ user: 'ada' });
      offset += 1_001;
      expect(await keptOf(visitor)).to.equal(undefined);
    });

    it("S5 row 83: with maxAge 'session' the cookie has no date, and the store's ttl counts", async () => {
      await store.closeAsync();
      store = new MemoryStore({ now, ttl: 2 * HOUR });
      const visitor = await visit({ config: { maxAge: 'session' } });
      const [cookie] = (await visitor.get('/set?user=ada')).cookies;
      expect(cookie).not.to.match(/expires|max-age/i);
      expect((await keptOf(visitor))?.cookie).to.include({ expires: null, originalMaxAge: null });
      offset += 2 * HOUR - 1_000;
      expect(await visitor.json('/')).to.deep.equal({ user: 'ada' });
      const [again] = (await visitor.get('/set?n=1')).cookies;
      expect(again).not.to.match(/expires|max-age/i);
      offset += 2 * HOUR - 1_000;
      expect(await visitor.json('/')).to.deep.equal({ user: 'ada', n: '1' });
      offset += 2_000;
      expect(await visitor.json('/')).to.deep.equal({});
    });

    for (const kind of ['MemoryStore', 'FileStore', 'SqliteStore']) {
      it(`S5 row 83: both kinds of data survive a round trip through ${kind}, with their deadline`, async () => {
        const path = folder();
        const open = {
          MemoryStore: () => new MemoryStore({ now, ttl: HOUR }),
          FileStore: () => new FileStore(path, { now, ttl: HOUR }),
          SqliteStore: () => new SqliteStore(`${path}/egg.db`, { now, ttl: HOUR }),
        }[kind] as () => MemoryStore;
        const opened = open();
        try {
          const egg = eggStore(opened, { now });
          const dated = { user: 'ada', cookie: 'chocolate', _expire: Date.now() + DAY, _maxAge: DAY };
          const undated = { user: 'bob', _session: true };
          await egg.set('dated', dated, DAY + 10_000);
          await egg.set('undated', undated, 'session');
          expect(await egg.get('dated')).to.deep.equal(dated);
          expect(await egg.get('undated')).to.deep.equal(undated);
          offset += HOUR;
          expect(await egg.get('undated')).to.equal(undefined);
          expect(await egg.get('dated')).to.deep.equal(dated);
          offset += DAY - HOUR + 11_000;
          expect(await egg.get('dated')).to.equal(undefined);
        } finally {
          await opened.closeAsync();
        }
      });
    }

    it('S5 row 84: ctx.session = null destroys the key, and does no harm to a new visitor', async () => {
      const visitor = await visit();
      expect(await visitor.body('/end')).to.equal('ended');
      await visitor.get('/set?user=ada');
      const key = visitor.cookies.get('EGG_SESS') as string;
      await visitor.get('/end');
      expect(visitor.cookies.size).to.equal(0);
      expect(await store.getAsync(key)).to.equal(undefined);
    });

    const options: Record<string, { config: Record<string, unknown>; check: (visitor: Visitor) => Promise<void> }> = {
      'key names the cookie': {
        config: { key: 'own.name' },
        check: async (visitor) => {
          await visitor.get('/set?a=1');
          expect([...visitor.cookies.keys()]).to.deep.equal(['own.name']);
        },
      },
      'rolling saves and sends the cookie with each request': {
        config: { maxAge: HOUR, rolling: true },
        check: async (visitor) => {
          await visitor.get('/set?a=1');
          offset += HOUR - 60_000;
          expect((await visitor.get('/')).cookies).to.have.length(1);
          offset += HOUR - 60_000;
          expect(await visitor.json('/')).to.deep.equal({ a: '1' });
        },
      },
      'renew saves when less than half of the time is left': {
        config: { maxAge: HOUR, renew: true },
        check: async (visitor) => {
          await visitor.get('/set?a=1');
          offset += HOUR / 2 - 60_000;
          expect((await visitor.get('/')).cookies).to.deep.equal([]);
          offset += 120_000;
          expect((await visitor.get('/')).cookies).to.have.length(1);
          offset += HOUR - 60_000;
          expect(await visitor.json('/')).to.deep.equal({ a: '1' });
        },
      },
      'signed guards the key with a signature': {
        config: { signed: true },
        check: async (visitor) => {
          await visitor.get('/set?a=1');
          expect([...visitor.cookies.keys()]).to.deep.equal(['EGG_SESS', 'EGG_SESS.sig']);
          visitor.cookies.set('EGG_SESS.sig', 'forged');
          expect(await visitor.json('/')).to.deep.equal({});
        },
      },
      'httpOnly and sameSite are on the cookie, and in what is stored for express-session': {
        config: { httpOnly: false, sameSite: 'lax' },
        check: async (visitor) => {
          const [cookie] = (await visitor.get('/set?a=1')).cookies;
          expect(cookie)
            .to.match(/samesite=lax/i)
            .and.not.match(/httponly/i);
          expect((await keptOf(visitor))?.cookie).to.include({ httpOnly: false, sameSite: 'lax' });
        },
      },
      'prefix starts the key': {
        config: { prefix: 'app:' },
        check: async (visitor) => {
          await visitor.get('/set?a=1');
          expect((await store.idsAsync())[0]).to.match(/^app:/);
          expect(await visitor.json('/')).to.deep.equal({ a: '1' });
        },
      },
      'genid makes the key, any string': {
        config: { genid: (ctx: Context) => `../${ctx.path}` },
        check: async (visitor) => {
          await visitor.get('/set?a=1');
          expect(await store.idsAsync()).to.deep.equal(['..//set']);
          expect(await visitor.json('/')).to.deep.equal({ a: '1' });
        },
      },
      'valid refuses a session': {
        config: { valid: (_ctx: Context, session: { user?: string }) => session.user !== 'mallory' },
        check: async (visitor) => {
          await visitor.get('/set?user=mallory');
          expect(await visitor.json('/')).to.deep.equal({});
          expect(events.map(([name]) => name)).to.deep.equal(['invalid']);
        },
      },
      'beforeSave changes what is saved': {
        config: {
          beforeSave: (_ctx: Context, session: { stamp?: boolean }) => Object.assign(session, { stamp: true }),
        },
        check: async (visitor) => {
          await visitor.get('/set?a=1');
          expect(await visitor.json('/')).to.deep.equal({ a: '1', stamp: true });
        },
      },
      'externalKey takes the key from elsewhere': {
        config: {
          externalKey: {
            get: (ctx: Context) => ctx.get('x-session'),
            set: (ctx: Context, key: string) => ctx.set('x-session', key),
          },
        },
        check: async (visitor) => {
          expect((await visitor.get('/set?a=1')).cookies).to.deep.equal([]);
          const [key = ''] = await store.idsAsync();
          expect((await visitor.get('/', { 'x-session': key })).body).to.equal('{"a":"1"}');
        },
      },
      'autoCommit: false saves when it is told to': {
        config: { autoCommit: false },
        check: async (visitor) => {
          await visitor.get('/set?a=1');
          expect(await store.lengthAsync()).to.equal(0);
          await visitor.get('/commit?a=1');
          expect(await visitor.json('/')).to.deep.equal({ a: '1' });
        },
      },
    };

    for (const [title, { config, check }] of Object.entries(options)) {
      it(`S5 row 85: ${title}`, async () => {
        const commit = async (ctx: Context) => {
          Object.assign(ctx['session'], ctx.query);
          await ctx['session'].manuallyCommit();
        };
        await check(await visit({ config, routes: { '/commit': commit } }));
      });
    }

    it('S5 row 85: secure sends the cookie over encrypted connections only, and is in what is stored', async () => {
      const visitor = await visit({
        config: { secure: true },
        give: (app) => {
          app.proxy = true;
          app.sessionStore = eggStore(store, { now });
        },
      });
      expect(await visitor.get('/set?a=1')).to.deep.include({ status: 500, cookies: [] });
      const encrypted = { 'x-forwarded-proto': 'https' };
      const [cookie] = (await visitor.get('/set?a=1', encrypted)).cookies;
      expect(cookie).to.match(/; secure/);
      expect((await visitor.get('/', encrypted)).body).to.equal('{"a":"1"}');
      expect((await keptOf(visitor))?.cookie).to.include({ secure: true });
    });

    it('S5 row 85: overwrite has the cookie take the place of another of its name', async () => {
      for (const overwrite of [true, false]) {
        const visitor = await visit({
          config: { overwrite },
          routes: {
            '/both': (ctx) => {
              ctx.cookies.set('EGG_SESS', 'of the app', { signed: false });
              ctx['session'].a = 1;
              return 'both';
            },
          },
        });
        expect((await visitor.get('/both')).cookies).to.have.length(overwrite ? 1 : 2);
        expect(await visitor.json('/')).to.deep.equal({ a: 1 });
      }
    });

    it('S5 row 85: encode and decode are for sessions in the cookie, and a store is given plain data', async () => {
      let coded = 0;
      const config = {
        encode: (data: object) => {
          coded += 1;
          return encodeURIComponent(JSON.stringify(data));
        },
        decode: (text: string) => JSON.parse(decodeURIComponent(text)) as unknown,
      };
      const visitor = await visit({ config });
      await visitor.get('/set?user=ada');
      expect(await visitor.json('/')).to.deep.equal({ user: 'ada' });
      expect(await keptOf(visitor)).to.include({ user: 'ada' });
      expect(coded).to.equal(0);
      const without = await visit({ config, give: () => {} });
      await without.get('/set?user=bob');
      expect(coded).to.be.above(0);
      expect(await without.json('/')).to.deep.equal({ user: 'bob' });
    });

    it('S5 row 85: ContextStore is a class made for each request', async () => {
      const contexts: unknown[] = [];
      const inner = eggStore(store, { now });
      class ContextStore {
        constructor(ctx: Context) {
          contexts.push(ctx.path);
        }
        get(...args: Parameters<typeof inner.get>) {
          return inner.get(...args);
        }
        set(...args: Parameters<typeof inner.set>) {
          return inner.set(...args);
        }
        destroy(...args: Parameters<typeof inner.destroy>) {
          return inner.destroy(...args);
        }
      }
      await works(await visit({ config: { ContextStore }, give: () => {} }));
      expect(contexts).to.deep.equal(['/set', '/', '/end', '/']);
    });

    it('S5 row 86: the session has its properties and methods', async () => {
      const visitor = await visit({
        config: { maxAge: HOUR },
        routes: {
          '/look': ({ session }) =>
            JSON.stringify([Boolean(session.isNew), session.maxAge, session.populated, session.length]),
          '/key': ({ session }) => session.externalKey,
          '/longer': ({ session }) => {
            session.maxAge = 2 * HOUR;
          },
          '/private': ({ session }) => Object.assign(session, { _priv: 1, act: () => 1, seen: 1 }) && 'done',
          '/save': async ({ session }) => {
            await session.save();
          },
          '/regenerate': async ({ session }) => {
            await session.regenerate();
          },
        },
      });
      expect(await visitor.json('/look')).to.deep.equal([true, HOUR, false, 0]);
      await visitor.get('/set?a=1');
      expect(await visitor.json('/look')).to.deep.equal([false, HOUR, true, 1]);
      const key = visitor.cookies.get('EGG_SESS') as string;
      expect(await visitor.body('/key')).to.equal(key);
      await visitor.get('/longer');
      expect(await visitor.json('/look')).to.deep.equal([false, 2 * HOUR, true, 1]);
      expect((await keptOf(visitor))?.cookie.originalMaxAge).to.equal(2 * HOUR);
      await visitor.get('/private');
      expect(await keptOf(visitor)).to.have.all.keys('a', 'seen', 'cookie');
      expect((await visitor.get('/save')).cookies).to.have.length(1);
      await visitor.get('/regenerate');
      expect(visitor.cookies.get('EGG_SESS')).to.be.a('string').and.not.equal(key);
      expect(await visitor.json('/')).to.deep.equal({ a: '1', seen: 1 });
      expect(await store.getAsync(key)).to.equal(undefined);
    });

    it('S5 row 87: a session that its maxAge ended is session:expired, not missed', async () => {
      const visitor = await visit({ config: { maxAge: HOUR } });
      await visitor.get('/set?user=ada');
      const key = visitor.cookies.get('EGG_SESS');
      offset += HOUR + 1_000;
      expect(await visitor.json('/')).to.deep.equal({});
      expect(events.map(([name]) => name)).to.deep.equal(['expired']);
      expect(events[0]?.[1].key).to.equal(key);
      expect(events[0]?.[1].value).to.include({ user: 'ada', _maxAge: HOUR });
      expect(events[0]?.[1].ctx).to.be.an('object');
    });

    it('S5 row 88: the store is down: the error surfaces, and nobody is logged out', async () => {
      const visitor = await visit();
      await visitor.get('/set?user=ada');
      for (const code of ['SESSILE_IO', 'ECONNREFUSED']) {
        for (const [method, path] of [
          ['getAsync', '/'],
          ['setAsync', '/set?n=1'],
          ['destroyAsync', '/end'],
        ] as const) {
          Object.assign(store, { [method]: () => Promise.reject(Object.assign(new Error('down'), { code })) });
          expect((await visitor.twin().get(path)).status).to.equal(500);
          delete (store as Partial<MemoryStore>)[method];
        }
      }
      expect(await visitor.json('/')).to.deep.equal({ user: 'ada' });
    });
  });
}

describe('sessile/egg', () => {
  it('S5 row 83: a session keeps its own deadline where set is not told how long it lives', async () => {
    let clock = Date.now();
    const store = new MemoryStore({ now: () => clock });
    const egg = eggStore(store, { now: () => clock });
    const session = { user: 'ada', _expire: clock + HOUR, _maxAge: DAY };
    await egg.set('a', session);
    clock += HOUR - 1;
    expect(await egg.get('a')).to.deep.equal(session);
    clock += 1;
    expect(await egg.get('a')).to.equal(undefined);
    await store.closeAsync();
  });

  it('refuses wrong options, and what is no store', () => {
    const store = new MemoryStore();
    for (const wrong of [
      () => eggStore(store, { clock: now } as never),
      () => eggStore(store, { now: 1 as never }),
      () => eggStore({} as never),
      () => eggStore(undefined as never),
    ]) {
      expect(wrong).to.throw(TypeError).with.property('code', 'SESSILE_MISUSE');
    }
    return store.closeAsync();
  });

  it('reads and changes a session that express-session made, and leaves its cookie', async () => {
    const store = new MemoryStore();
    const egg = eggStore(store);
    const expires = new Date(Date.now() + HOUR);
    const cookie = {
      originalMaxAge: HOUR,
      expires,
      httpOnly: true,
      path: '/',
      secure: true,
      sameSite: 'strict' as const,
    };
    await store.setAsync('a', { cookie, user: 'ada' } as never);
    const call = { ctx: { sessionOptions: { secure: false } } };
    expect(await egg.get('a', undefined, call)).to.deep.equal({
      user: 'ada',
      _expire: expires.getTime(),
      _maxAge: HOUR,
    });
    await egg.set('a', { user: 'bob', _expire: expires.getTime() + 5, _maxAge: HOUR }, HOUR + 10_000, call);
    const kept = await store.getAsync('a');
    expect(kept).to.include({ user: 'bob' });
    expect(kept?.cookie).to.include({ originalMaxAge: HOUR, secure: true, sameSite: 'strict' });
    await store.closeAsync();
  });
});
