import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Express, type Request } from 'express';
import session, { type Store } from 'express-session';
import type { ClientJob } from '../client.js';
import {
  Disqualified,
  type Load,
  type Opened,
  type Outcome,
  type Sample,
  type Tools,
  type Trial,
  WARM,
} from '../contract.js';
import { watchLoop } from '../latency.js';
import { type AppSession, makeSession } from '../sessions.js';
import { fill } from './store.js';

const ONE_DAY = 86_400_000;

/** Express and its packages are far more code than a store, and are called far less often in a second. */
const LONGER = 4;

export const appRead: Trial = {
  name: 'app-read',
  about: 'whole request, Express 5 + express-session: reads the session, which is then touched',
  writes: 'touch',
  run: (opened, load, tools) => runApp('read', opened, load, tools),
};

export const appWrite: Trial = {
  name: 'app-write',
  about: 'whole request, Express 5 + express-session: reads the session, changes it, which is then saved',
  writes: 'save',
  run: (opened, load, tools) => runApp('write', opened, load, tools),
};

async function runApp(path: ClientJob['path'], opened: Opened, load: Load, tools: Tools): Promise<Sample> {
  await fill(opened, load.sessions, load.bytes);
  const server = createServer(makeApp(opened.store as unknown as Store, load.bytes));
  const { port } = await listen(server);
  try {
    const { connections, seconds, operations } = load;
    const warmUp = load.warmUp * LONGER;
    return await askClient(tools.client, { port, path, connections, seconds, operations, warmUp });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function makeApp(store: Store, bytes: number): Express {
  const app = express();
  app.use(session({ store, secret: 'bench', resave: false, saveUninitialized: false, cookie: { maxAge: ONE_DAY } }));
  app.post('/login', (req, res) => {
    const { cookie: _, ...data } = makeSession(bytes, String(req.query['user']));
    Object.assign(req.session, data);
    res.json({ user: data.user });
  });
  app.get('/read', (req, res) => {
    const { user, views } = sessionOf(req);
    res.json({ user, views });
  });
  app.get('/write', (req, res) => {
    const found = sessionOf(req);
    found.views = (found.views ?? 0) + 1;
    res.json({ user: found.user, views: found.views });
  });
  return app;
}

function sessionOf({ session: found }: Request): AppSession {
  return found;
}

async function listen(server: Server): Promise<AddressInfo> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address() as AddressInfo;
}

/** The client is a process of its own: its work must not count as the app's. */
async function askClient(path: string, job: ClientJob): Promise<Sample> {
  const client = fork(path, [JSON.stringify(job)], { execArgv: [] });
  const dead = diesOf(client);
  let [since, loopDelay] = [process.cpuUsage(), () => 0];
  for (;;) {
    const [said] = (await Promise.race([once(client, 'message'), dead])) as [Outcome | typeof WARM];
    if (said === WARM) [since, loopDelay] = [process.cpuUsage(), watchLoop()];
    else if ('disqualified' in said) throw new Disqualified(said.disqualified);
    else return ofApp(said.sample, process.cpuUsage(since), loopDelay());
  }
}

/** What a request costs the processor in the app, on all its threads; latency alone is what the client tells. */
function ofApp(sample: Sample, { user, system }: NodeJS.CpuUsage, loopP99Ms: number): Sample {
  const cpuMicroseconds = (user + system) / sample.operations;
  return { ...sample, figures: { ...sample.figures, cpuMicroseconds, loopP99Ms } };
}

async function diesOf(client: ReturnType<typeof fork>): Promise<never> {
  const [code] = await once(client, 'exit');
  throw new Error(`the HTTP client ended without a result, code ${code}`);
}
