import { createRequire } from 'node:module';
import { join } from 'node:path';
import Koa, { type Context, type Middleware } from 'koa';
import { createSession } from 'koa-session';
import Koa3 from 'koa3';
import { type EggStore, eggStore } from '../../lib/adapters/egg.js';
import { session, toKoaStore } from '../../lib/adapters/koa.js';
import type { AnyStore, PromisedStore } from '../../lib/bridge.js';

const require = createRequire(import.meta.url);
const modules = join(import.meta.dirname, '../../node_modules');

export interface HostOptions {
  /** ms that a session lives. */
  readonly maxAge: number;
  readonly rolling?: boolean;
  readonly signed?: boolean;
}

/** One of the session packages for Koa, with nothing changed in it. */
export interface Host {
  readonly name: string;
  readonly Application: typeof Koa;
  /** ms after its `maxAge` for which the host has a store keep a session. */
  readonly grace: number;
  /** Keeps user's values under any name in a session, because its sessions have no cookie. */
  readonly hasNoCookie: boolean;
  use(app: Koa, store: AnyStore | PromisedStore, options: HostOptions): void;
  /** Gives the session another id and answers when that is done. */
  regenerate(ctx: Context): unknown;
}

const regenerateSession = (ctx: Context) => ctx['regenerateSession']();
const regenerate = (ctx: Context) => ctx['session'].regenerate();
/** As `Date.now` is now: the specs move it. */
const now = () => Date.now();

const onKoa = (Application: typeof Koa, version: string): Host[] => [
  {
    name: `sessile/koa on Koa ${version}`,
    ...{ Application, grace: 0, hasNoCookie: false, regenerate: regenerateSession },
    use: (app, store, { rolling = false, ...cookie }) => {
      app.use(session({ store, rolling, now, cookieOptions: { signed: false, ...cookie } }));
    },
  },
  {
    name: `koa-session 7 on Koa ${version}`,
    ...{ Application, grace: 10_000, hasNoCookie: true, regenerate },
    use: (app, store, options) => {
      app.use(createSession({ signed: false, ...options, store: toKoaStore(store, { now }) }, app));
    },
  },
  {
    name: `koa-generic-session on Koa ${version}`,
    ...{ Application, grace: 0, hasNoCookie: false, regenerate: regenerateSession },
    use: (app, store, { maxAge, rolling, signed = false }) => {
      const generic = require('koa-generic-session') as (options: object) => Middleware;
      app.use(generic({ store: toKoaStore(store, { now }), rolling, cookie: { maxAge, signed } }));
    },
  },
  {
    name: `koa-session-ts on Koa ${version}`,
    ...{ Application, grace: 0, hasNoCookie: false, regenerate: regenerateSession },
    use: (app, store, { maxAge, rolling, signed = false }) => {
      const ts = require('koa-session-ts') as { default: (options: object) => Middleware };
      silence(app);
      app.use(ts.default({ store: toKoaStore(store, { now }), rolling, cookieOptions: { maxAge, signed } }));
    },
  },
];

/** koa-session-ts writes to `ctx.logger`, or else to the console. */
function silence(app: Koa): void {
  app.context['logger'] = { warn() {}, error() {} };
}

/** What an egg application has, as far as the session plugin of egg is concerned. */
export type EggApp = Koa & {
  config: { env: string; coreMiddleware: string[]; session: Record<string, unknown> };
  sessionStore: unknown;
};

/**
 * A Koa application with what the plugin adds to egg's: its configuration, its setter of `sessionStore` and its
 * middleware, the real ones.
 */
export function eggApp(version: 3 | 4, config: Record<string, unknown> = {}, logged: unknown[][] = []): EggApp {
  const app = new Koa() as EggApp;
  const log = { warn: (...args: unknown[]) => logged.push(args), info() {} };
  const at = version === 3 ? 'egg-session' : '@eggjs/session/dist/commonjs';
  const load = (path: string) => require(join(modules, at, path));
  const defaults = version === 3 ? load('config/config.default.js') : load('config/config.default.js').default;
  app.config = { env: 'spec', coreMiddleware: [], session: { ...defaults.session, encrypt: false, ...config } };
  const co = require('co') as { wrap(method: unknown): unknown };
  const isGenerator = (method: object) => method.constructor.name === 'GeneratorFunction';
  Object.assign(app, { logger: log, coreLogger: log });
  Object.assign(app, { toAsyncFunction: (method: object) => (isGenerator(method) ? co.wrap(method) : method) });
  app.context['coreLogger'] = log;
  const extension = load('app/extend/application.js');
  const { get, set } = Object.getOwnPropertyDescriptor(
    version === 3 ? extension : extension.default.prototype,
    'sessionStore',
  ) as PropertyDescriptor;
  Object.defineProperty(app, 'sessionStore', { configurable: true, ...(get && { get }), ...(set && { set }) });
  if (version === 3) load('app.js')(app);
  else new (load('app.js').default)(app).configWillLoad();
  return app;
}

/** After `app.sessionStore` was set. */
export function useEggSession(app: EggApp, version: 3 | 4): void {
  const path =
    version === 3 ? 'egg-session/app/middleware/session.js' : '@eggjs/session/dist/commonjs/app/middleware/session.js';
  const loaded = require(join(modules, path));
  const middleware = (loaded.default ?? loaded) as (options: object, app: Koa) => Middleware;
  app.use(middleware(app.config.session, app));
}

const onEgg = (version: 3 | 4): Host => ({
  name: version === 3 ? 'egg-session 3' : '@eggjs/session 4',
  ...{ grace: 10_000, hasNoCookie: true, regenerate },
  Application: class extends Koa {
    constructor() {
      super();
      Object.defineProperties(this, Object.getOwnPropertyDescriptors(eggApp(version)));
    }
  } as typeof Koa,
  use: (app, store, options) => {
    const egg = app as EggApp;
    Object.assign(egg.config.session, { signed: false, ...options });
    egg.sessionStore = eggStore(store, { now }) satisfies EggStore;
    useEggSession(egg, version);
  },
});

export const hosts: readonly Host[] = [...onKoa(Koa, '2'), ...onKoa(Koa3, '3'), onEgg(3), onEgg(4)];

/** What a route of an app does; what it returns is the answer. */
export type Handler = (ctx: Context) => unknown;

/** Routes that every app of these specs has. */
export const common: Record<string, Handler> = {
  '/set': (ctx) => {
    Object.assign(ctx['session'], ctx.query);
  },
  '/end': (ctx) => {
    ctx['session'] = null;
    return 'ended';
  },
};
