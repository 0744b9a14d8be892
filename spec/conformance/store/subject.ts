import { ok } from 'node:assert/strict';
import type { Session, SessionData } from 'express-session';
import type { Awaitable } from '../../../lib/backend.js';
import type { SessionStore } from '../../../lib/store.js';
import { call } from '../calls.js';
import type { Clock, Sample } from '../samples.js';
import type { Case } from '../suite.js';

/** What the suite asks of a store; a case states what it needs, and the rest may be absent. */
export type TestedStore = Pick<SessionStore, keyof SessionStore>;

/** What a store may be without, in words that complete "the store has no …". */
export const features = {
  clock: 'clock that `now` replaces',
  ttl: 'ttl option in ms',
  touch: 'touch',
  all: 'all',
  length: 'length',
  clear: 'clear',
  ids: 'ids',
  update: 'update',
  entries: 'entries',
  prune: 'prune',
  close: 'close',
  promises: 'promise twins',
  merge: 'merge on save',
  misuse: 'promise to refuse wrong arguments',
  errorEvent: 'promise to emit `error` for a failure without a callback',
  codes: 'closed list of error codes',
  pruneInterval: 'pruneInterval option in ms',
} as const;

/** What a store may be without; {@link features} says in words. */
export type Feature = keyof typeof features;
/** What only the author of a store can do for the suite. */
export type Hook = 'failing' | 'corrupt' | 'program';
export type Need = Feature | Hook;

/** What the suite asks `create` for. A store takes what it knows. */
export interface CreateOptions {
  /** The clock, in ms since the epoch. */
  readonly now: () => number;
  /** How long a session lives whose cookie has no date, in ms. */
  readonly ttl: number;
  /** In ms; 0: never. */
  readonly pruneInterval: number;
}

export interface StoreContext {
  readonly store: TestedStore;
  /** The same store, each method as a promise of its first callback. */
  readonly subject: Subject;
  readonly clock: Clock;
  readonly ttl: number;
  readonly randomIds: number;
  /** A store whose storage fails whatever is asked of it. */
  readonly failing: () => Promise<TestedStore>;
  /** Makes what is stored under an id unreadable. */
  readonly corrupt: (sid: string) => Promise<void>;
  /** Runs a program that opens a store as `store` and then does `body`, and answers what it printed. */
  readonly run: (body: string) => Promise<string>;
  /** Another store, closed at the end of the case. */
  readonly another: (options?: Partial<CreateOptions>) => Promise<TestedStore>;
}

export type StoreCase = Case<StoreContext, Need>;

/** One store's callback methods as promises. */
export class Subject {
  readonly #store: TestedStore;

  constructor(store: TestedStore) {
    this.#store = store;
  }

  /** The session; undefined where the store says that there is none, in whichever way. */
  async get(sid: string): Promise<Sample | undefined> {
    return ((await call<SessionData>((done) => this.#store.get(sid, done))) || undefined) as Sample | undefined;
  }

  /** The session, which has to be there. */
  async found(sid: string): Promise<Sample> {
    const session = await this.get(sid);
    ok(session, `no session ${JSON.stringify(sid)}`);
    return session;
  }

  async set(sid: string, session: object): Promise<void> {
    await call<void>((done) => this.#store.set(sid, session as SessionData, done));
  }

  async touch(sid: string, session: object): Promise<void> {
    await call<void>((done) => this.#store.touch(sid, session as SessionData, done));
  }

  async destroy(sid: string): Promise<void> {
    await call<void>((done) => this.#store.destroy(sid, done));
  }

  async clear(): Promise<void> {
    await call<void>((done) => this.#store.clear(done));
  }

  async length(): Promise<number> {
    return (await call<number>((done) => this.#store.length(done))) as number;
  }

  async all(): Promise<Record<string, Sample>> {
    return (await call<Record<string, SessionData>>((done) => this.#store.all(done))) as Record<string, Sample>;
  }

  async ids(): Promise<string[]> {
    return (await call<string[]>((done) => this.#store.ids(done))) as string[];
  }

  async prune(): Promise<number> {
    return (await call<number>((done) => this.#store.prune(done))) as number;
  }

  async close(): Promise<void> {
    await call<void>((done) => this.#store.close(done));
  }

  async update(sid: string, change: (session: Sample | undefined) => object | undefined): Promise<Sample | undefined> {
    const act = change as (session: SessionData | undefined) => SessionData | undefined;
    return (await call<SessionData>((done) => this.#store.update(sid, act, done))) as Sample | undefined;
  }

  /** A session object as a request has it: what `get` answers, made a Session by `createSession`. */
  async load(sid: string): Promise<Session & Sample> {
    const request = { sessionID: sid, sessionStore: this.#store } as never;
    return this.#store.createSession(request, await this.found(sid)) as Session & Sample;
  }
}

type Done = (...args: unknown[]) => void;

/** One method that takes a callback, called in the usual way. */
export interface Operation {
  readonly name: 'get' | 'set' | 'touch' | 'destroy' | 'length' | 'all' | 'clear' | 'ids' | 'prune' | 'update';
  readonly needs: readonly Need[];
  readonly act: (store: TestedStore, done: Done, given: { sid: string; session: Sample }) => unknown;
}

export const operations: readonly Operation[] = [
  { name: 'get', needs: [], act: (store, done, { sid }) => store.get(sid, done) },
  { name: 'set', needs: [], act: (store, done, { sid, session }) => store.set(sid, session, done) },
  { name: 'destroy', needs: [], act: (store, done, { sid }) => store.destroy(sid, done) },
  { name: 'touch', needs: ['touch'], act: (store, done, { sid, session }) => store.touch(sid, session, done) },
  { name: 'length', needs: ['length'], act: (store, done) => store.length(done) },
  { name: 'all', needs: ['all'], act: (store, done) => store.all(done) },
  { name: 'clear', needs: ['clear'], act: (store, done) => store.clear(done) },
  { name: 'ids', needs: ['ids'], act: (store, done) => store.ids(done) },
  { name: 'prune', needs: ['prune'], act: (store, done) => store.prune(done) },
  { name: 'update', needs: ['update'], act: (store, done, { sid, session }) => store.update(sid, () => session, done) },
];

/** What an act throws or rejects with; that it does not fail is a failure. */
export async function failureOf(act: () => Awaitable<unknown>): Promise<unknown> {
  try {
    await act();
  } catch (error) {
    return error;
  }
  throw new Error('It should have failed');
}
