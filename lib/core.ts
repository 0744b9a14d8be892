import type { SessionData } from 'express-session';
import type { Awaitable, Backend, Entry } from './backend.js';
import { misuse, type SessileError } from './errors.js';
import { type Expiry, isExpired } from './expiry.js';
import { atOnce, chain, isThenable } from './internal/awaitable.js';
import { checkSid, describe } from './internal/options.js';
import {
  type Baseline,
  Baselines,
  type Concurrency,
  isUntouched,
  mergeSave,
  mergeTouch,
  type Written,
  withoutTick,
} from './merge.js';
import type { Codec } from './record.js';

/**
 * Answers the next session for the present one; undefined removes it. Synchronous and pure: it may be called more than
 * once, and only the last answer counts.
 */
export type SessionChange = (session: SessionData | undefined) => SessionData | undefined;

interface Parts {
  backend: Backend;
  expiry: Expiry<SessionData>;
  codec: Codec;
  concurrency: Concurrency<SessionData>;
  complain: (error: Error) => void;
}

/**
 * What a store does, without the callbacks: each act answers with a value where the backend does, and with a promise
 * else. Wrong arguments are thrown. Every write is one `update` of the backend.
 */
export class SessionCore {
  readonly #backend: Backend;
  readonly #expiry: Expiry<SessionData>;
  readonly #codec: Codec;
  readonly #concurrency: Concurrency<SessionData>;
  readonly #complain: (error: Error) => void;
  readonly #baselines = new Baselines();

  constructor({ backend, expiry, codec, concurrency, complain }: Parts) {
    this.#backend = backend;
    this.#expiry = expiry;
    this.#codec = codec;
    this.#concurrency = concurrency;
    this.#complain = complain;
  }

  get(sid: string): Awaitable<SessionData | undefined> {
    checkSid(sid);
    const found = this.#backend.read(sid);
    return isThenable(found) ? found.then((entry) => this.#hand(sid, entry)) : this.#hand(sid, found);
  }

  #hand(sid: string, found: Entry | undefined): SessionData | undefined {
    const entry = this.#alive(found);
    const session = entry && this.#decode(entry);
    if (entry && session && this.#concurrency !== 'overwrite') this.#baselines.give(session, sid, entry);
    return session;
  }

  /** Ties what `get` handed out to the object that a framework made of it. */
  take(data: object, session: object): void {
    this.#baselines.take(data, session);
  }

  /** A session whose deadline has passed is stored by removing it. */
  set(sid: string, session: SessionData): Awaitable<void> {
    checkSid(sid);
    const ours = this.#encode(sid, session);
    if (this.#concurrency === 'overwrite') return this.#put(sid, ours);
    const saved = this.#baselines.knows(session) ? this.#save(sid, session, ours) : this.#create(sid, session, ours);
    return chain(saved, () => this.#baselines.renew(session, sid, ours));
  }

  /** Nothing is known that it could start from. It is noted at once, as the next save may come before this one is done. */
  #create(sid: string, session: SessionData, ours: Entry): Awaitable<void> {
    this.#baselines.wrote(session, sid, ours, ours);
    return this.#put(sid, ours);
  }

  /** Mostly nobody else saved it since: then what this request started from is still there. */
  #save(sid: string, session: SessionData, ours: Entry): Awaitable<void> {
    let before: Written | undefined;
    const change = (found: Entry | undefined) => {
      const wrote = this.#baselines.written(session);
      // An attempt of its own that failed has put together what nobody stored.
      if (wrote?.ours !== ours) before = wrote;
      const base = this.#baselines.of(sid, session, found, before);
      if (base === undefined) return this.#alive(ours);
      const theirs = this.#alive(found);
      const next = theirs && this.#alive(this.#merge(base, theirs, ours));
      if (next) this.#baselines.wrote(session, sid, ours, next);
      return next;
    };
    return this.#backend.update(sid, change, this.#baselines.of(sid, session));
  }

  /**
   * A request that did not change the cookie does not insist on it: where another request changed the cookie meanwhile,
   * that one's cookie and deadline stand. One that did change it, and no data, has it merged.
   */
  touch(sid: string, session: SessionData): Awaitable<void> {
    checkSid(sid);
    const { cookie: wanted, date } = this.#codec.encodeCookie(session);
    const expires = this.#expiry.deadline(date, session, sid);
    const base = this.#baselines.of(sid, session);
    const cookie = base === undefined ? wanted : withoutTick(base.cookie, wanted);
    const touched =
      base === undefined || base.cookie === cookie
        ? this.#backend.touch(sid, { expires, cookie, expected: base?.cookie }, this.#expiry.now())
        : this.#backend.update(sid, (found) => {
            const theirs = this.#alive(found);
            return theirs && this.#alive(mergeTouch(base, theirs, { cookie, expires }));
          });
    return chain(touched, () => {
      const latest = this.#baselines.of(sid, session);
      if (latest) this.#baselines.renew(session, sid, { ...latest, cookie, expires });
    });
  }

  destroy(sid: string): Awaitable<void> {
    checkSid(sid);
    return this.#put(sid);
  }

  #put(sid: string, entry?: Entry): Awaitable<void> {
    if (this.#backend.write) return this.#backend.write(sid, this.#alive(entry));
    return this.#backend.update(sid, () => this.#alive(entry));
  }

  update(sid: string, change: SessionChange): Awaitable<SessionData | undefined> {
    checkSid(sid);
    if (typeof change !== 'function') throw misuse(`change must be a function, not ${describe(change)}`);
    let next: Entry | undefined;
    const updated = this.#backend.update(sid, (found) => {
      const entry = this.#alive(found);
      const wanted = atOnce('change', change(entry && this.#decode(entry)));
      next = wanted === undefined ? undefined : this.#alive(this.#encode(sid, wanted));
      return next;
    });
    return chain(updated, () => next && this.#decode(next));
  }

  clear(): Awaitable<void> {
    return this.#backend.clear();
  }

  count(): Awaitable<number> {
    return this.#backend.count(this.#expiry.now());
  }

  prune(signal?: AbortSignal): Awaitable<number> {
    return this.#backend.prune(this.#expiry.now(), signal);
  }

  async all(): Promise<Record<string, SessionData>> {
    const sessions = Object.create(null) as Record<string, SessionData>;
    for await (const [sid, session] of this.entries()) sessions[sid] = session;
    return sessions;
  }

  async ids(): Promise<string[]> {
    const ids: string[] = [];
    for await (const [sid, entry] of this.#backend.entries()) if (this.#alive(entry)) ids.push(sid);
    return ids;
  }

  async *entries(): AsyncGenerator<[sid: string, session: SessionData], void, void> {
    for await (const [sid, found] of this.#backend.entries()) {
      const entry = this.#alive(found);
      const session = entry && this.#decode(entry);
      if (session) yield [sid, session];
    }
  }

  #alive(entry: Entry | undefined): Entry | undefined {
    return entry && !isExpired(entry.expires, this.#expiry.now()) ? entry : undefined;
  }

  #encode(sid: string, session: SessionData): Entry {
    const { data, cookie, date } = this.#codec.encode(session);
    return { data, cookie, expires: this.#expiry.deadline(date, session, sid) };
  }

  /** What cannot be read is a miss for whoever asked, and a matter for whoever listens to errors. */
  #decode(entry: Entry): SessionData | undefined {
    try {
      return this.#codec.decode(entry) as unknown as SessionData;
    } catch (error) {
      this.#complain(error as SessileError);
      return undefined;
    }
  }

  #merge(base: Baseline, theirs: Entry, ours: Entry): Entry {
    if (typeof this.#concurrency !== 'function' || isUntouched(base, theirs)) {
      return mergeSave(base, theirs, ours, this.#codec);
    }
    const [was, is, wanted] = [base, theirs, ours].map((each) => this.#codec.decode(each)) as Three;
    for (const key of base.hidden) delete was[key];
    return this.#encode(base.sid, atOnce('concurrency', this.#concurrency(was, is, wanted)));
  }
}

type Fields = SessionData & Record<string, unknown>;
type Three = [Fields, Fields, Fields];
