import { SessileError } from '../errors.js';
import { byId } from './by-id.js';
import { orComplain } from './complain.js';
import { dateOf } from './cookie-text.js';
import { type Callback, deliver } from './deliver.js';
import { StoreBase } from './express-store.js';
import { forwardEvents } from './forward-events.js';
import { liveCookie } from './live-cookie.js';
import { type Fields, isFields } from './merge-fields.js';
import { checkSession, checkSid } from './options.js';
import { settle } from './settle.js';
import { sourceOf } from './source-of.js';
import { storedSession } from './stored-session.js';
import { unlessMissing } from './unless-missing.js';

type Method = (...args: unknown[]) => unknown;
type Parameter<Name extends 'get' | 'set' | 'touch', At extends number> = Parameters<
  NonNullable<InstanceType<typeof StoreBase>[Name]>
>[At];

interface Parts {
  /** The store, and what its methods are called by; undefined where it lacks one. */
  readonly store: object;
  readonly methods: Readonly<Record<string, Method | undefined>>;
  /** How long a session lives whose cookie expires at `date`, or has no date: <= 0 when its time is over. */
  readonly lifetime: (sid: string, session: object, date: number | undefined) => number;
  readonly now: () => number;
}

/** A store for express-session on methods that answer by promises, thunks, generators or at once. */
export class CallbackFace extends StoreBase {
  readonly #store: object;
  readonly #methods: Parts['methods'];
  readonly #lifetime: Parts['lifetime'];
  readonly #now: () => number;

  /** express-session decides by what is there when it is mounted: methods that the store lacks must be absent. */
  constructor({ store, methods, lifetime, now }: Parts) {
    super();
    this.#store = store;
    this.#methods = methods;
    this.#lifetime = lifetime;
    this.#now = now;
    const optional: Record<string, Method> = {
      touch: (...[sid, session, done]: unknown[]) => this.#write('touch', sid, session, done as Callback),
      clear: (done) => this.#deliver(done as Callback, async () => void (await this.#ask('clear'))),
      length: (done) => this.#deliver(done as Callback<number>, async () => Number(await this.#ask('length'))),
      all: (done) => this.#deliver(done as Callback<object>, async () => this.#all(await this.#ask('all'))),
      ids: (done) => this.#deliver(done as Callback<unknown>, () => this.#ask('ids')),
    };
    for (const [name, method] of Object.entries(optional)) if (methods[name]) Object.assign(this, { [name]: method });
    forwardEvents(sourceOf(store), this);
  }

  override get(sid: string, callback: Parameter<'get', 1>): void {
    this.#deliver(callback as Callback<object>, async () => {
      checkSid(sid);
      return this.#session(await this.#ask('get', sid).catch(unlessMissing));
    });
  }

  override set(sid: string, session: Parameter<'set', 1>, callback?: Callback): void {
    this.#write('set', sid, session, callback);
  }

  override destroy(sid: string, callback?: Callback): void {
    this.#deliver(callback, async () => {
      checkSid(sid);
      await this.#ask('destroy', sid).catch(unlessMissing);
    });
  }

  #write(name: 'set' | 'touch', sid: unknown, session: unknown, callback: Callback | undefined): void {
    this.#deliver(callback, async () => {
      checkSid(sid);
      const { copy, date } = snapshot(session, this.#now);
      const lifetime = this.#lifetime(sid, copy, date);
      const done = lifetime > 0 ? this.#ask(name, sid, copy, lifetime, { changed: true }) : this.#ask('destroy', sid);
      await (name === 'set' && lifetime > 0 ? done : done.catch(unlessMissing));
    });
  }

  /** `act` is called at once, so that what it reads before its first `await` is as it was at the moment of the call. */
  #deliver<T>(callback: Callback<T> | undefined, act: () => Promise<T | undefined>): void {
    deliver(orComplain(callback, this), act);
  }

  async #ask(name: string, ...args: unknown[]): Promise<unknown> {
    return settle(this.#methods[name]?.apply(this.#store, args), this.#store);
  }

  #all(answer: unknown): Record<string, object> {
    const sessions = byId(answer);
    for (const [sid, found] of Object.entries(sessions)) sessions[sid] = this.#session(found) as object;
    return sessions;
  }

  #session(answer: unknown): object | undefined {
    try {
      return storedSession(answer, this.#now());
    } catch (cause) {
      throw new SessileError('SESSILE_CORRUPT', 'What the store answered cannot be read as a session', { cause });
    }
  }
}

/** Refuses what JSON cannot hold before the store is asked. */
function snapshot(session: unknown, now: () => number): { copy: Fields; date: number | undefined } {
  checkSession(session);
  let copy: Fields;
  try {
    copy = JSON.parse(JSON.stringify(session)) as Fields;
  } catch (cause) {
    throw new SessileError('SESSILE_SERIALIZE', 'The session cannot be written as text; nothing was stored', { cause });
  }
  const { cookie } = copy;
  if (!isFields(cookie)) return { copy, date: undefined };
  return { copy: { ...copy, cookie: liveCookie(cookie, now) }, date: dateOf(cookie['expires']) };
}
