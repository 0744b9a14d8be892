// Logins that survive a restart, with Egg's session plugin (egg-session 3). Egg itself is a framework of several hundred
// packages; here a Koa application with what the plugin needs of it stands in its place.
//
//   node examples/egg/egg.mjs
//
// PORT (3000) may be set.
import { createRequire } from 'node:module';
import Koa from 'koa';
import configure from './app.mjs';

const require = createRequire(import.meta.url);
const { session: defaults } = require('egg-session/config/config.default.js');
const sessionOf = require('egg-session/app/middleware/session.js');

const app = new Koa();
app.keys = ['a secret of the example'];
// Egg's application has these; its cookies encrypt, which Koa's do not.
app.config = { env: 'prod', session: { ...defaults, encrypt: false }, coreMiddleware: [] };
app.logger = console;
app.toAsyncFunction = (method) => method;
Object.defineProperties(app, Object.getOwnPropertyDescriptors(require('egg-session/app/extend/application.js')));

const close = configure(app);
app.use(sessionOf(app.config.session, app));
app.use(async (ctx) => {
  if (ctx.path === '/login') ctx.session.user = ctx.query.name ?? 'ada';
  if (ctx.path === '/logout') ctx.session = null;
  else if (ctx.session.user) ctx.session.visits = (ctx.session.visits ?? 0) + 1;
  const { user, visits } = ctx.session ?? {};
  ctx.body = user ? `Hello ${user}, visit ${visits}.\n` : 'Who is there? Go to /login?name=ada\n';
});

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`egg-session on http://127.0.0.1:${server.address().port}`);
});
process.once('SIGTERM', () => server.close(() => close()));
