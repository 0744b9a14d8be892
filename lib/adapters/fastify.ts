import type { SessionData } from 'express-session';
import { adopt } from '../backends/foreign.js';
import type { AnyStore, PromisedStore } from '../bridge.js';
import { toPlain } from '../internal/cookie-text.js';
import { type Callback, deliver } from '../internal/deliver.js';
import { Standins } from '../internal/standins.js';

/** What the option `store` of @fastify/session takes. `Session` is fastify's, with the fields that an app declared. */
export interface FastifyStore {
  /** Calls back with the session, or with nothing. */
  get<Session>(sid: string, callback: (error?: unknown, session?: Session) => void): void;
  /** Saves a session, merged with what was saved since it was loaded. */
  set(sid: string, session: FastifySession, callback: (error?: unknown) => void): void;
  /** Ends a session. */
  destroy(sid: string, callback: (error?: unknown) => void): void;
}

/** A session as fastify types it; its other fields are the app's. */
export interface FastifySession {
  /** The session's cookie, as fastify hands it over. */
  cookie: {
    /** Milliseconds; null: until the browser is closed. */
    originalMaxAge: number | null;
    /** When it expires; null or absent: when the browser is closed. */
    expires?: Date | null;
  };
}

/**
 * Any session store for @fastify/session 11, express-session not needed; one that is not of this package is adopted. Two
 * requests that save one session keep both their changes, a request that ends after a logout writes nothing, and a
 * session that a request did not change is touched where fastify (`rolling`, its default) asks to write it.
 *
 * @throws TypeError `SESSILE_MISUSE` for what is no store
 */
export function toFastifyStore(store: AnyStore | PromisedStore): FastifyStore {
  const ours = adopt(store);
  const sessions = new Sessions(ours);
  return {
    get: <Session>(sid: string, callback: Callback<Session>) =>
      deliver(callback, () => sessions.get(sid) as Promise<Session | undefined>),
    set: (sid, session, callback) => deliver(callback, () => sessions.set(sid, session)),
    destroy: (sid, callback) => deliver(callback, () => ours.destroyAsync(sid)),
  };
}

/**
 * On a loaded session's cookie, what it was loaded from. Since 11.1.2 fastify copies the cookie's own properties, symbols
 * among them, into the options that it keeps on the session object that it makes; nothing else leads from the data that a
 * store answers to that object. Where no mark arrives a save is a plain write.
 */
const LOADED = Symbol('sessile.loaded');

interface Loaded {
  readonly sid: string;
  readonly from: Record<string, unknown>;
}

/** A session of fastify's has accessors of these names, and `__proto__` would become its prototype. */
const UNSEEN = ['sessionId', 'encryptedSessionId', '__proto__'];

class Sessions {
  readonly #store: ReturnType<typeof adopt>;
  readonly #standins: Standins;

  constructor(store: ReturnType<typeof adopt>) {
    this.#store = store;
    this.#standins = new Standins((from, to) => store.carry(from, to));
  }

  async get(sid: string): Promise<object | undefined> {
    const from = (await this.#store.getAsync(sid)) as (SessionData & Record<string, unknown>) | undefined;
    if (from === undefined) return undefined;
    const loaded: Loaded = { sid, from };
    const { cookie, ...session } = without(from, UNSEEN);
    return { ...session, cookie: { ...(cookie as FastifySession['cookie']), [LOADED]: loaded } };
  }

  async set(sid: string, session: FastifySession): Promise<void> {
    const loaded = loadedFor(sid, session);
    if (loaded && !this.#standins.isFollowed(session)) {
      this.#standins.follow(loaded.from, session, only(loaded.from, UNSEEN));
    }
    // What fastify writes down of when it loaded the session would make each save look like a change of the cookie.
    const cookie = without(toPlain(session.cookie), ['originalExpires']);
    const standin = this.#standins.of(session, { ...session, cookie }) as SessionData;
    const isSame = loaded !== undefined && (session as Partial<Changing>).isModified?.() === false;
    return isSame ? this.#store.touchAsync(sid, standin) : this.#store.setAsync(sid, standin);
  }
}

/** Whether the data was changed since it was loaded or saved: fastify's own answer, and the reason why it saves at all. */
interface Changing {
  isModified(): boolean;
}

/** A session that was regenerated has the options, and with them the mark, of the one before it. */
function loadedFor(sid: string, session: object): Loaded | undefined {
  for (const symbol of Object.getOwnPropertySymbols(session)) {
    const value = (session as Record<symbol, unknown>)[symbol];
    if (typeof value !== 'object' || value === null || !(LOADED in value)) continue;
    const loaded = value[LOADED] as Loaded;
    return loaded.sid === sid ? loaded : undefined;
  }
  return undefined;
}

function without(fields: Record<string, unknown>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}

function only(fields: Record<string, unknown>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => names.includes(name)));
}
