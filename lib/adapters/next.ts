import type { SessionData } from 'express-session';
import { adopt } from '../backends/foreign.js';
import type { AnyStore, PromisedStore } from '../bridge.js';
import { complainerOf } from '../internal/complain.js';
import { dateOf, toPlain } from '../internal/cookie-text.js';
import { checkFunction, checkNames } from '../internal/options.js';
import { Standins } from '../internal/standins.js';

/** What the option `store` of next-session takes. */
export interface NextSessionStore {
  /** The session, or null. Rejects with what the store failed with. */
  get(sid: string): Promise<NextSession | null>;
  /** Saves a session; never rejects, see {@link NextSessionStoreOptions.onError}. */
  set(sid: string, session: NextSession): Promise<void>;
  /** Ends a session. Rejects with what the store failed with. */
  destroy(sid: string): Promise<void>;
  /** Moves the deadline of a session; never rejects. */
  touch(sid: string, session: NextSession): Promise<void>;
}

/** A session as next-session has it; its other fields are the app's. */
export interface NextSession {
  /** The session's cookie. */
  cookie: NextCookie;
}

/** `maxAge` is in seconds. */
export type NextCookie = {
  /** Whether scripts in the page cannot read it. */
  httpOnly: boolean;
  /** Below which path it is sent. */
  path: string;
  /** To which hosts it is sent; absent: to the one that was asked. */
  domain?: string | undefined;
  /** Whether it is sent over encrypted connections only. */
  secure: boolean;
  /** The attribute `SameSite`. */
  sameSite?: boolean | 'lax' | 'strict' | 'none';
} & (
  | {
      /** Absent: until the browser is closed. */
      maxAge?: undefined;
      /** Absent: when the browser is closed. */
      expires?: undefined;
    }
  | {
      /** Seconds that it is kept. */
      maxAge: number;
      /** When it expires. */
      expires: Date;
    }
);

/** Options of {@link toNextSessionStore}. */
export interface NextSessionStoreOptions {
  /**
   * Given what a save or a touch failed with; it must not throw. next-session would end the process with it, as an
   * unhandled rejection, so those two never reject, `session.commit()` included. Default: an `error` event of the store
   * if anyone listens, else one process warning per code.
   */
  onError?: (error: unknown) => void;
}

const optionNames = ['onError'] as const;

/** next-session puts methods and the id under these names; fields of a session that others wrote stay behind them. */
const UNSEEN = ['id', 'commit', 'touch', 'destroy'];

/**
 * Any session store for next-session 4; one that is not of this package is adopted. Two requests that save one session
 * keep both their changes, and a request that ends after a logout writes nothing.
 *
 * @throws TypeError `SESSILE_MISUSE` for what is no store, and for a wrong option
 */
export function toNextSessionStore(
  store: AnyStore | PromisedStore,
  options: NextSessionStoreOptions = {},
): NextSessionStore {
  checkNames('toNextSessionStore', options, optionNames);
  const { onError = complainerOf(store) } = options;
  checkFunction('toNextSessionStore', 'onError', onError);
  const ours = adopt(store);
  const standins = new Standins((from, to) => ours.carry(from, to));
  const standin = (session: NextSession) => {
    const cookie = toStoredCookie(session.cookie);
    return standins.of(session, { ...session, cookie }) as SessionData;
  };
  const absorb = async (act: () => Promise<void>): Promise<void> => {
    try {
      await act();
    } catch (error) {
      onError(error);
    }
  };
  return {
    get: async (sid) => {
      const from = (await ours.getAsync(sid)) as (SessionData & Record<string, unknown>) | undefined;
      if (from === undefined) return null;
      const isHidden = ([name]: [string, unknown]) => UNSEEN.includes(name);
      const fields = Object.entries(from);
      const shown = Object.fromEntries(fields.filter((field) => !isHidden(field)));
      const session = Object.assign(shown, { cookie: toNextCookie(from.cookie) });
      standins.follow(from, session, Object.fromEntries(fields.filter(isHidden)));
      return session;
    },
    set: (sid, session) => absorb(async () => ours.setAsync(sid, standin(session))),
    destroy: async (sid) => ours.destroyAsync(sid),
    touch: (sid, session) => absorb(async () => ours.touchAsync(sid, standin(session))),
  };
}

/** next-session reckons with `maxAge` wherever there is an `expires`; in seconds, and express-session in milliseconds. */
function toNextCookie(stored: SessionData['cookie'] | undefined): NextCookie {
  const { originalMaxAge, expires, ...rest } = toPlain(stored ?? {});
  const date = dateOf(expires);
  return {
    path: '/',
    httpOnly: true,
    secure: false,
    ...rest,
    ...(typeof originalMaxAge === 'number' && { maxAge: originalMaxAge / 1_000 }),
    ...(date !== undefined && { expires: new Date(date) }),
  } as NextCookie;
}

/** `maxAge` has to go: express-session would read seconds as milliseconds. */
function toStoredCookie(cookie: NextCookie): object {
  const { maxAge, expires, ...rest } = toPlain(cookie);
  const originalMaxAge = typeof maxAge === 'number' ? Math.round(maxAge * 1_000) : null;
  return { originalMaxAge, expires: expires ?? null, ...rest };
}
