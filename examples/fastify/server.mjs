// A Fastify app whose logins survive a restart.
//
//   node examples/fastify/server.mjs
//   curl -c jar -b jar -X POST 'http://127.0.0.1:3000/login?name=ada'
//   curl -c jar -b jar http://127.0.0.1:3000
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import cookie from '@fastify/cookie';
import session from '@fastify/session';
import fastify from 'fastify';
import { toFastifyStore } from 'sessile/fastify';
import { FileStore } from 'sessile/file';

const { PORT = '3000', SECRET = 'for trying it out, and not for production' } = process.env;
const { SESSIONS = join(tmpdir(), 'sessile-example-fastify') } = process.env;

const store = new FileStore(SESSIONS);
const app = fastify();
await app.register(cookie);
await app.register(session, {
  store: toFastifyStore(store),
  secret: SECRET,
  // Behind HTTPS leave `secure` out: it is true by default, and browsers then send the cookie nowhere else.
  cookie: { maxAge: 30 * 60_000, sameSite: 'lax', secure: false },
  saveUninitialized: false,
});

app.get('/', (req) => {
  const { session } = req;
  if (session.name) session.visits += 1;
  return { name: session.name ?? null, visits: session.visits ?? 0 };
});

app.post('/login', async (req) => {
  await req.session.regenerate();
  Object.assign(req.session, { name: req.query.name, visits: 0 });
  return { name: req.session.name };
});

app.post('/logout', async (req) => {
  await req.session.destroy();
  return { name: null };
});

app.addHook('onClose', () => store.closeAsync());
process.once('SIGTERM', () => app.close());
console.log(await app.listen({ port: Number(PORT), host: '127.0.0.1' }));
