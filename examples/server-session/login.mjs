// Login and logout on plain node:http, with sessions in a SQLite database. After a build:
//
//   node examples/server-session/login.mjs        PORT and DATA_DIR are heeded
//   curl -c jar -b jar localhost:3000/login/ada   then /, then /logout
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { middleware, sqliteStore } from 'sessile/server-session';

const folder = process.env.DATA_DIR || join(import.meta.dirname, 'data');
mkdirSync(folder, { recursive: true, mode: 0o700 });
const store = sqliteStore(join(folder, 'sessions.db'));
const sessions = middleware({ store, ttl: 30 * 60, rolling: true, cookie: { sameSite: 'Lax' } });

const server = createServer(
  sessions.wrap(async (req, res) => {
    const { session } = req;
    res.setHeader('Content-Type', 'text/plain; charset=utf-8');
    const [, page, name] = (req.url ?? '/').split('/');
    if (page === 'login') {
      // An id that somebody planted before is worth nothing afterwards.
      session.regenerate();
      session.set('user', decodeURIComponent(name ?? ''));
      res.end('Logged in\n');
    } else if (page === 'logout') {
      await session.destroy();
      res.end('Logged out\n');
    } else {
      res.end(`Hello, ${session.get('user') ?? 'stranger'}\n`);
    }
  }),
);

server.listen(Number(process.env.PORT || 3000), () => {
  console.log(`Open http://localhost:${server.address().port}`);
});

process.once('SIGTERM', stop).once('SIGINT', stop);

function stop() {
  server.close(() => store.close());
  server.closeIdleConnections();
}
