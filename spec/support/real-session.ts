import session, { type CookieOptions, type Session, type SessionData, type Store } from 'express-session';

export type AnySession = Session & SessionData & Record<string, unknown>;

type Request = Parameters<Store['createSession']>[0];

/** Lets the real express-session middleware equip `store`, as an app does that mounts it. */
export function mount(store: Store, cookie: CookieOptions = {}): void {
  session({ store, secret: 'spec', resave: false, saveUninitialized: false, cookie });
}

/** A new express-session Session with an id of its own, as a first request gets; needs {@link mount}. */
export function generate(store: Store): AnySession {
  const req = { sessionStore: store } as unknown as Request;
  (store as unknown as { generate(req: Request): void }).generate(req);
  return req.session as AnySession;
}

/** The express-session Session that a request of its own loads. */
export function load(store: Store, sid: string): Promise<AnySession> {
  return new Promise((resolve, reject) => {
    store.load(sid, (error, loaded) => {
      if (error) reject(error as Error);
      else if (!loaded) reject(new Error('no such session'));
      else resolve(loaded as AnySession);
    });
  });
}

export function save(loaded: Session): Promise<void> {
  return new Promise((resolve, reject) => {
    loaded.save((error: unknown) => (error ? reject(error as Error) : resolve()));
  });
}
