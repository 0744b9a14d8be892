import type { Session, SessionData, Store } from 'express-session';
import type { Awaitable, Backend } from './backend.js';
import { type SessionChange, SessionCore } from './core.js';
import { SessileError } from './errors.js';
import { Expiry, type ExpiryOptions } from './expiry.js';
import { isThenable } from './internal/awaitable.js';
import { complain, orComplain } from './internal/complain.js';
import { type Callback, deliver } from './internal/deliver.js';
import { StoreBase } from './internal/express-store.js';
import { InFlight } from './internal/in-flight.js';
import { checkDuration, checkNames } from './internal/options.js';
import { type Concurrency, checkConcurrency } from './merge.js';
import { Codec, type Serializer } from './record.js';
import { Sweeper } from './sweeper.js';

export type { Callback };

const QUARTER_OF_AN_HOUR = 900_000;

/** Options that every store of this package takes. Durations are milliseconds. */
export interface StoreOptions extends ExpiryOptions<SessionData> {
  /** Milliseconds between two removals of the expired; 0: never by itself. Default: 15 minutes. */
  pruneInterval?: number;
  /** Turns a session's data into text and back. Default: JSON. */
  serializer?: Serializer;
  /** What a save does when another request saved the same session meanwhile. Default: `'merge'`. */
  concurrency?: Concurrency<SessionData>;
}

/** The names in {@link StoreOptions}. */
export const storeOptionNames = ['ttl', 'now', 'pruneInterval', 'serializer', 'concurrency'] as const;

/**
 * express-session's store contract over any {@link Backend}, with a promise twin of every method. Callbacks are called
 * later and exactly once; what a method hands out is a fresh copy; what it is given is read at the moment of the call.
 *
 * Errors, delivered and never thrown by a method: TypeError `SESSILE_MISUSE`, {@link SessileError} `SESSILE_CLOSED`,
 * `SESSILE_SERIALIZE`, and what the backend adds. A failure that has no callback to go to, and a corrupt session that
 * was met, is emitted as `error` if anyone listens and is a process warning once per code if not.
 */
export class SessionStore extends StoreBase {
  readonly #backend: Backend;
  readonly #core: SessionCore;
  readonly #inFlight = new InFlight();
  readonly #sweeper: Sweeper;
  readonly #sweeping = new AbortController();
  #closing: Promise<void> | undefined;

  /**
   * @param makeBackend called once with the clock, after `options` were checked: nothing is opened that nobody could close
   * @param ownNames names of options that are the backend's
   * @throws TypeError `SESSILE_MISUSE` for a wrong option
   */
  constructor(
    makeBackend: (now: () => number) => Backend,
    options: StoreOptions = {},
    ownNames: readonly string[] = [],
  ) {
    super();
    const where = new.target.name;
    checkNames(where, options, [...ownNames, ...storeOptionNames]);
    const { serializer, pruneInterval = QUARTER_OF_AN_HOUR, concurrency = 'merge' } = options;
    const report = (error: Error) => complain(this, error);
    const checked = {
      expiry: new Expiry(where, options),
      codec: new Codec(where, serializer),
      concurrency: checkConcurrency(where, concurrency),
    };
    this.#sweeper = new Sweeper(() => this.#sweep(), checkDuration(where, 'pruneInterval', pruneInterval, 0));
    this.#backend = makeBackend(checked.expiry.now);
    this.#backend.report = report;
    this.#core = new SessionCore({ ...checked, backend: this.#backend, complain: report });
  }

  /** The living session `sid`, its cookie's `expires` a Date or null; undefined where there is none. */
  override get(sid: string, callback: Callback<SessionData>): void {
    this.#deliver(callback, () => this.#open.get(sid));
  }

  /** {@link SessionStore.get} as a promise. */
  getAsync(sid: string): Promise<SessionData | undefined> {
    return this.#promise(() => this.#open.get(sid));
  }

  /**
   * Stores a session under `sid`. A session object that express-session loaded through this store is merged with what
   * was saved meanwhile, and is not stored when it was ended meanwhile; anything else is written as it is.
   */
  override set(sid: string, session: SessionData, callback?: Callback): void {
    this.#deliver(callback, () => this.#open.set(sid, session));
  }

  /** {@link SessionStore.set} as a promise. */
  setAsync(sid: string, session: SessionData): Promise<void> {
    return this.#promise(() => this.#open.set(sid, session));
  }

  /** Moves the deadline, and the cookie, of the living session `sid` to those of `session`. Creates nothing. */
  override touch(sid: string, session: SessionData, callback?: Callback): void {
    this.#deliver(callback, () => this.#open.touch(sid, session));
  }

  /** {@link SessionStore.touch} as a promise. */
  touchAsync(sid: string, session: SessionData): Promise<void> {
    return this.#promise(() => this.#open.touch(sid, session));
  }

  /** Ends the session `sid`. No error if there is none. */
  override destroy(sid: string, callback?: Callback): void {
    this.#deliver(callback, () => this.#open.destroy(sid));
  }

  /** {@link SessionStore.destroy} as a promise. */
  destroyAsync(sid: string): Promise<void> {
    return this.#promise(() => this.#open.destroy(sid));
  }

  /**
   * Changes the session `sid` in one atomic step and answers what is stored then, or undefined. What `change` throws is
   * delivered unchanged, and nothing is stored.
   */
  update(sid: string, change: SessionChange, callback?: Callback<SessionData>): void {
    this.#deliver(callback, () => this.#open.update(sid, change));
  }

  /** {@link SessionStore.update} as a promise, which rejects with what `change` throws. */
  updateAsync(sid: string, change: SessionChange): Promise<SessionData | undefined> {
    return this.#promise(() => this.#open.update(sid, change));
  }

  /** Ends every session. */
  override clear(callback?: Callback): void {
    this.#deliver(callback, () => this.#open.clear());
  }

  /** {@link SessionStore.clear} as a promise. */
  clearAsync(): Promise<void> {
    return this.#promise(() => this.#open.clear());
  }

  /** The number of living sessions. */
  override length(callback: Callback<number>): void {
    this.#deliver(callback, () => this.#open.count());
  }

  /** {@link SessionStore.length} as a promise. */
  lengthAsync(): Promise<number> {
    return this.#promise(() => this.#open.count());
  }

  /** All living sessions by id, in one object without a prototype. For many sessions see {@link entries}. */
  override all(callback: Callback<Record<string, SessionData>>): void {
    this.#deliver(callback, () => this.#open.all());
  }

  /** {@link SessionStore.all} as a promise. */
  allAsync(): Promise<Record<string, SessionData>> {
    return this.#promise(() => this.#open.all());
  }

  /** The ids of all living sessions. */
  ids(callback: Callback<string[]>): void {
    this.#deliver(callback, () => this.#open.ids());
  }

  /** {@link SessionStore.ids} as a promise. */
  idsAsync(): Promise<string[]> {
    return this.#promise(() => this.#open.ids());
  }

  /**
   * The living sessions as `[sid, session]`, one after the other, in bounded memory. A walk that is not at its end when
   * the store is closed ends with `SESSILE_CLOSED`.
   */
  async *entries(): AsyncGenerator<[sid: string, session: SessionData], void, void> {
    const pairs = this.#core.entries();
    try {
      for (;;) {
        this.#checkOpen();
        const { done, value } = await this.#inFlight.track(pairs.next());
        if (done) return;
        yield value;
      }
    } finally {
      await pairs.return();
    }
  }

  /** Removes what has expired from the storage and answers how many. */
  prune(callback?: Callback<number>): void {
    this.#deliver(callback, () => this.#open.prune());
  }

  /** {@link SessionStore.prune} as a promise. */
  pruneAsync(): Promise<number> {
    return this.#promise(() => this.#open.prune());
  }

  /** Waits for what is under way, then lets go of the storage. Later calls are refused with `SESSILE_CLOSED`. */
  close(callback?: Callback): void {
    deliver(orComplain(callback, this), () => this.closeAsync());
  }

  /** {@link SessionStore.close} as a promise. */
  closeAsync(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** {@link SessionStore.close} at the end of a block with `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.closeAsync();
  }

  /** Called by express-session with what `get` answered, to make the request's session object of it. */
  override createSession(req: Parameters<Store['createSession']>[0], data: SessionData): Session & SessionData {
    const session = super.createSession(req, data);
    this.carry(data, session);
    return session;
  }

  /**
   * Says that `to` was made of `from`, which `get` answered or which was carried before: a save of `to` is merged with
   * what was saved since, and is not stored when the session was ended. For frameworks that make an object of their own.
   * What `to` lacks counts as deleted if it is a plain object; of any other kind it must have just been made.
   */
  carry(from: object, to: object): void {
    this.#core.take(from, to);
  }

  #deliver<T>(callback: Callback<T> | undefined, act: () => Awaitable<T | undefined>): void {
    deliver(orComplain(callback, this), act, this.#inFlight);
  }

  async #promise<T>(act: () => Awaitable<T>): Promise<T> {
    const outcome = act();
    return isThenable(outcome) ? await this.#inFlight.track(outcome) : outcome;
  }

  /** What does the work. @throws SessileError `SESSILE_CLOSED` */
  get #open(): SessionCore {
    this.#checkOpen();
    this.#sweeper.arm();
    return this.#core;
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new SessileError('SESSILE_CLOSED', 'The session store is closed');
  }

  async #sweep(): Promise<void> {
    try {
      await this.#promise(() => this.#open.prune(this.#sweeping.signal));
    } catch (error) {
      complain(this, error);
    }
  }

  async #close(): Promise<void> {
    this.#sweeper.stop();
    this.#sweeping.abort();
    await this.#inFlight.drained();
    await this.#backend.close();
  }
}
