import type { Session, SessionData } from 'express-session';
import { misuse } from '../errors.js';
import { storedKey, toFields } from '../internal/cookie-key.js';
import { KeyedQueue } from '../internal/keyed-queue.js';
import { oneAnswer } from '../internal/one-answer.js';
import { PerKey, type Values } from './per-key.js';
import { type AtomicStore, isAtomicStore } from './record-keys.js';
import { changed, type Fields, type ValueChange, valueIn, withValue } from './values.js';

interface Request {
  session?: Session & SessionData;
  sessionID?: string;
  sessionStore?: unknown;
}

interface Readable extends AtomicStore {
  getAsync(sid: string): Promise<SessionData | undefined>;
}

/** One for each request, so that what one request does goes in order. */
const handles = new WeakMap<object, PerKey>();

/**
 * The per-key handle on the session that express-session runs in this request. An act is one atomic update of what is
 * stored, at once; `req.session` does not show it, and its save at the end of the request does not undo it: the store
 * merges by key. Where both change one key, the later counts. Values that are only in `req.session` so far are not seen.
 * express-session renews the session's expiry at the end of each request; `destroy` is `req.session.destroy`.
 *
 * Failures, delivered like any other: TypeError `SESSILE_MISUSE` where no session runs in this request, or its store has
 * no atomic update and merge: it must be one of sessile's, or one that `adopt` made.
 */
export function perKey(req: object): PerKey {
  const made = handles.get(req);
  if (made !== undefined) return made;
  const handle = new PerKey(new RequestValues(req as Request), (req as Request).sessionStore);
  handles.set(req, handle);
  return handle;
}

class RequestValues implements Values {
  readonly #req: Request;
  readonly #queue = new KeyedQueue();

  constructor(req: Request) {
    this.#req = req;
  }

  get(key: string): Promise<unknown> {
    return this.#inTurn(async ({ sid, store }) => valueIn(await store.getAsync(sid), key));
  }

  getAll(): Promise<Fields> {
    return this.#inTurn(async ({ sid, store }) => toFields((await store.getAsync(sid)) ?? {}));
  }

  async set(key: string, value: unknown): Promise<void> {
    await this.update(key, () => value);
  }

  async del(key: string): Promise<void> {
    await this.#inTurn(({ sid, store }) =>
      store.updateAsync(sid, (found) => found && withValue(found, key, undefined)),
    );
  }

  /** The session goes on, with nothing in it. */
  async delAll(): Promise<void> {
    await this.#inTurn(({ sid, store }) => store.updateAsync(sid, (found) => found && { cookie: found.cookie }));
  }

  update(key: string, change: ValueChange): Promise<unknown> {
    return this.#inTurn(async (running) => {
      const { sid, store } = running;
      const stored = await store.updateAsync(
        sid,
        (found) => found && withValue(found, key, changed(change, valueIn(found, key))),
      );
      return stored === undefined ? begin(running.session, key, change) : valueIn(stored, key);
    });
  }

  /** express-session touches the session when the response ends. */
  async extend(): Promise<void> {
    this.#running();
  }

  async destroy(): Promise<void> {
    await this.#inTurn(({ session }) => oneAnswer(session, 'destroy', []));
  }

  #running(): Running {
    const { session, sessionID: sid, sessionStore: store } = this.#req;
    if (!session || typeof sid !== 'string') throw misuse('perKey: express-session runs no session in this request');
    if (isReadable(store)) return { session, sid, store };
    throw misuse(
      "perKey: the store has no atomic update; give express-session one of sessile's, or what adopt(store) makes",
    );
  }

  /** What stood before it in the line may have ended the session. */
  async #inTurn<T>(act: (running: Running) => Promise<T>): Promise<T> {
    return await this.#queue.run(this.#running().sid, async () => act(this.#running()));
  }
}

interface Running {
  readonly session: Session & SessionData;
  readonly sid: string;
  readonly store: Readable;
}

function isReadable(store: unknown): store is Readable {
  return isAtomicStore(store) && typeof (store as Partial<Readable>).getAsync === 'function';
}

/**
 * For a session that is not stored: it is a new one, or was ended meanwhile. Saving it tells which, and does right by
 * both: the store writes the new one, and drops the other. The value goes into `req.session`, because express-session
 * sends the cookie of a new session only if that changed.
 */
async function begin(session: Session & SessionData, key: string, change: ValueChange): Promise<unknown> {
  const at = storedKey(key);
  const own = Object.prototype.propertyIsEnumerable.call(session, at);
  if (!own && at in session && !(at in Object.prototype)) {
    throw misuse(
      `"${at}" cannot be the first value of a new session: express-session's Session has a member of that name`,
    );
  }
  const value = changed(change, own ? (session as unknown as Fields)[at] : undefined);
  if (value === undefined) delete (session as unknown as Fields)[at];
  else Object.defineProperty(session, at, { value, enumerable: true, configurable: true, writable: true });
  await oneAnswer(session, 'save', []);
  return value;
}
