// Five requests at once on one session, each of which sets a key of its own: which keys are there afterwards?
//
//   node examples/parallel/parallel.mjs
import { once } from 'node:events';
import express from 'express';
import session from 'express-session';
import { MemoryStore } from 'sessile/memory';

const KEYS = ['a', 'b', 'c', 'd', 'e'];

async function show(name, store) {
  const server = appOn(store).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}`;

  const login = await fetch(`${url}/login`);
  const headers = { cookie: login.headers.get('set-cookie').split(';')[0] };
  await Promise.all(KEYS.map((key) => fetch(`${url}/set/${key}`, { headers })));
  const found = await (await fetch(url, { headers })).json();

  const kept = KEYS.filter((key) => key in found);
  console.log(`${name}: ${kept.length} of ${KEYS.length}`);
  server.close();
  server.closeAllConnections();
}

function appOn(store) {
  const app = express();
  const atOnce = new Meeting(KEYS.length);
  app.use(session({ store, secret: 'example', resave: false, saveUninitialized: false }));
  app.get('/login', (req, res) => {
    req.session.user = 'ada';
    res.end();
  });
  app.get('/set/:key', async (req, res) => {
    await atOnce.everybody();
    req.session[req.params.key] = true;
    res.end();
  });
  app.get('/', (req, res) => res.json(req.session));
  return app;
}

/** Stands for the work that a handler waits for, a query say: all have read the session before the first one saves. */
class Meeting {
  #missing;
  #open;
  #opened = new Promise((resolve) => {
    this.#open = resolve;
  });

  constructor(size) {
    this.#missing = size;
  }

  everybody() {
    this.#missing -= 1;
    if (this.#missing === 0) this.#open();
    return this.#opened;
  }
}

await show("express-session's MemoryStore", new session.MemoryStore());
await show("sessile's MemoryStore", new MemoryStore());
