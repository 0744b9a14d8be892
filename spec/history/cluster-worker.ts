/** One of the processes behind the port (see cluster.ts): Express, unmodified express-session, and a store of its own. */
import cluster from 'node:cluster';
import express, { type NextFunction, type Request, type Response } from 'express';
import session from 'express-session';
import { type Go, type Parked, WORKER } from './cluster-messages.js';
import { logouts, slow } from './logout.js';
import type { Act, AnySession } from './staged-app.js';
import { openStore } from './stores.js';

const HOUR = 3_600_000;

const data = (req: Request) => req.session as unknown as AnySession;

/** By the name in `x-act`; a word after it is the act's own. */
const acts: Record<string, (word: string) => Act> = {
  login: () => (req) => void Object.assign(data(req), { user: 'ada', old: 'there' }),
  set: (key) => async (req, step) => {
    await step();
    data(req)[key] = true;
  },
  forget: (key) => async (req, step) => {
    await step();
    delete data(req)[key];
  },
  extend: () => async (req, step) => {
    await step();
    req.session.cookie.maxAge = 2 * HOUR;
  },
  slow: (name) => slow[name] as Act,
  logout: (name) => logouts[name] as Act,
};

const { description, options } = JSON.parse(process.env['SESSILE_CLUSTER'] as string);
const store = openStore(description, { pruneInterval: 0 });
const waiting = new Map<string, () => void>();

const app = express();
app.use(session({ secret: 'spec', saveUninitialized: false, resave: false, ...options, store }));
app.use((req: Request, res: Response, next: NextFunction) => {
  const [name = '', word = ''] = String(req.headers['x-act']).split(' ');
  const request = String(req.headers['x-request']);
  res.setHeader(WORKER, String(cluster.worker?.id));
  const step = () =>
    new Promise<void>((go) => {
      waiting.set(request, go);
      process.send?.({ parked: request } satisfies Parked);
    });
  Promise.resolve(acts[name]?.(word)(req, step)).then(() => res.end(req.sessionID), next);
});
app.use((error: Error, _req: Request, res: Response, _next: NextFunction) => {
  res.status(500).end(String(error));
});

process.on('message', ({ go }: Go) => {
  const wake = waiting.get(go);
  waiting.delete(go);
  wake?.();
});
app.listen(0, '127.0.0.1');
