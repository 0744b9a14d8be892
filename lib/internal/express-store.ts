import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import type { Session, SessionData, Store } from 'express-session';

type Request = Parameters<Store['createSession']>[0];
type StoreBase = abstract new () => Store;

/** express-session's middleware puts this on every store that it is given. */
type Generate = (req: object) => void;

interface Borrowed {
  readonly from: Generate;
  readonly Session: new (req: Request, data: SessionData) => Session & SessionData;
  readonly cookiePrototype: object;
}

/**
 * The class that stores of ours extend: express-session's own `Store` where it is installed, so that they are instances
 * of it; else a class that does the same and takes what it needs from whichever express-session runs it.
 */
export const StoreBase: StoreBase = storeFrom(createRequire(import.meta.url));

export function storeFrom(require: (name: string) => unknown): StoreBase {
  try {
    return (require('express-session') as { Store: StoreBase }).Store;
  } catch (error) {
    if (isNotInstalled(error)) return borrowingStore();
    throw error;
  }
}

/** Whether a `require` failed because express-session itself is not there, and not something that it needs. */
export function isNotInstalled(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'MODULE_NOT_FOUND' && message.includes("'express-session'");
}

/**
 * Without express-session in reach there are no Session and Cookie classes to import. The copy that runs this store
 * gives them away: its `generate` makes a Session, whose constructor and whose cookie's prototype are those classes.
 */
export function borrowingStore(): new () => Store {
  return class BorrowingStore extends EventEmitter {
    declare generate: Generate;
    declare get: Store['get'];
    declare destroy: Store['destroy'];
    #borrowed: Borrowed | undefined;

    regenerate(req: Request, callback: (error?: unknown) => void): void {
      this.destroy(req.sessionID, (error?: unknown) => {
        this.generate(req);
        callback(error);
      });
    }

    load(sid: string, callback: (error?: unknown, session?: SessionData) => void): void {
      this.get(sid, (error: unknown, data) => {
        if (error || !data) return callback(error ?? undefined);
        const req = { sessionID: sid, sessionStore: this, headers: {} } as unknown as Request;
        let session: SessionData;
        try {
          session = this.createSession(req, data);
        } catch (failure) {
          return callback(failure);
        }
        callback(null, session);
      });
    }

    createSession(req: Request, data: SessionData): Session & SessionData {
      const { expires, originalMaxAge } = data.cookie;
      const { Session, cookiePrototype } = this.#borrow(req);
      const cookie = Object.create(cookiePrototype) as SessionData['cookie'];
      const { data: _, ...stored } = data.cookie as SessionData['cookie'] & { data?: unknown };
      Object.assign(cookie, { path: '/', maxAge: null, httpOnly: true }, stored);
      if (typeof expires === 'string') cookie.expires = new Date(expires);
      cookie.originalMaxAge = originalMaxAge;
      req.session = new Session(req, Object.assign(data, { cookie }));
      return req.session as Session & SessionData;
    }

    /** Once per middleware, as making a session calls an app's own `genid` and function of cookie options. */
    #borrow(req: Request): Borrowed {
      if (this.#borrowed?.from === this.generate) return this.#borrowed;
      const probe = Object.create(req) as Request;
      this.generate(probe);
      const sample = probe.session;
      const Session = sample.constructor as Borrowed['Session'];
      this.#borrowed = {
        from: this.generate,
        Session,
        cookiePrototype: Object.getPrototypeOf(sample.cookie) as object,
      };
      return this.#borrowed;
    }
  } as unknown as new () => Store;
}
