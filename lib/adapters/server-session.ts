import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { adopt } from '../backends/foreign.js';
import { MemoryBackend } from '../backends/memory.js';
import type { AnyStore, PromisedStore } from '../bridge.js';
import { misuse, SessileError } from '../errors.js';
import { systemClock } from '../expiry.js';
import { type CookieAttributes, CookieHeader } from '../internal/cookie-header.js';
import { holdResponse } from '../internal/hold-response.js';
import { checkBoolean, checkCount, checkFunction, checkNames } from '../internal/options.js';
import { RecordFiles } from '../internal/record-files.js';
import { RecordSession, type ServerSession } from '../internal/record-session.js';
import {
  changesOf,
  isDead,
  isRecordId,
  KeptRecords,
  type RecordChange,
  type RecordStore,
  type SessionRecord,
} from '../internal/record-store.js';
import { RecordTable } from '../internal/record-table.js';
import { recordsIn } from '../internal/session-records.js';
import type { SqliteDatabase } from '../internal/sqlite-library.js';

export type { CookieAttributes, KeptRecords, RecordChange, RecordStore, ServerSession, SessionRecord, SqliteDatabase };

/** Options of {@link memoryStore}, {@link fileStore} and {@link sqliteStore}. */
export interface RecordStoreOptions {
  /** The clock, in milliseconds since the epoch. Default: `Date.now`. */
  now?: () => number;
}

/** Records in the memory of this process: 100 000 at most, the least recently used go first. */
export function memoryStore(options: RecordStoreOptions = {}): KeptRecords {
  const now = clockOf('memoryStore', options);
  return new KeptRecords(new MemoryBackend(), now);
}

/**
 * Records as files `<id>.json` in a directory, which is made if it is missing. Several processes of one machine may share it.
 * @throws TypeError `SESSILE_MISUSE`; SessileError `SESSILE_BAD_PATH`
 */
export function fileStore(directory: string, options: RecordStoreOptions = {}): KeptRecords {
  const now = clockOf('fileStore', options);
  return new KeptRecords(new RecordFiles(directory), now);
}

/**
 * Records in a table of a SQLite database, which several processes of one machine may share.
 * @param database a path, `:memory:`, or an open database of node:sqlite or better-sqlite3, which stays the caller's
 * @throws TypeError `SESSILE_MISUSE`; SessileError `SESSILE_BAD_PATH`, `SESSILE_BAD_SCHEMA` where the table has other
 * columns, `SESSILE_DAMAGED`, `SESSILE_IO`, `SESSILE_LOCK_TIMEOUT`, `SESSILE_NO_SQLITE`
 */
export function sqliteStore(
  database: string | SqliteDatabase,
  table = 'http_sessions',
  options: RecordStoreOptions = {},
): KeptRecords {
  const now = clockOf('sqliteStore', options);
  return new KeptRecords(new RecordTable(database, table), now);
}

function clockOf(where: string, options: RecordStoreOptions): () => number {
  checkNames(where, options, ['now']);
  const { now = systemClock } = options;
  checkFunction(where, 'now', now);
  return now;
}

/** Options of {@link middleware}. Durations are seconds. */
export interface MiddlewareOptions {
  /** Where sessions are kept; also a session store for express-session, ours or anybody's. Default: a `memoryStore()`. */
  store?: RecordStore | AnyStore | PromisedStore;
  /** Default: `'session_id'`. */
  cookieName?: string;
  /** How long a session lives after it was last used, in seconds. Default: 604 800, a week. */
  ttl?: number;
  /** Whether every response with a session sends the cookie again, and saves the session. Default: false. */
  rolling?: boolean;
  /** How the cookie is sent. */
  cookie?: CookieAttributes;
  /** The clock, in milliseconds since the epoch. Default: `Date.now`. */
  now?: () => number;
}

/** A request that came through the middleware. */
export type SessionRequest<Data extends object> = IncomingMessage & {
  /** The session of this request. */
  session: ServerSession<Data>;
};

/**
 * Connect-style middleware, and more. It loads the session before `next` is called and saves it when the response ends,
 * before that has left. Where loading or saving fails, `next` is called with the error; a response whose headers had not
 * left by then is still to be given. It waits for what `next` promises: if that fails nothing of the session is saved.
 */
export interface SessionMiddleware<Data extends object> {
  (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => unknown): Promise<void>;
  /** The session of a request that came through the middleware; `req.session` is the same. */
  of(req: IncomingMessage): ServerSession<Data>;
  /**
   * A handler for `node:http`. What fails, in it or in the store, is passed to `onError` and answered with 500, or by
   * closing the connection where headers have left.
   * @param onError default: `console.error`
   */
  wrap(
    handler: (req: SessionRequest<Data>, res: ServerResponse) => unknown,
    onError?: (error: unknown, req: IncomingMessage) => void,
  ): RequestListener;
  /**
   * For Connect and Express, which do not tell a middleware that a handler failed: mounted before an app's own error
   * handlers, it sees to it that nothing of such a request's session is saved, and passes the error on.
   */
  failed(error: unknown, req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => unknown): void;
}

/**
 * Sessions of this kind for `node:http`, Connect and Express.
 * @throws TypeError `SESSILE_MISUSE` for a wrong option, or a store that is none
 */
export function middleware<Data extends object = Record<string, unknown>>(
  options: MiddlewareOptions = {},
): SessionMiddleware<Data> {
  const sessions = new Sessions<Data>(options);
  return Object.assign(sessions.run, { of: sessions.of, wrap: sessions.wrap, failed: sessions.failed });
}

type Next = (error?: unknown) => unknown;

const optionNames = ['store', 'cookieName', 'ttl', 'rolling', 'cookie', 'now'];

class Sessions<Data extends object> {
  readonly #store: RecordStore;
  readonly #cookie: CookieHeader;
  readonly #ttl: number;
  readonly #rolling: boolean;
  readonly #now: () => number;
  readonly #sessions = new WeakMap<IncomingMessage, RecordSession<Data>>();

  constructor(options: MiddlewareOptions) {
    checkNames('middleware', options, optionNames);
    const { cookieName = 'session_id', ttl = 604_800, rolling = false, now = systemClock } = options;
    checkFunction('middleware', 'now', now);
    this.#now = now;
    this.#ttl = checkCount('middleware', 'ttl', ttl);
    this.#rolling = checkBoolean('middleware', 'rolling', rolling);
    this.#cookie = new CookieHeader('middleware', cookieName, options.cookie);
    const { store = memoryStore({ now }) } = options;
    this.#store = isRecordStore(store) ? store : recordsIn(adopt(store), { now, cookie: options.cookie });
  }

  readonly run = async (req: IncomingMessage, res: ServerResponse, next: Next): Promise<void> => {
    if (this.#sessions.has(req)) return void (await next());
    const fail = (error: unknown) =>
      next(error ?? new SessileError('SESSILE_IO', 'The store failed, and said not how'));
    const given = this.#cookie.read(req, res);
    let session: RecordSession<Data>;
    try {
      session = await this.#load(given, res);
    } catch (error) {
      return void (await fail(error));
    }
    this.#sessions.set(req, session);
    Object.assign(req, { session });
    const headers = () => this.#tell(session, given, res);
    holdResponse(res, { headers, end: () => session.commit(), failed: fail });
    try {
      await next();
    } catch (error) {
      session.discard();
      throw error;
    }
  };

  readonly of = (req: IncomingMessage): ServerSession<Data> => {
    const session = this.#sessions.get(req);
    if (session !== undefined) return session;
    throw misuse('middleware: this request has no session: it did not come through the middleware, or loading failed');
  };

  readonly wrap: SessionMiddleware<Data>['wrap'] = (handler, onError = (error) => console.error(error)) => {
    checkFunction('middleware', 'handler', handler);
    return (req, res) => {
      const next = (error?: unknown) => {
        if (error === undefined) return handler(req as SessionRequest<Data>, res);
        onError(error, req);
        return answerFailure(res);
      };
      this.run(req, res, next).catch((error: unknown) => {
        onError(error, req);
        // A response that has ended is on its way, and is not this handler's any more.
        if (!this.#sessions.get(req)?.isSent) answerFailure(res);
      });
    };
  };

  readonly failed: SessionMiddleware<Data>['failed'] = (error, req, _res, next) => {
    this.#sessions.get(req)?.discard();
    next(error);
  };

  async #load(given: string | undefined, res: ServerResponse): Promise<RecordSession<Data>> {
    return new RecordSession<Data>({
      store: this.#store,
      found: isRecordId(given) ? await this.#find(given) : undefined,
      rolling: this.#rolling,
      deadline: () => this.#deadline(),
      headersSent: () => res.headersSent,
    });
  }

  /** Stores of others may keep what has expired. */
  async #find(id: string): Promise<{ id: string; record: SessionRecord } | undefined> {
    const isLiving = (record: SessionRecord) => !isDead(record, this.#now());
    let record = (await this.#store.get(id)) ?? undefined;
    if (record !== undefined && !isLiving(record)) {
      // Another request may have renewed it since.
      await changesOf(this.#store).update(id, (found) => {
        record = found && isLiving(found) ? found : undefined;
        return record;
      });
    }
    return record && { id, record };
  }

  #tell(session: RecordSession<Data>, given: string | undefined, res: ServerResponse): void {
    const id = session.tell();
    const isRefused = given !== undefined && !isRecordId(given);
    if (typeof id === 'string') {
      const expires = new Date(this.#deadline() * 1_000);
      this.#cookie.write(res, id, { lifetime: this.#ttl, expires });
    } else if (id === null || isRefused) {
      this.#cookie.clear(res);
    }
  }

  #deadline(): number {
    return Math.floor(this.#now() / 1_000) + this.#ttl;
  }
}

function answerFailure(res: ServerResponse): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  for (const name of res.getHeaderNames()) res.removeHeader(name);
  res.statusCode = 500;
  res.end('Internal Server Error');
}

function isRecordStore(store: unknown): store is RecordStore {
  const { get, set, delete: remove } = Object(store) as Partial<RecordStore>;
  return [get, set, remove].every((method) => typeof method === 'function');
}
