// A Hono app whose logins survive a restart.
//
//   node examples/hono/server.mjs
//   curl -c jar -b jar -X POST 'http://127.0.0.1:3000/login?name=ada'
//   curl -c jar -b jar http://127.0.0.1:3000
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import { useSession, useSessionStorage } from '@hono/session';
import { Hono } from 'hono';
import { FileStore } from 'sessile/file';
import { toHonoStorage } from 'sessile/hono';

const { PORT = '3000', SECRET = 'for trying it out, not for production' } = process.env;
const { SESSIONS = join(tmpdir(), 'sessile-example-hono') } = process.env;
const HALF_AN_HOUR = 30 * 60_000;

const store = new FileStore(SESSIONS);
store.on('error', (error) => console.error(error));
const app = new Hono();
app.use(useSessionStorage(toHonoStorage(store, { ttl: HALF_AN_HOUR })));
// The key is 32 bytes; the duration of the cookie is in seconds.
app.use(useSession({ secret: SECRET.padEnd(32).slice(0, 32), duration: { absolute: HALF_AN_HOUR / 1_000 } }));

app.get('/', async (c) => {
  const { session } = c.var;
  const found = await session.get();
  if (found?.name) await session.update((latest) => latest && { ...latest, visits: latest.visits + 1 });
  return c.json({ name: session.data?.name ?? null, visits: session.data?.visits ?? 0 });
});

app.post('/login', async (c) => {
  const { session } = c.var;
  await session.update({ name: c.req.query('name'), visits: 0 });
  return c.json({ name: session.data.name });
});

app.post('/logout', async (c) => {
  const { session } = c.var;
  await session.get();
  session.delete();
  return c.json({ name: null });
});

const server = serve({ fetch: app.fetch, port: Number(PORT), hostname: '127.0.0.1' }, ({ port }) => {
  console.log(`http://127.0.0.1:${port}`);
});
process.once('SIGTERM', () => server.close(() => store.closeAsync()));
