import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type ExpressSession from 'express-session';
import type { CookieOptions, Session, SessionData, SessionOptions, Store } from 'express-session';
import { adopt } from '../backends/foreign.js';
import { MemoryStore } from '../backends/memory.js';
import { misuse } from '../errors.js';
import { complain } from '../internal/complain.js';
import { isNotInstalled } from '../internal/express-store.js';
import { type GenericStore, isGenericStore } from '../internal/generic-store.js';
import { checkNames } from '../internal/options.js';

export { MemoryStore };

/** What express-session's `session(options)` takes, in its units; its default for each, but without its warnings. */
export interface SessionManagerOptions extends Omit<SessionOptions, 'store'> {
  /** A store for express-session, or one of generic-session's kind, which is adopted. Default: a {@link MemoryStore}. */
  store?: Store | GenericStore;
  /** Another word for `name`, whose default is `'connect.sid'`. */
  key?: string;
}

/** express-session's session object with the fields that were declared for its `SessionData`, and `Fields`. */
export type RequestSession<Fields extends object = object> = Session & Partial<SessionData> & Fields;

/**
 * The session of this request, which is also `req.session`: changed in place, saved when the response ends. Asked for
 * again, it is the same one; after `regenerate` the new one.
 *
 * Undefined, as in express-session, where there is none: outside the path of the cookie, while the store has said
 * `disconnect`, after `destroy`. Rejects with what the store's `get` failed with, and with TypeError `SESSILE_MISUSE`
 * where the response has already ended.
 */
export type GetSession<Fields extends object = object> = (
  req: IncomingMessage,
  res: ServerResponse,
) => Promise<RequestSession<Fields>>;

/** Names of the options, as express-session documents them. */
const optionNames = [
  'secret',
  'store',
  'name',
  'key',
  'cookie',
  'genid',
  'resave',
  'rolling',
  'saveUninitialized',
  'unset',
  'proxy',
];

type SessionRequest = IncomingMessage & { session?: unknown };
type Middleware = (req: SessionRequest, res: ServerResponse, next: (error?: unknown) => void) => void;

/**
 * Sessions for tinyhttp, micro and plain `node:http`, run by express-session's own middleware. What a save at the end of
 * a response fails with has nobody to go to: the store emits it as `error`, or it is one process warning per code.
 *
 * @throws TypeError: `SESSILE_MISUSE` where `secret` or the package express-session is missing or a name is unknown; what
 * express-session throws for a wrong value
 */
export function SessionManager<Fields extends object = object>(options: SessionManagerOptions): GetSession<Fields> {
  checkNames('SessionManager', options, optionNames);
  if (!options.secret) throw misuse('SessionManager: session requires options.secret');
  const { store: given = new MemoryStore(), resave = true, saveUninitialized = true, ...others } = options;
  const store = isGenericStore(given) ? adopt(given) : given;
  const session = expressSession('SessionManager');
  const run = session({ ...others, store, resave, saveUninitialized }) as unknown as Middleware;
  if (store instanceof MemoryStore) warnInProduction();
  const loads = new WeakMap<IncomingMessage, Promise<void>>();

  const load = (req: IncomingMessage, res: ServerResponse): Promise<void> =>
    new Promise((resolve, reject) => {
      if (res.writableEnded)
        throw misuse('getSession: the response has ended, so that nothing could be saved any more');
      // `res.end(await getSession(req, res))` looks `end` up before express-session puts its own in place, which then is
      // told here that the response has ended; told a second time it does nothing.
      res.once('finish', () => res.end());
      let settled = false;
      run(req, res, (error) => {
        // Called once more for each thing that fails when the response ends.
        if (settled) complain(store, error);
        else if (error) reject(error);
        else resolve();
        settled = true;
      });
    });

  return async (req, res) => {
    const loading = loads.get(req) ?? load(req, res);
    loads.set(req, loading);
    await loading;
    return ((req as SessionRequest).session ?? undefined) as RequestSession<Fields>;
  };
}

/** A cookie of express-session: `new Cookie(options)`, `cookie.serialize(name, value)`. */
export interface Cookie extends ExpressSession.Cookie {
  /** The text of a `Set-Cookie` header. */
  serialize(name: string, value: string): string;
}

/**
 * express-session's class of cookies.
 * @throws TypeError `SESSILE_MISUSE` where express-session is not installed
 */
export const Cookie = function newCookie(options?: CookieOptions): object {
  const { Cookie: Real } = expressSession('Cookie') as unknown as { Cookie: new (options?: CookieOptions) => object };
  return new Real(options);
} as unknown as new (
  options?: CookieOptions,
) => Cookie;

const requireHere = createRequire(import.meta.url);

function expressSession(where: string): typeof ExpressSession {
  try {
    return requireHere('express-session') as typeof ExpressSession;
  } catch (error) {
    if (!isNotInstalled(error)) throw error;
    throw misuse(`${where}: needs express-session; install it (npm install express-session)`);
  }
}

let warned = false;

function warnInProduction(): void {
  if (warned || process.env['NODE_ENV'] !== 'production') return;
  warned = true;
  process.emitWarning(
    'MemoryStore keeps sessions in the memory of this process: a restart logs everybody out, and other processes do not ' +
      'share them. For production give SessionManager a FileStore, a SqliteStore or another store',
    { type: 'SessileWarning', code: 'SESSILE_MEMORY_STORE' },
  );
}
