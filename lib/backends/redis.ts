import { setTimeout as pause } from 'node:timers/promises';
import {
  type Awaitable,
  type Backend,
  type Change,
  END_OF_TIME,
  type Entry,
  isExpired,
  type Touch,
} from '../backend.js';
import { misuse, SessileError } from '../errors.js';
import { countAlive } from '../internal/count-alive.js';
import { KeyedQueue } from '../internal/keyed-queue.js';
import { checkDuration, describe } from '../internal/options.js';
import { faceOf, type RedisClient } from '../internal/redis-client.js';
import { RedisKeys } from '../internal/redis-keys.js';
import { RedisLink } from '../internal/redis-link.js';
import { replace, run } from '../internal/redis-scripts.js';
import { dateText, type Found, formatEntry, frameOf, parseEntry } from '../internal/redis-text.js';
import { RedisTouches } from '../internal/redis-touches.js';
import { removeDead } from '../internal/remove-dead.js';
import { touched } from '../internal/touched.js';
import { SessionStore, type StoreOptions } from '../store.js';

export type { RedisClient };

const ONE_HOUR = 3_600_000;
/** connect-redis rounds what is left of a session up to a whole second: less than that is nothing. */
const ROUNDING = 1_000;
/** How long what could not be read is kept aside when it is written over, in ms. */
const KEPT_ASIDE = '2592000000';
/** The longest pause before another attempt, in ms. */
const LONGEST_PAUSE = 40;

/** Options of {@link RedisBackend}, and of {@link RedisStore} besides those of all stores. */
export interface RedisBackendOptions {
  /** A client of `redis` 5 or later, alone or cluster, or of `ioredis`; connecting and closing it is the caller's. */
  client: RedisClient;
  /** What comes before each session id in its key. Default: `'sess:'`. */
  prefix?: string;
  /** How long one command waits for a connection and an answer, in ms. Default: 5 000. */
  timeout?: number;
  /** How long an update is tried again while others change the same session, in ms. Default: 15 000. */
  lockTimeout?: number;
}

/** How the server's clock, which ends what is kept there, goes together with the store's. */
export interface RedisClock {
  /** The clock of the store, in milliseconds since the epoch. */
  readonly now: () => number;
  /** How long the server keeps an entry past its deadline, in ms; 0: the server alone removes the dead. */
  readonly grace: number;
}

/** Entries in Redis, on the keys and in the form of connect-redis, for any number of processes and machines. */
export class RedisBackend implements Backend {
  readonly #link: RedisLink;
  readonly #keys: RedisKeys;
  readonly #touches: RedisTouches;
  readonly #lockTimeout: number;
  readonly #now: () => number;
  readonly #grace: number;
  /** Changes of one id in the order of their calls. Who comes from elsewhere is met by comparing and trying again. */
  readonly #queue = new KeyedQueue();
  /** Set by the owner: called each time the connection is lost or found again. */
  notice?: (ready: boolean) => void;
  report?: (error: Error) => void;

  /** @throws TypeError `SESSILE_MISUSE` */
  constructor(options: RedisBackendOptions, { now, grace }: RedisClock) {
    const { client, prefix = 'sess:', timeout = 5_000, lockTimeout = 15_000 } = options ?? {};
    if (typeof prefix !== 'string' || !prefix.isWellFormed()) {
      throw misuse(`RedisStore: prefix must be a string without lone surrogates, not ${describe(prefix)}`);
    }
    checkDuration('RedisStore', 'timeout', timeout, 1);
    this.#lockTimeout = checkDuration('RedisStore', 'lockTimeout', lockTimeout, 0);
    const face = faceOf('RedisStore', client);
    this.#keys = new RedisKeys(prefix);
    this.#now = now;
    this.#grace = grace;
    this.#link = new RedisLink(face, timeout, (ready) => this.notice?.(ready));
    this.#touches = new RedisTouches(this.#link.send, face.oneKey);
  }

  read(sid: string): Awaitable<Entry | undefined> {
    return this.#queue.follow(sid, () => this.#read(this.#keys.of(sid)));
  }

  update(sid: string, change: Change, seen?: Entry): Awaitable<void> {
    const key = this.#keys.of(sid);
    return this.#inTurn(sid, async (until) => {
      const found = seen && (await this.#guess(key, change, seen));
      if (found !== null) await this.#update(key, change, until, found);
    });
  }

  write(sid: string, entry: Entry | undefined): Awaitable<void> {
    const key = this.#keys.of(sid);
    return this.#inTurn(sid, () => {
      const set = (next: Entry) => ['SET', key, formatEntry(next), 'PX', this.#lease(next)];
      return this.#link.send(entry ? set(entry) : ['UNLINK', key]).then(nothing);
    });
  }

  touch(sid: string, to: Touch, now: number): Awaitable<void> {
    const key = this.#keys.of(sid);
    return this.#inTurn(sid, (until) => {
      const rewrite = () => this.#update(key, (found) => touched(found, to, now), until);
      const dated = this.#redate(key, to, now);
      return dated === undefined ? rewrite() : dated.then((answer) => (Number(answer) === -1 ? rewrite() : undefined));
    });
  }

  async *entries(): AsyncGenerator<readonly [sid: string, entry: Entry], void, void> {
    for await (const page of this.#pages()) {
      const found = await Promise.all(page.map((sid) => this.read(sid)));
      for (const [at, sid] of page.entries()) {
        const entry = found[at];
        if (entry !== undefined) yield [sid, entry];
      }
    }
  }

  async count(now: number): Promise<number> {
    if (this.#grace > 0) return countAlive(this.entries(), now);
    let keys = 0;
    for await (const page of this.#pages()) keys += page.length;
    return keys;
  }

  /** The server does that by itself, unless it was told to keep the dead. */
  async prune(now: number, signal?: AbortSignal): Promise<number> {
    if (this.#grace === 0) return 0;
    let removed = 0;
    const bury = (sid: string) => removeDead((change) => this.update(sid, change), now);
    for await (const page of this.#pages()) {
      if (signal?.aborted) break;
      removed += (await Promise.all(page.map(bury))).filter(Boolean).length;
    }
    return removed;
  }

  async clear(): Promise<void> {
    for await (const page of this.#pages()) await Promise.all(page.map((sid) => this.write(sid, undefined)));
  }

  close(): void {
    this.#link.close();
  }

  async *#pages(): AsyncGenerator<string[], void, void> {
    yield* this.#keys.pages(await this.#link.nodes());
  }

  /** Behind what is under way for `sid`, for which nobody waits longer than `lockTimeout`. */
  #inTurn(sid: string, act: (until: number) => Promise<void>): Awaitable<void> {
    const until = performance.now() + this.#lockTimeout;
    let isBehind = false;
    const outcome = this.#queue.run(sid, () => {
      if (isBehind) checkTime(until);
      return act(until);
    });
    isBehind = true;
    return outcome;
  }

  #read(key: string): Promise<Entry | undefined> {
    return this.#link.send(['GET', key]).then((text) => (text === null ? undefined : this.#toEntry(key, String(text))));
  }

  /**
   * An update in one step and not two, where what was seen is still there. Nobody has found that out when `change` leaves
   * it be or throws: that counts for nothing. One whose time is over by its text may have been prolonged by connect-redis.
   * @returns null when that was done; what is there instead; undefined where nothing was asked
   */
  async #guess(key: string, change: Change, seen: Entry): Promise<string | null | undefined> {
    if (isExpired(seen.expires, this.#now())) return undefined;
    let next: Entry | undefined;
    try {
      next = change(seen);
    } catch {
      return undefined;
    }
    return next === seen ? undefined : this.#replace(key, formatEntry(seen), next);
  }

  /**
   * Compares and sets: nobody is kept waiting by a process that stops half-way. An attempt of which the answer is lost
   * is not made again: it may have been done, and what it did may have been changed by others since.
   * @throws SessileError `SESSILE_LOCK_TIMEOUT`, `SESSILE_IO`, and what `change` throws
   */
  async #update(key: string, change: Change, until: number, found?: string): Promise<void> {
    let text = found ?? String((await this.#link.send(['GET', key])) ?? '');
    for (let attempt = 1; ; attempt += 1) {
      const current = text === '' ? undefined : await this.#toEntry(key, text);
      const next = change(current);
      if (next === current && (next !== undefined || text === '')) return;
      if (current === undefined && text !== '') await this.#setAside(key, text);
      const present = await this.#replace(key, text, next);
      if (present === null) return;
      text = present;
      await pause(Math.random() * Math.min(attempt, LONGEST_PAUSE));
      checkTime(until);
    }
  }

  /** Null when that was done, or the text that is there instead; empty is nothing there. */
  async #replace(key: string, text: string, next: Entry | undefined): Promise<string | null> {
    const [wanted, lease] = next === undefined ? ['', '0'] : [formatEntry(next), this.#lease(next)];
    const answer = await run(this.#link.send, replace, [key, text, wanted, lease]);
    return answer === null ? null : String(answer);
  }

  /** A touch that need not write the data, with what {@link RedisTouches.redate} answers; undefined where it cannot. */
  #redate(key: string, to: Touch, now: number): Promise<unknown> | undefined {
    const frame = to.expected === undefined || to.expected === to.cookie ? frameOf(to.cookie) : undefined;
    const [date, after] = [dateText(to.expires), dateText(now)];
    if (frame === undefined || date === undefined || after === undefined) return undefined;
    return this.#touches.redate({ key, ...frame, date, after, lease: this.#lease(to) });
  }

  #toEntry(key: string, text: string): Awaitable<Entry | undefined> {
    let found: Found;
    try {
      found = parseEntry(text);
    } catch {
      this.report?.(new SessileError('SESSILE_CORRUPT', 'What Redis has under the key of a session is no session'));
      return undefined;
    }
    const { data, cookie, expires } = found;
    if (expires !== undefined && (this.#grace > 0 || !isExpired(expires, this.#now())))
      return { data, cookie, expires };
    return this.#deadline(key, expires).then((deadline) => {
      return deadline === undefined ? undefined : { data, cookie, expires: deadline };
    });
  }

  /** connect-redis moves the server's deadline alone: where the text has none, or a past one, the server is asked. */
  async #deadline(key: string, past: number | undefined): Promise<number | undefined> {
    const left = Number(await this.#link.send(['PTTL', key]));
    if (left === -1) return END_OF_TIME;
    if (left > ROUNDING || (left >= 0 && past === undefined)) return this.#now() + left;
    return past;
  }

  async #setAside(key: string, text: string): Promise<void> {
    await this.#link.send(['SET', `corrupt:${key}`, text, 'PX', KEPT_ASIDE]);
  }

  #lease({ expires }: { readonly expires: number }): string {
    return String(Math.max(expires - Math.floor(this.#now()), 1) + this.#grace);
  }
}

function nothing(): void {}

function checkTime(until: number): void {
  if (performance.now() <= until) return;
  const words = 'Others kept changing the session for longer than lockTimeout; nothing was changed';
  throw new SessileError('SESSILE_LOCK_TIMEOUT', words);
}

/** Options of {@link RedisStore}. */
export interface RedisStoreOptions extends StoreOptions, RedisBackendOptions {}

/**
 * Sessions in Redis: shared by machines, and by connect-redis. Emits `disconnect` when the client loses its connection
 * and `connect` when it has one again; express-session goes on without sessions in between.
 */
export class RedisStore extends SessionStore {
  /** @throws TypeError `SESSILE_MISUSE` */
  constructor(options: RedisStoreOptions) {
    const grace = options?.now === undefined ? 0 : ONE_HOUR;
    let backend: RedisBackend | undefined;
    super(
      (now) => {
        backend = new RedisBackend(options, { now, grace });
        return backend;
      },
      options,
      ['client', 'prefix', 'timeout', 'lockTimeout'],
    );
    if (backend) backend.notice = (ready) => this.emit(ready ? 'connect' : 'disconnect');
  }
}
