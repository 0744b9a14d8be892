// A Koa app with logins that survive a restart, under any of four session middlewares.
//
//   node examples/koa/koa.mjs [sessile | koa-session | koa-generic-session | koa-session-ts]
//
// PORT (3000) and SESSIONS (a folder below the system's temporary one) may be set.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Koa from 'koa';
import { FileStore } from 'sessile/file';
import { session, toKoaStore } from 'sessile/koa';

const ONE_DAY = 86_400_000;

const middlewares = {
  sessile: () => session({ store }),
  'koa-session': async (app) => (await import('koa-session')).createSession({ store: toKoaStore(store) }, app),
  'koa-generic-session': async () => (await import('koa-generic-session')).default({ store: toKoaStore(store) }),
  'koa-session-ts': async () => {
    const cookieOptions = { maxAge: ONE_DAY, signed: true };
    return (await import('koa-session-ts')).default.default({ store: toKoaStore(store), cookieOptions });
  },
};

const [, , name = 'sessile'] = process.argv;
if (!(name in middlewares)) {
  console.error(`No middleware "${name}"; there are ${Object.keys(middlewares).join(', ')}.`);
  process.exit(1);
}

const store = new FileStore(process.env.SESSIONS ?? join(tmpdir(), 'sessile-example-koa'));
const app = new Koa();
app.keys = ['a secret of the example'];
app.use(await middlewares[name](app));
app.use(async (ctx) => {
  if (ctx.path === '/login') ctx.session.user = ctx.query.name ?? 'ada';
  if (ctx.path === '/logout') ctx.session = null;
  else if (ctx.session.user) ctx.session.visits = (ctx.session.visits ?? 0) + 1;
  const { user, visits } = ctx.session ?? {};
  ctx.body = user ? `Hello ${user}, visit ${visits}.\n` : 'Who is there? Go to /login?name=ada\n';
});

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`${name} on http://127.0.0.1:${server.address().port}`);
});
process.once('SIGTERM', () => server.close(() => store.closeAsync()));
