// Counts the visits of each visitor, in an app of tinyhttp; the counters survive a restart. After a build:
//
//   node examples/tinyhttp/counter.mjs        then open the address that it prints; PORT and DATA_DIR are heeded
import { join } from 'node:path';
import { App } from '@tinyhttp/app';
import { FileStore } from 'sessile/file';
import { SessionManager } from 'sessile/tinyhttp';

const store = new FileStore(process.env.DATA_DIR || join(import.meta.dirname, 'data'));
const getSession = SessionManager({
  store,
  // In earnest: a long random text that is kept outside the program.
  secret: process.env.SESSION_SECRET || 'only for this example',
  resave: false,
  saveUninitialized: false,
  cookie: { maxAge: 30 * 60_000, sameSite: 'lax' },
});

const app = new App();

app.get('/', async (req, res) => {
  const session = await getSession(req, res);
  session.views = (session.views ?? 0) + 1;
  res.send(`Views: ${session.views}\n`);
});

app.post('/forget', async (req, res) => {
  const session = await getSession(req, res);
  session.destroy(() => res.send('Forgotten\n'));
});

const server = app.listen(Number(process.env.PORT || 3000), () => {
  console.log(`Open http://localhost:${server.address().port}`);
});

process.once('SIGTERM', stop).once('SIGINT', stop);

function stop() {
  server.close(() => store.close());
  server.closeIdleConnections();
}
