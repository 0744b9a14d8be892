import { expect } from 'chai';
import { complaintsOf } from '../support/strict-program.js';

/** As strangers write them: no cast, no any, with the fields of an app declared where its framework wants them. */
const programs: Record<string, string> = {
  'Express and NestJS': `
    import { NestFactory } from '@nestjs/core';
    import express from 'express';
    import session from 'express-session';
    import { FileStore } from 'sessile/file';
    import { adopt } from 'sessile/foreign';
    import { MemoryStore } from 'sessile/memory';
    import { SqliteStore } from 'sessile/sqlite';

    declare module 'express-session' {
      interface SessionData { user: string }
    }
    const stores = [new MemoryStore(), new FileStore('x'), new SqliteStore('x'), adopt(new session.MemoryStore())];
    for (const store of stores) {
      const middleware = session({ store, secret: 'x', resave: false, saveUninitialized: false });
      express().use(middleware).get('/', (req, res) => {
        const user: string | undefined = req.session.user;
        res.json(user);
      });
      (await NestFactory.create(class {})).use(middleware);
    }`,
  Connect: `
    import connect from 'connect';
    import session from 'express-session';
    import { FileStore } from 'sessile/file';
    import { genericSession } from 'sessile/generic';
    import { middleware } from 'sessile/server-session';
    import { SessionManager } from 'sessile/tinyhttp';

    declare module 'express-session' {
      interface SessionData { user: string }
    }
    const store = new FileStore('x');
    const sessions = middleware<{ user: string }>({ store });
    const getSession = SessionManager({ store, secret: 'x', resave: false, saveUninitialized: false });
    connect().use(sessions).use('/below', sessions).use(genericSession.filter(store))
      .use((req, res) => {
        const user: string | undefined = sessions.of(req).get('user');
        res.end(user);
      })
      .use(async (req, res, next) => {
        const { user } = await getSession(req, res);
        next(user);
      })
      .use(sessions.failed);
    // @ts-expect-error: express-session is declared as a middleware of Express, which asks more of a request
    connect().use(session({ store, secret: 'x' }));`,
  'tinyhttp and node:http': `
    import { createServer } from 'node:http';
    import { App } from '@tinyhttp/app';
    import { FileStore } from 'sessile/file';
    import { genericSession } from 'sessile/generic';
    import { middleware, sqliteStore } from 'sessile/server-session';
    import { SessionManager } from 'sessile/tinyhttp';

    const store = new FileStore('x');
    const getSession = SessionManager<{ views?: number }>({ store, secret: ['new', 'old'], cookie: { maxAge: 5 } });
    new App()
      .use(async (req, res, next) => {
        const session = await getSession(req, res);
        session.views = (session.views ?? 0) + 1;
        // @ts-expect-error: views are a number
        session.views = 'many';
        await next?.();
      })
      .get('/logout', async (req, res) => {
        (await getSession(req, res)).destroy(() => res.json({}));
      });
    const sessions = middleware<{ user?: string }>({ store: sqliteStore('x'), ttl: 5 });
    createServer(sessions.wrap(({ session }, res) => {
      session.set('user', 'ada');
      // @ts-expect-error: a user is a string
      session.set('user', 5);
      res.end(session.get('user'));
    }));
    createServer((req, res) => {
      const session = genericSession(req, res, store, { keys: ['x'], expire: 60 });
      session.get('user', (error, user) => res.end(error ? 'failed' : JSON.stringify(user)));
      // @ts-expect-error: an option that is none
      genericSession(req, res, store, { maxAge: 5 });
    });`,
  'Stores of other kinds': `
    import session from 'express-session';
    import { type AnyStore, promisify } from 'sessile/bridge';
    import { toFastifyStore } from 'sessile/fastify';
    import { adopt } from 'sessile/foreign';
    import { genericSession, type GenericStore } from 'sessile/generic';

    const byKey: GenericStore = genericSession.MemoryStore();
    const stores: AnyStore[] = [byKey, new session.MemoryStore()];
    const written: AnyStore = {
      get: (sid, callback) => callback(undefined, sid === 'a' ? undefined : null),
      set(sid, { cookie }, callback) { callback?.(cookie.path === sid); },
      destroy: (sid, callback) => callback?.(sid),
    };
    for (const store of [...stores, written, byKey]) {
      session({ store: adopt(store), secret: 'x', resave: false, saveUninitialized: false });
      toFastifyStore(store);
      promisify(store, { ttl: 1_000 });
    }
    // @ts-expect-error: neither kind
    adopt({ get() {}, set() {} });`,
  Fastify: `
    import cookie from '@fastify/cookie';
    import session from '@fastify/session';
    import fastify from 'fastify';
    import { toFastifyStore } from 'sessile/fastify';
    import { MemoryStore } from 'sessile/memory';

    declare module 'fastify' {
      interface Session { user?: string; visits: number }
    }
    const app = fastify();
    await app.register(cookie);
    await app.register(session, { secret: 'x', store: toFastifyStore(new MemoryStore()) });
    app.get('/', async (req) => {
      req.session.visits += 1;
      const user: string | undefined = req.session.user;
      return user;
    });
    // @ts-expect-error: no store
    toFastifyStore({ get() {} });
    // @ts-expect-error: a store for express-session is none for fastify, by its types
    await app.register(session, { secret: 'x', store: new MemoryStore() });`,
  Hono: `
    import { type SessionEnv, useSession, useSessionStorage } from '@hono/session';
    import { Hono } from 'hono';
    import { type HonoStorage, toHonoStorage } from 'sessile/hono';
    import { MemoryStore } from 'sessile/memory';

    type Mine = { user?: string };
    const storage = toHonoStorage<Mine>(new MemoryStore(), { ttl: 5, onError: (error) => console.error(error) });
    const app = new Hono<SessionEnv<Mine>>();
    app.use(useSessionStorage(storage), useSession<Mine>({ secret: 'x' }));
    app.get('/', async (c) => {
      const found: Mine | null = await c.var.session.get();
      await c.var.session.update({ user: found?.user ?? 'ada' });
      // @ts-expect-error: a user is a string
      await c.var.session.update({ user: 5 });
      return c.json(found);
    });
    export const one: HonoStorage<Mine> = storage(undefined);
    // @ts-expect-error: an option that is none
    toHonoStorage(new MemoryStore(), { maxAge: 5 });`,
};

/** next-session's declarations can be read as Next.js has TypeScript read them, and not as Node would. */
const next = `
  import { createServer } from 'node:http';
  import nextSession, { type SessionStore } from 'next-session';
  import { MemoryStore } from 'sessile/memory';
  import { toNextSessionStore } from 'sessile/next';

  const store: SessionStore = toNextSessionStore(new MemoryStore(), { onError: (error) => console.error(error) });
  const getSession = nextSession<{ user?: string }>({ store });
  createServer(async (req, res) => {
    const session = await getSession(req, res);
    session.user = 'ada';
    // @ts-expect-error: a user is a string
    session.user = 5;
  });
  // @ts-expect-error: no store
  toNextSessionStore({ get() {} });`;

describe('the types of the frameworks', function () {
  this.timeout(300_000);

  for (const [name, program] of Object.entries(programs)) {
    it(`${name}: a strict program compiles without a cast`, async () => {
      expect(await complaintsOf(program)).to.deep.equal([]);
    });
  }

  it('Next.js: a strict program compiles without a cast', async () => {
    expect(await complaintsOf(next, { module: 'esnext', moduleResolution: 'bundler' })).to.deep.equal([]);
  });
});
