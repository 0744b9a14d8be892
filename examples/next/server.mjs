// next-session with logins that survive a restart. In Next.js an API route is a function of `(req, res)` as below; here
// a plain server calls it, so that nothing has to be built.
//
//   node examples/next/server.mjs
//   curl -c jar -b jar -X POST 'http://127.0.0.1:3000/login?name=ada'
//   curl -c jar -b jar http://127.0.0.1:3000
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import nextSession from 'next-session';
import { FileStore } from 'sessile/file';
import { toNextSessionStore } from 'sessile/next';

const { PORT = '3000' } = process.env;
const { SESSIONS = join(tmpdir(), 'sessile-example-next') } = process.env;

const store = new FileStore(SESSIONS);
store.on('error', (error) => console.error(error));
// In an app: a file of its own, which every route imports. `maxAge` and `touchAfter` are in seconds.
const getSession = nextSession({
  store: toNextSessionStore(store),
  cookie: { maxAge: 30 * 60, sameSite: 'lax' },
  touchAfter: 60,
});

const routes = {
  'GET /': async (req, res) => {
    const session = await getSession(req, res);
    if (session.name) session.visits += 1;
    return { name: session.name ?? null, visits: session.visits ?? 0 };
  },
  'POST /login': async (req, res, query) => {
    // There is no `regenerate`, so that nobody can fix an id beforehand write to no session before its login.
    const session = await getSession(req, res);
    Object.assign(session, { name: query.get('name'), visits: 0 });
    return { name: session.name };
  },
  'POST /logout': async (req, res) => {
    await (await getSession(req, res)).destroy();
    return { name: null };
  },
};

const server = createServer(async (req, res) => {
  const { pathname, searchParams } = new URL(req.url, 'http://127.0.0.1');
  const answer = await routes[`${req.method} ${pathname}`]?.(req, res, searchParams);
  res.statusCode = answer ? 200 : 404;
  res.setHeader('content-type', 'application/json');
  res.end(JSON.stringify(answer ?? {}));
});
server.listen(Number(PORT), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
process.once('SIGTERM', () => server.close(() => store.closeAsync()));
