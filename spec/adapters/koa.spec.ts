import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import { MemoryStore as ExpressMemoryStore } from 'express-session';
import Koa, { type Context } from 'koa';
import Koa3 from 'koa3';
import {
  BaseStore,
  CONNECT,
  DISCONNECT,
  MemoryStore,
  type SessionOptions,
  type SettledStore,
  session,
  toKoaStore,
} from '../../lib/adapters/koa.js';
import { promisify } from '../../lib/bridge.js';
import { program } from '../support/folder.js';
import { Gate, Site, Visitor } from '../support/visitor.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

type Handler = (ctx: Context) => unknown;
type Calls = [method: string, ...args: unknown[]][];

for (const [version, Application] of [
  ['2', Koa],
  ['3', Koa3],
] as const) {
  describe(`sessile/koa: session(), on Koa ${version}`, () => {
    let clock: number;
    let store: MemoryStore;
    let errors: unknown[];
    const sites: Site[] = [];
    const stores: { closeAsync(): Promise<void> }[] = [];

    beforeEach(() => {
      clock = Date.now();
      errors = [];
      store = open();
    });

    afterEach(async () => {
      for (const site of sites.splice(0)) await site.close();
      for (const one of stores.splice(0)) await one.closeAsync();
    });

    function open(): MemoryStore {
      const opened = new MemoryStore({ now: () => clock });
      stores.push(opened);
      return opened;
    }

    /** One app; what it does at a path. The session's content is the answer unless the handler says another. */
    async function visit(options: SessionOptions, routes: Record<string, Handler> = {}, keys?: string[]) {
      const app = new Application();
      if (keys) app.keys = keys;
      app.on('error', (error) => errors.push(error));
      app.use(session({ store, now: () => clock, ...options }));
      app.use(async (ctx) => {
        const handler = ({ ...common, ...routes } as Record<string, Handler>)[ctx.path];
        ctx.body = (await handler?.(ctx)) ?? shown(await ctx['session']);
      });
      const site = await Site.open(app.callback());
      sites.push(site);
      return new Visitor(site);
    }

    it('S3 row 42: gives ctx.session, a plain object with a cookie', async () => {
      const visitor = await visit(
        {},
        {
          '/': ({ session }) => JSON.stringify([Object.getPrototypeOf(session) === Object.prototype, session]),
        },
      );
      const cookie = { httpOnly: true, maxAge: DAY, overwrite: true, path: '/', secure: false, signed: false };
      expect(await visitor.json('/')).to.deep.equal([true, { cookie }]);
      await visitor.get('/set?a=1');
      expect(await visitor.json('/')).to.deep.equal([true, { a: '1', cookie }]);
    });

    it('S3 row 43: gives ctx.sessionId and a read-only ctx.sessionStore', async () => {
      const visitor = await visit(
        {},
        {
          '/ids': (ctx) => ctx['sessionId'],
          '/store': (ctx) => {
            const isSame = ctx['sessionStore'] === store;
            expect(() => {
              ctx['sessionStore'] = 1;
            }).to.throw(TypeError);
            return `${isSame}`;
          },
        },
      );
      await visitor.get('/set?a=1');
      const sid = visitor.cookies.get('koa.sid');
      expect(await visitor.body('/ids')).to.equal(sid);
      expect(await store.getAsync(sid as string)).to.include({ a: '1' });
      expect(await visitor.body('/store')).to.equal('true');
    });

    it('S3 row 43: ctx.sessionSave forces a save with true and forbids it with false', async () => {
      const visitor = await visit(
        {},
        {
          '/force': (ctx) => {
            ctx['sessionSave'] = true;
          },
          '/forbid': (ctx) => {
            ctx['session'].a = 'changed';
            ctx['sessionSave'] = false;
          },
          '/forbid-end': (ctx) => {
            ctx['session'] = null;
            ctx['sessionSave'] = false;
          },
          '/asked': (ctx) => String(ctx['sessionSave']),
        },
      );
      expect(await visitor.body('/asked')).to.equal('null');
      expect((await visitor.get('/force')).cookies).to.have.length(1);
      await visitor.get('/set?a=1');
      expect((await visitor.get('/force')).cookies).to.have.length(1);
      expect((await visitor.get('/forbid')).cookies).to.have.length(0);
      await visitor.get('/forbid-end');
      expect(await visitor.json('/')).to.deep.equal({ a: '1' });
    });

    it('S3 row 44: regenerateSession ends the session, starts an empty one, and saves that once it has something', async () => {
      const visitor = await visit(
        {},
        {
          '/regenerate': async (ctx) => shown(await ctx['regenerateSession']()),
          '/login': async (ctx) => {
            const fresh = await ctx['regenerateSession']();
            fresh.user = 'ada';
            return `${fresh === ctx['session']}`;
          },
        },
      );
      await visitor.get('/set?a=1');
      const first = visitor.cookies.get('koa.sid') as string;
      const page = await visitor.get('/regenerate');
      expect(page.body).to.equal('{}');
      expect(visitor.cookies.get('koa.sid')).to.equal(undefined);
      expect(await store.lengthAsync()).to.equal(0);
      await visitor.get('/set?a=1');
      const second = visitor.cookies.get('koa.sid') as string;
      expect(await visitor.body('/login')).to.equal('true');
      const third = visitor.cookies.get('koa.sid') as string;
      expect(new Set([first, second, third]).size).to.equal(3);
      expect(await store.idsAsync()).to.deep.equal([third]);
      expect(await visitor.json('/')).to.deep.equal({ user: 'ada' });
    });

    it('S3 row 44: regenerateSession of a new visitor ends nothing', async () => {
      const { calls, store } = recorded();
      const visitor = await visit(
        { store },
        {
          '/login': async (ctx) => {
            (await ctx['regenerateSession']()).user = 'ada';
          },
        },
      );
      expect(await visitor.body('/login')).to.equal('{"user":"ada"}');
      expect(calls.map(([name]) => name)).to.deep.equal(['set']);
    });

    it('S3 row 44: a regenerateSession that the store refuses leaves the session as it was', async () => {
      const failing = Object.assign(open(), { destroyAsync: () => Promise.reject(new Error('down')) });
      const visitor = await visit(
        { store: failing },
        {
          '/regenerate': (ctx) => ctx['regenerateSession']().catch((error: Error) => error.message),
        },
      );
      await visitor.get('/set?a=1');
      expect(await visitor.body('/regenerate')).to.equal('down');
      expect(await visitor.json('/')).to.deep.equal({ a: '1' });
    });

    it('S3 row 45: the cookie is called koa.sid, or as key says', async () => {
      for (const [options, name] of [
        [{}, 'koa.sid'],
        [{ key: 'app.id' }, 'app.id'],
      ] as const) {
        const visitor = await visit(options);
        const { cookies } = await visitor.get('/set?a=1');
        expect(cookies).to.have.length(1);
        expect(cookies[0]).to.match(new RegExp(`^${name}=[\\w-]{32}; path=/; expires=[^;]+; httponly$`));
        expect(await visitor.json('/')).to.deep.equal({ a: '1' });
      }
    });

    it('S3 row 46: takes a store that extends BaseStore, and a plain emitter with three methods', async () => {
      class MapStore extends BaseStore {
        readonly kept = new Map<string, string>();
        get(sid: string) {
          return Promise.resolve(JSON.parse(this.kept.get(this.prefix + sid) ?? 'null'));
        }
        override async set(sid: string, value: object) {
          this.kept.set(this.prefix + sid, JSON.stringify(value));
        }
        async destroy(sid: string) {
          this.kept.delete(this.prefix + sid);
        }
      }
      const own = new MapStore('mine:');
      expect(own).to.be.instanceOf(EventEmitter);
      const plain = Object.assign(new EventEmitter(), recorded().store);
      for (const each of [own, plain]) {
        const visitor = await visit({ store: each });
        await visitor.get('/set?a=1');
        expect(await visitor.json('/')).to.deep.equal({ a: '1' });
        await visitor.get('/end');
        expect(await visitor.json('/')).to.deep.equal({});
      }
      expect([...own.kept]).to.deep.equal([]);
    });

    it('S3 row 47: calls get(sid), set(sid, session, ttl in ms) and destroy(sid); the ttl is from the cookie', async () => {
      const { calls, store } = recorded();
      const visitor = await visit(
        { store, cookieOptions: { maxAge: HOUR } },
        {
          '/until': (ctx) => {
            ctx['session'].cookie.expires = new Date(clock + 2 * HOUR);
          },
          '/browser': (ctx) => {
            ctx['session'].cookie.maxAge = null;
          },
        },
      );
      await visitor.get('/set?a=1');
      const sid = visitor.cookies.get('koa.sid');
      await visitor.get('/until');
      await visitor.get('/end');
      expect(calls.map(([name, id, value, ...rest]) => [name, id, shown(value), ...rest])).to.deep.equal([
        ['set', sid, '{"a":"1"}', HOUR],
        ['get', sid, '{}'],
        ['set', sid, '{"a":"1"}', 2 * HOUR],
        ['get', sid, '{}'],
        ['destroy', sid, '{}'],
      ]);
      await visitor.get('/browser');
      expect(calls.at(-1)?.slice(3)).to.deep.equal([undefined]);
    });

    it('S3 row 47: keeps a session of any store for express-session as long as its cookie', async () => {
      const visitor = await visit({ cookieOptions: { maxAge: HOUR } });
      await visitor.get('/set?a=1');
      clock += HOUR - 1;
      expect(await visitor.json('/')).to.deep.equal({ a: '1' });
      await visitor.get('/set?b=2');
      clock += HOUR - 1;
      expect(await visitor.json('/')).to.deep.equal({ a: '1', b: '2' });
      clock += 1;
      expect(await visitor.json('/')).to.deep.equal({});
    });

    it('S3 row 47: a session whose cookie is over is destroyed, and no store is told a ttl below zero', async () => {
      const { calls, store: own } = recorded();
      for (const kept of [own, store]) {
        const visitor = await visit(
          { store: kept },
          {
            '/over': (ctx) => {
              ctx['session'].cookie.expires = new Date(clock - HOUR);
            },
          },
        );
        await visitor.get('/set?a=1');
        await visitor.get('/over');
        expect(await visitor.json('/')).to.deep.equal({});
      }
      expect(calls.map(([name]) => name)).to.deep.equal(['set', 'get', 'destroy', 'get']);
    });

    const kinds: Record<string, (values: Map<string, object>) => SettledStore> = {
      promises: (values) => ({
        get: async (sid) => values.get(sid),
        set: async (sid, value) => values.set(sid, value),
        destroy: async (sid) => values.delete(sid),
      }),
      thunks: (values) => ({
        get: (sid) => (done: (error: null, value?: object) => void) => setImmediate(done, null, values.get(sid)),
        set: (sid, value) => (done: (error: unknown) => void) => setImmediate(() => done(!values.set(sid, value))),
        destroy: (sid) => (done: (error: unknown) => void) => setImmediate(() => done(!values.delete(sid))),
      }),
      generators: (values) => ({
        *get(sid): Generator<unknown, unknown, unknown> {
          return yield Promise.resolve(values.get(sid));
        },
        *set(sid, value) {
          yield Promise.resolve();
          values.set(sid, value);
        },
        *destroy(sid) {
          yield Promise.resolve();
          values.delete(sid);
        },
      }),
      'values at once': (values) => ({
        get: (sid) => values.get(sid),
        set: (sid, value) => values.set(sid, value),
        destroy: (sid) => values.delete(sid),
      }),
    };

    for (const [kind, make] of Object.entries(kinds)) {
      it(`S3 row 48: takes a store that answers ${kind}`, async () => {
        const values = new Map<string, object>();
        const visitor = await visit({ store: make(values) });
        await visitor.get('/set?a=1');
        expect(values.size).to.equal(1);
        expect(await visitor.json('/')).to.deep.equal({ a: '1' });
        await visitor.get('/end');
        expect(values.size).to.equal(0);
      });
    }

    it("takes express-session's MemoryStore, promises over it, and what toKoaStore answers", async () => {
      for (const each of [new ExpressMemoryStore(), promisify(new ExpressMemoryStore()), toKoaStore(open())]) {
        const visitor = await visit({ store: each });
        await visitor.get('/set?a=1');
        await visitor.get('/set?b=2');
        expect(await visitor.json('/')).to.deep.equal({ a: '1', b: '2' });
        await visitor.get('/end');
        expect(await visitor.json('/')).to.deep.equal({});
      }
    });

    it('does not bring back a session with an object that replaces it, with what toKoaStore answers', async () => {
      const gate = new Gate(1);
      const visitor = await visit(
        { store: toKoaStore(store) },
        {
          '/replacing': async (ctx) => {
            await gate.pass();
            ctx['session'] = { late: true };
          },
        },
      );
      await visitor.get('/set?user=ada');
      const slow = visitor.twin().get('/replacing');
      await gate.full;
      await visitor.get('/end');
      gate.open();
      expect((await slow).status).to.equal(200);
      expect(await store.lengthAsync()).to.equal(0);
    });

    it('S3 row 49: fails when a store that disconnected is not back in time, and at once after that, until it is', async () => {
      const visitor = await visit({ reconnectTimeout: 20 });
      await visitor.get('/set?a=1');
      store.emit(DISCONNECT);
      expect((await visitor.get('/')).status).to.equal(500);
      expect((await visitor.get('/')).status).to.equal(500);
      expect(errors.map(String)).to.deep.equal([
        'SessileError: timeout:session store is unavailable',
        'SessileError: session store is unavailable',
      ]);
      for (const error of errors) expect(error).to.have.property('code', 'SESSILE_UNAVAILABLE');
      store.emit(CONNECT);
      expect(await visitor.json('/')).to.deep.equal({ a: '1' });
    });

    it('S3 row 49: answers requests that waited when the store is back, and no later one is refused', async () => {
      const app = new Application();
      app.use((_ctx, next) => {
        const answered = next();
        store.emit(CONNECT);
        return answered;
      });
      app.use(session({ store, reconnectTimeout: 30 }));
      app.use((ctx) => {
        ctx.body = 'answered';
      });
      const site = await Site.open(app.callback());
      sites.push(site);
      const visitor = new Visitor(site);
      store.emit(DISCONNECT);
      expect((await visitor.get('/')).status).to.equal(200);
      await new Promise((resolve) => setTimeout(resolve, 60));
      expect((await visitor.get('/')).status).to.equal(200);
    });

    it('S3 row 50: the events are CONNECT and DISCONNECT, and those of stores for express-session', async () => {
      expect([CONNECT, DISCONNECT]).to.deep.equal(['CONNECT', 'DISCONNECT']);
      const adapted = toKoaStore(store);
      for (const [source, away, back] of [
        [store, 'disconnect', 'connect'],
        [new MapEmitter(), DISCONNECT, CONNECT],
      ] as const) {
        const visitor = await visit({ store: source, reconnectTimeout: 0 });
        source.emit(away);
        expect((await visitor.get('/')).status).to.equal(500);
        source.emit(back);
        expect((await visitor.get('/')).status).to.equal(200);
      }
      const heard: string[] = [];
      for (const name of [CONNECT, DISCONNECT]) adapted.on(name, () => heard.push(name));
      store.emit('disconnect');
      store.emit('connect');
      expect(heard).to.deep.equal([DISCONNECT, CONNECT]);
    });

    it('S3 row 51: cookies are signed where the app has keys, and with options that do not say so too', async () => {
      for (const [cookieOptions, keys, signed] of [
        [undefined, undefined, false],
        [undefined, ['k'], true],
        [{ httpOnly: true }, undefined, false],
        [{ httpOnly: true }, ['k'], true],
        [{ signed: false }, ['k'], false],
        [{ signed: true }, ['k'], true],
      ] as const) {
        const visitor = await visit(cookieOptions ? { cookieOptions } : {}, {}, keys && [...keys]);
        await visitor.get('/set?a=1');
        expect([...visitor.cookies.keys()]).to.deep.equal(signed ? ['koa.sid', 'koa.sid.sig'] : ['koa.sid']);
        expect(await visitor.json('/')).to.deep.equal({ a: '1' });
        await visitor.get('/set?b=2');
        expect(await visitor.json('/')).to.deep.equal({ a: '1', b: '2' });
      }
    });

    it('S3 row 51: fails with signed cookies and no keys', async () => {
      const visitor = await visit({ cookieOptions: { signed: true } });
      expect((await visitor.get('/set?a=1')).status).to.equal(500);
    });

    it('S3 row 51: a tampered signed cookie, and an id that nobody was given, open no session', async () => {
      const signed = await visit({}, {}, ['k']);
      await signed.get('/set?a=1');
      const thief = signed.twin();
      thief.cookies.set('koa.sid.sig', 'forged');
      expect(await thief.json('/')).to.deep.equal({});
      const unsigned = await visit({});
      unsigned.cookies.set('koa.sid', 'chosen');
      await unsigned.get('/set?a=1');
      expect(unsigned.cookies.get('koa.sid')).not.to.equal('chosen');
      expect(await store.getAsync('chosen')).to.equal(undefined);
    });

    it('S3 row 52: with defer, ctx.session is a promise, and a request that does not use it calls no store', async () => {
      const { calls, store } = recorded();
      const visitor = await visit(
        { store, defer: true },
        {
          '/unused': () => 'nothing',
          '/add': async (ctx) => {
            const [one, two] = await Promise.all([ctx['session'], ctx['session']]);
            one.n = (one.n ?? 0) + 1;
            return `${one === two} ${one.n}`;
          },
          '/replace': (ctx) => {
            ctx['session'] = { replaced: true };
            return 'replaced';
          },
          '/drop': (ctx) => {
            ctx['session'] = null;
            return 'dropped';
          },
          '/regenerate': async (ctx) => {
            (await ctx['regenerateSession']()).fresh = true;
            return ctx['sessionId'];
          },
        },
      );
      expect(await visitor.body('/add')).to.equal('true 1');
      expect(await visitor.body('/add')).to.equal('true 2');
      const before = calls.length;
      expect((await visitor.get('/unused')).cookies).to.deep.equal([]);
      expect(calls.length).to.equal(before);
      await visitor.get('/replace');
      expect(await visitor.json('/')).to.deep.equal({ replaced: true });
      expect(await visitor.body('/regenerate')).to.equal(visitor.cookies.get('koa.sid'));
      expect(await visitor.json('/')).to.deep.equal({ fresh: true });
      await visitor.get('/drop');
      expect(await visitor.json('/')).to.deep.equal({});
      expect(calls.map(([name]) => name).filter((name) => name === 'destroy')).to.have.length(2);
    });

    it('S3 row 53: rolling saves the session and sets its cookie with each request, but no new empty one', async () => {
      const visitor = await visit({ rolling: true, cookieOptions: { maxAge: HOUR } });
      expect((await visitor.get('/')).cookies).to.deep.equal([]);
      await visitor.get('/set?a=1');
      for (let n = 0; n < 3; n += 1) {
        clock += HOUR - 1;
        const { body, cookies } = await visitor.get('/');
        expect(body).to.equal('{"a":"1"}');
        expect(cookies).to.have.length(1);
      }
    });

    it('S3 row 54: allowEmpty stores a session that nothing was put into', async () => {
      const without = await visit({});
      expect((await without.get('/')).cookies).to.deep.equal([]);
      expect(await store.lengthAsync()).to.equal(0);
      const visitor = await visit({ allowEmpty: true });
      expect((await visitor.get('/')).cookies).to.have.length(1);
      expect(await store.lengthAsync()).to.equal(1);
      expect((await visitor.get('/')).cookies).to.deep.equal([]);
    });

    it('S3 row 55: genSid(ctx, 24) makes the id, and may take its time', async () => {
      const given: unknown[] = [];
      const genSid = async (ctx: Context, length: number) => {
        given.push(ctx.path, length);
        return 'fixed-id';
      };
      const visitor = await visit({ genSid });
      await visitor.get('/set?a=1');
      expect(visitor.cookies.get('koa.sid')).to.equal('fixed-id');
      expect(await store.idsAsync()).to.deep.equal(['fixed-id']);
      expect(given).to.deep.equal(['/set', 24]);
    });

    for (const name of ['errorHandler', 'errorHanlder'] as const) {
      it(`S3 row 56: ${name} is told what the store failed with, and the request goes on`, async () => {
        const told: unknown[] = [];
        const down = { get: false, set: false };
        const { store } = recorded(down);
        const handler = (error: Error, type: string, ctx: Context) => told.push([error.message, type, ctx.path]);
        const visitor = await visit({ store, [name]: handler });
        await visitor.get('/set?a=1');
        Object.assign(down, { get: true, set: true });
        expect(await visitor.get('/')).to.deep.include({ status: 200, body: '{}', cookies: [] });
        expect(await visitor.get('/set?b=2')).to.deep.include({ status: 200, body: '{"b":"2"}', cookies: [] });
        expect(told).to.deep.equal([
          ['get is down', 'get', '/'],
          ['get is down', 'get', '/set'],
          ['set is down', 'set', '/set'],
        ]);
        Object.assign(down, { get: false, set: false });
        expect(await visitor.json('/')).to.deep.equal({ a: '1' });
      });
    }

    it('S3 row 56: without a handler a request fails with what the store failed with; ENOENT is no failure', async () => {
      const down = { get: false as boolean | string, set: false };
      const { store } = recorded(down);
      const visitor = await visit({ store });
      await visitor.get('/set?a=1');
      down.set = true;
      expect((await visitor.get('/set?b=2')).status).to.equal(500);
      down.get = true;
      expect((await visitor.get('/')).status).to.equal(500);
      expect(errors.map((error) => (error as Error).message)).to.deep.equal(['set is down', 'get is down']);
      down.get = 'ENOENT';
      expect(await visitor.get('/')).to.deep.include({ status: 200, body: '{}' });
    });

    it('fails with SESSILE_SERIALIZE for a session that is no JSON, and keeps the old one', async () => {
      const visitor = await visit(
        {},
        {
          '/cycle': ({ session }) => {
            session.self = session;
            return 'never seen';
          },
        },
      );
      await visitor.get('/set?a=1');
      expect((await visitor.get('/cycle')).status).to.equal(500);
      expect(errors[0]).to.have.property('code', 'SESSILE_SERIALIZE');
      expect(await visitor.json('/')).to.deep.equal({ a: '1' });
    });

    it('S3 row 57: a session that valid refuses is not used, and its cookie is cleared', async () => {
      let answer: boolean | Promise<boolean> = true;
      const judged: unknown[] = [];
      const visitor = await visit({
        valid: (ctx, session) => {
          judged.push(`${ctx.path} ${shown(session)}`);
          return answer;
        },
      });
      await visitor.get('/set?a=1');
      expect(await visitor.json('/')).to.deep.equal({ a: '1' });
      for (answer of [false, Promise.resolve(false)]) {
        const twin = visitor.twin();
        const { body, cookies } = await twin.get('/');
        expect(body).to.equal('{}');
        expect(cookies).to.have.length(1);
        expect(cookies[0]).to.match(/^koa\.sid=; path=\/; expires=Thu, 01 Jan 1970/);
      }
      expect(judged).to.deep.equal(Array(3).fill('/ {"a":"1"}'));
    });

    it('S3 row 58: beforeSave may change what is saved, and is called for saves only', async () => {
      let calls = 0;
      const visitor = await visit({
        beforeSave: (ctx, session) => {
          calls += 1;
          Object.assign(session, { savedAt: ctx.path });
        },
      });
      await visitor.get('/');
      await visitor.get('/set?a=1');
      expect(await visitor.json('/')).to.deep.equal({ a: '1', savedAt: '/set' });
      expect(calls).to.equal(1);
    });

    it('S3 row 59: a cookie is sent when the session was changed, its cookie included, and only then', async () => {
      const visitor = await visit(
        {},
        {
          '/longer': (ctx) => {
            ctx['session'].cookie.maxAge = 2 * DAY;
          },
          '/deep': (ctx) => {
            ctx['session'].list.push(1);
          },
        },
      );
      expect((await visitor.get('/')).cookies).to.deep.equal([]);
      expect((await visitor.get('/set?list=a')).cookies).to.have.length(1);
      expect((await visitor.get('/')).cookies).to.deep.equal([]);
      const [cookie = ''] = (await visitor.get('/longer')).cookies;
      expect(Date.parse(/expires=([^;]*)/.exec(cookie)?.[1] ?? '')).to.be.closeTo(Date.now() + 2 * DAY, HOUR);
      expect((await visitor.get('/longer')).cookies).to.deep.equal([]);
      clock += 2 * DAY - 1;
      expect(await visitor.json('/')).to.deep.equal({ list: 'a' });
    });

    it('S3 row 59: ctx.session = null ends the session; another object takes its place', async () => {
      const visitor = await visit(
        {},
        {
          '/replace': (ctx) => {
            ctx['session'] = { other: true };
            return 'replaced';
          },
        },
      );
      expect((await visitor.get('/end')).cookies).to.deep.equal([]);
      await visitor.get('/set?a=1');
      const sid = visitor.cookies.get('koa.sid');
      await visitor.get('/replace');
      expect(await visitor.json('/')).to.deep.equal({ other: true });
      expect(visitor.cookies.get('koa.sid')).to.equal(sid);
      expect((await visitor.get('/end')).cookies[0]).to.match(/^koa\.sid=; .*1970/);
      expect(await store.lengthAsync()).to.equal(0);
    });

    it("S3 row 60: outside the cookie's path there is no session", async () => {
      const visitor = await visit(
        { cookieOptions: { path: '/admin' } },
        Object.fromEntries(
          ['/', '/administrator', '/admin', '/admin/page'].map((path) => [
            path,
            (ctx: Context) => `${'session' in ctx}`,
          ]),
        ),
      );
      const pages = ['/', '/administrator', '/admin', '/admin?a', '/admin/page'].map((path) => visitor.body(path));
      expect(await Promise.all(pages)).to.deep.equal(['false', 'false', 'true', 'true', 'true']);
    });

    it("S3 row 60: what clears the cookie names the cookie's path", async () => {
      const visitor = await visit(
        { cookieOptions: { path: '/admin' } },
        {
          '/admin/in': ({ session }) => {
            session.a = 1;
          },
          '/admin/out': (ctx) => {
            ctx['session'] = null;
            return 'out';
          },
        },
      );
      await visitor.get('/admin/in');
      expect((await visitor.get('/admin/out')).cookies[0]).to.match(
        /^koa\.sid=; path=\/admin; expires=Thu, 01 Jan 1970/,
      );
    });

    it('S3 row 61: a session of forty days is there after 39, and nested objects are not shared between requests', async () => {
      const app = new Application();
      app.use(session({ now: () => clock, cookieOptions: { maxAge: 40 * DAY } }));
      let leaked: { list: number[] } | undefined;
      app.use(async (ctx) => {
        ctx['session'].nested ??= { list: [1] };
        leaked?.list.push(2);
        leaked = ctx['session'].nested;
        ctx.body = ctx['session'].nested;
      });
      const site = await Site.open(app.callback());
      sites.push(site);
      const visitor = new Visitor(site);
      await visitor.get('/');
      clock += 39 * DAY;
      leaked?.list.push(3);
      expect(await visitor.json('/')).to.deep.equal({ list: [1] });
    });

    it('saves what a handler changed before it threw, and throws what it threw', async () => {
      const visitor = await visit(
        { store },
        {
          '/fail': (ctx) => {
            ctx['session'].a = 'changed';
            ctx.throw(418, 'short and stout');
          },
        },
      );
      await visitor.get('/set?a=1');
      expect((await visitor.get('/fail')).status).to.equal(418);
      expect(await visitor.json('/')).to.deep.equal({ a: 'changed' });
    });

    it('tells the app of a save that failed too, after a handler that threw', async () => {
      const down = { get: false, set: false };
      const visitor = await visit(
        { store: recorded(down).store },
        {
          '/fail': (ctx) => {
            ctx['session'].a = 1;
            ctx.throw(418, 'short and stout');
          },
        },
      );
      down.set = true;
      expect((await visitor.get('/fail')).status).to.equal(418);
      expect(errors.map((error) => (error as Error).message)).to.deep.equal(['set is down', 'short and stout']);
    });

    it('does nothing where another session middleware was before', async () => {
      const app = new Application();
      const inner = recorded();
      app.use(session({ store }));
      app.use(session({ store: inner.store, key: 'inner' }));
      app.use((ctx) => {
        ctx['session'].a = 1;
        ctx.body = 'ok';
      });
      const site = await Site.open(app.callback());
      sites.push(site);
      expect((await new Visitor(site).get('/')).cookies).to.have.length(1);
      expect(inner.calls).to.deep.equal([]);
    });

    it('sends no cookie when the answer has left already, and saves all the same', async () => {
      const visitor = await visit(
        {},
        {
          '/early': async (ctx) => {
            ctx.respond = false;
            ctx.res.end('early');
            ctx['session'].late = true;
          },
        },
      );
      await visitor.get('/set?a=1');
      expect(await visitor.body('/early')).to.equal('early');
      const sid = visitor.cookies.get('koa.sid') as string;
      expect(await store.getAsync(sid)).to.include({ late: true });
      expect(errors).to.deep.equal([]);
    });

    for (const defer of [false, true]) {
      it(`loses no update of parallel requests, ${defer ? 'deferred' : 'loaded first'}`, async () => {
        const gate = new Gate(3);
        const together = (change: (session: Record<string, unknown>) => void) => async (ctx: Context) => {
          const loaded = await ctx['session'];
          await gate.pass();
          change(loaded);
        };
        const visitor = await visit(
          { defer: defer as never },
          {
            '/a': together((session) => {
              session['a'] = 1;
            }),
            '/b': together((session) => {
              session['b'] = 2;
            }),
            '/c': together((session) => {
              delete session['user'];
            }),
          },
        );
        await visitor.get('/set?user=ada');
        const pages = ['/a', '/b', '/c'].map((path) => visitor.twin().get(path));
        await gate.full;
        gate.open();
        for (const { status } of await Promise.all(pages)) expect(status).to.equal(200);
        expect(await visitor.json('/')).to.deep.equal({ a: 1, b: 2 });
      });

      it(`logout sticks, ${defer ? 'deferred' : 'loaded first'}: slow requests do not bring a session back`, async () => {
        for (const logout of ['/end', '/regenerate']) {
          const gate = new Gate(2);
          const visitor = await visit(
            { defer: defer as never },
            {
              '/slow': async (ctx) => {
                const loaded = await ctx['session'];
                await gate.pass();
                loaded.late = true;
              },
              '/replacing': async (ctx) => {
                await ctx['session'];
                await gate.pass();
                ctx['session'] = { late: true };
              },
              '/regenerate': async (ctx) => {
                await ctx['regenerateSession']();
              },
            },
          );
          await visitor.get('/set?user=ada');
          const slow = ['/slow', '/replacing'].map((path) => visitor.twin().get(path));
          await gate.full;
          await visitor.get(logout);
          gate.open();
          for (const { status } of await Promise.all(slow)) expect(status).to.equal(200);
          expect(await store.lengthAsync(), logout).to.equal(0);
        }
      });
    }
  });
}

describe('sessile/koa', () => {
  it('S3 row 61: the default store keeps no process alive', async () => {
    const out = await program(`
      const { session } = await import(lib('adapters/koa.js'));
      const { default: Koa } = await import(${JSON.stringify(import.meta.resolve('koa'))});
      const app = new Koa();
      app.use(session({ cookieOptions: { maxAge: ${40 * DAY} } })).use((ctx) => {
        ctx.session.user = 'ada';
        ctx.body = 'ok';
      });
      const server = app.listen(0, '127.0.0.1', async () => {
        console.log(await (await fetch('http://127.0.0.1:' + server.address().port)).text());
        server.close();
        server.closeAllConnections();
      });
    `);
    expect(out).to.equal('ok\n');
  });

  it('refuses wrong options, and what is no store', () => {
    for (const wrong of [
      { maxAge: 5 },
      { key: '' },
      { key: 5 },
      { store: { get() {} } },
      { store: 'memory' },
      { reconnectTimeout: -1 },
      { cookieOptions: null },
      { cookieOptions: { httponly: false } },
      { defer: 1 },
      { genSid: 'id' },
      { errorHanlder: {} },
      { now: 5 },
    ]) {
      const make = () => session(wrong as never);
      expect(make, JSON.stringify(wrong)).to.throw(TypeError).with.property('code', 'SESSILE_MISUSE');
    }
    for (const [store, options] of [
      [new ExpressMemoryStore(), { events: 'both' }],
      [new ExpressMemoryStore(), { event: 'lower' }],
      [new ExpressMemoryStore(), { now: 5 }],
      [{}, {}],
      [undefined, {}],
    ]) {
      const make = () => toKoaStore(store as never, options as never);
      expect(make).to.throw(TypeError).with.property('code', 'SESSILE_MISUSE');
    }
  });

  it('BaseStore: set answers how many ms a session is to live, by the ttl, the cookie, or a day', async () => {
    class Own extends BaseStore {
      get() {}
      destroy() {}
    }
    const own = new Own();
    expect(await own.set('a', { cookie: { maxAge: HOUR } }, 5)).to.equal(5);
    expect(await own.set('a', { cookie: { maxAge: HOUR } })).to.equal(HOUR);
    const expires = new Date(Date.now() + HOUR);
    expect(await own.set('a', { cookie: { maxAge: 5, expires } })).to.be.within(1, HOUR);
    expect(await own.set('a', {})).to.equal(DAY);
    expect(await own.set('a', { cookie: { maxAge: null } })).to.equal(DAY);
  });

  it('toKoaStore passes connect and disconnect on in lower case where it is asked to', () => {
    const store = new MemoryStore();
    const heard: string[] = [];
    const adapted = toKoaStore(store, { events: 'lower' });
    for (const name of [CONNECT, DISCONNECT, 'connect', 'disconnect']) adapted.on(name, () => heard.push(name));
    store.emit('disconnect');
    store.emit('connect');
    expect(heard).to.deep.equal(['disconnect', 'connect']);
    return store.closeAsync();
  });
});

/** A plain emitter with no sessions in it. */
class MapEmitter extends EventEmitter {
  get() {}
  set() {}
  destroy() {}
}

const common: Record<string, Handler> = {
  '/set': async (ctx) => {
    Object.assign(await ctx['session'], ctx.query);
  },
  '/end': (ctx) => {
    ctx['session'] = null;
    return 'ended';
  },
};

/** A session without its cookie. */
function shown(session: unknown): string {
  const { cookie: _, ...own } = (session ?? {}) as { cookie?: unknown };
  return JSON.stringify(own);
}

/** A store of koa-session-ts's kind that notes its calls, and fails as `down` says. */
function recorded(down: { get?: boolean | string; set?: boolean } = {}) {
  const calls: Calls = [];
  const kept = new Map<string, string>();
  const fail = (name: 'get' | 'set') => {
    if (down[name]) throw Object.assign(new Error(`${name} is down`), down[name] !== true && { code: down[name] });
  };
  const store = {
    async get(...args: [sid: string]) {
      calls.push(['get', ...args]);
      fail('get');
      return JSON.parse(kept.get(args[0]) ?? 'null') as object | null;
    },
    async set(...args: [sid: string, session: object, ttl?: number]) {
      calls.push(['set', args[0], structuredClone(args[1]), ...args.slice(2)]);
      fail('set');
      kept.set(args[0], JSON.stringify(args[1]));
    },
    async destroy(...args: [sid: string]) {
      calls.push(['destroy', ...args]);
      kept.delete(args[0]);
    },
  };
  return { calls, store };
}
