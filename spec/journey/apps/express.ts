import connect from 'connect';
import express5 from 'express';
import session from 'express-session';
import express4 from 'express4';
import type { Face, Fields, Settings, Visit } from '../../conformance/journey/face.js';
import { called, listen, withoutCookie } from '../listen.js';

type Next = (error?: unknown) => void;
type Request = Parameters<session.SessionOptions['genid'] & object>[0];
type Response = import('node:http').ServerResponse;

/** What Express, Connect and Nest have in common: they run express-session and need nothing but a store. */
export function middleware({ store, maxAge, rolling }: Settings): ReturnType<typeof session> {
  const cookie = { maxAge };
  return session({ store, cookie, rolling, secret: 'of the journey', resave: false, saveUninitialized: false });
}

export function visitOf(req: Request): Visit {
  const fields = () => req.session as unknown as Fields;
  return {
    read: () => withoutCookie(req.session),
    write: (changes) => Object.assign(fields(), changes),
    remove: (key) => delete fields()[key],
    regenerate: () => called((callback) => req.session.regenerate(callback)),
    end: () => called((callback) => req.session.destroy(callback)),
  };
}

interface App {
  (req: import('node:http').IncomingMessage, res: Response): unknown;
  use(...handlers: unknown[]): unknown;
}

function face(name: string, create: () => App): Face {
  return {
    name,
    start: (settings) => {
      const app = create();
      app.use(middleware(settings));
      app.use((req: Request, res: Response, next: Next) => {
        const answered = settings.answer(req.url ?? '', visitOf(req));
        answered.then((body) => {
          res.setHeader('content-type', 'application/json');
          res.end(JSON.stringify(body));
        }, next);
      });
      app.use((_error: unknown, _req: Request, res: Response, _next: Next) => {
        if (res.headersSent) return;
        res.statusCode = 500;
        res.end();
      });
      return listen(app as Parameters<typeof listen>[0]);
    },
  };
}

export const faces: readonly Face[] = [
  face('Express 5', () => express5() as unknown as App),
  face('Express 4', () => (express4 as unknown as () => App)()),
  face('Connect', () => connect() as unknown as App),
];
