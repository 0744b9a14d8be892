import { fileURLToPath } from 'node:url';
import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler } from 'express';
import session, { type Store } from 'express-session';
import { type Keeping, loginPage, messagePage, visitPage } from './page.js';

declare module 'express-session' {
  interface SessionData {
    /** Present while somebody is logged in. */
    visitor?: { name: string; startedAt: number; visits: number };
  }
}

export interface AppOptions {
  /** Any express-session store. */
  store: Store;
  /** What the page tells about the store. */
  keeping: Keeping;
  /** Signs the cookie. */
  secret: string;
}

const COOKIE = 'sessile.example';
const HALF_AN_HOUR = 30 * 60_000;
const STYLE = fileURLToPath(new URL('style.css', import.meta.url));

const safeHeaders: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'same-origin',
};

/** The app of this example; it does not listen yet. */
export function createApp({ store, keeping, secret }: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use((_req, res, next) => {
    res.set(safeHeaders);
    next();
  });
  // Before the session, so that loading the style sheet costs no look-up in the store.
  app.get('/style.css', (_req, res) => res.sendFile(STYLE));
  app.use(refuseOtherSites);
  app.use(
    session({
      store,
      secret,
      name: COOKIE,
      resave: false,
      saveUninitialized: false,
      // Every answer moves the deadline: half an hour after the last visit, not after the first.
      rolling: true,
      cookie: { httpOnly: true, sameSite: 'lax', secure: 'auto', maxAge: HALF_AN_HOUR },
    }),
  );
  app.get('/', visit(keeping));
  app.post('/login', express.urlencoded({ extended: false, limit: '16kb' }), login(keeping));
  app.post('/logout', logout);
  app.use((_req, res) => {
    res.status(404).send(messagePage('Nothing here', 'This example has one page only.'));
  });
  app.use(apologise);
  return app;
}

function visit(keeping: Keeping): RequestHandler {
  return (req, res) => {
    // A page that names a person must not come back out of a cache after logout.
    res.set('Cache-Control', 'no-store');
    const { visitor } = req.session;
    if (visitor === undefined) {
      res.send(loginPage(keeping));
      return;
    }
    visitor.visits += 1;
    // express-session moves the deadline when the answer leaves; the page has to know the new one already.
    const { expires } = req.session.touch().cookie;
    res.send(visitPage({ ...visitor, expires }, keeping));
  };
}

function login(keeping: Keeping): RequestHandler {
  return (req, res, next) => {
    const { name, complaint } = readName(req.body);
    if (complaint !== undefined) {
      res.status(422).send(loginPage(keeping, { name, complaint }));
      return;
    }
    // A new id at login: whoever planted or knew the old one does not get into the new session.
    req.session.regenerate((failure) => {
      if (failure) return next(failure);
      req.session.visitor = { name, startedAt: Date.now(), visits: 0 };
      // Saved before the redirect leaves, or the next request may arrive before the session does.
      req.session.save((error) => (error ? next(error) : res.redirect(303, '/')));
    });
  };
}

const logout: RequestHandler = (req, res, next) => {
  req.session.destroy((error) => {
    if (error) return next(error);
    res.clearCookie(COOKIE, { httpOnly: true, sameSite: 'lax' });
    res.redirect(303, '/');
  });
};

const LONGEST_NAME = 40;

function readName(body: unknown): { name: string; complaint?: string } {
  const given = typeof body === 'object' && body !== null && 'name' in body ? body.name : undefined;
  const name = typeof given === 'string' ? given.normalize().replace(/\s+/gu, ' ').trim() : '';
  if (!hasSomethingToSee(name)) return { name: '', complaint: 'Please tell us a name; any will do.' };
  if (name.length > LONGEST_NAME) {
    const complaint = `That is a fine name, but ${name.length} characters do not fit here. Please use ${LONGEST_NAME} at most.`;
    return { name: name.slice(0, LONGEST_NAME), complaint };
  }
  return { name };
}

/** Whether there is more than spaces, control characters and characters of no width. */
function hasSomethingToSee(text: string): boolean {
  return /[^\p{C}\p{Z}]/u.test(text);
}

/**
 * The other half of the defence against forged requests. A SameSite cookie does not come along when another site posts
 * a form here, but that alone leaves two gaps: logging somebody in under a stranger's name needs no cookie, and
 * everything else on localhost counts as the same site.
 */
const refuseOtherSites: RequestHandler = (req, res, next) => {
  if (req.method === 'GET' || req.method === 'HEAD' || isOwn(req)) return next();
  res.status(403).send(messagePage('Not from here', 'This form was sent by another site, so nothing was done.'));
};

function isOwn(req: Request): boolean {
  const site = req.get('Sec-Fetch-Site');
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const origin = req.get('Origin');
  if (origin === undefined) return true; // No browser of the last years: curl, a test.
  return URL.canParse(origin) && new URL(origin).host === req.get('Host');
}

const apologise: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (res.headersSent) return next(error);
  const status = statusOf(error);
  if (status === 413) {
    res.status(413).send(messagePage('Too much', 'That was far more text than a name needs.'));
  } else if (status < 500) {
    res.status(status).send(messagePage('Not understood', 'The form did not arrive as it should. Please try again.'));
  } else {
    console.error(error);
    res.status(500).send(messagePage('Something went wrong', 'It is not your fault. Please try again in a moment.'));
  }
};

function statusOf(error: unknown): number {
  const status = error instanceof Error && 'status' in error ? error.status : undefined;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}
