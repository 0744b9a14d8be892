import type { SessionData } from 'express-session';
import { type Awaitable, type Backend, type Change, type Entry, isExpired, type Touch } from '../backend.js';
import { type AnyStore, type PromisedStore, promisify } from '../bridge.js';
import { SessileError } from '../errors.js';
import { Expiry, type ExpiryOptions } from '../expiry.js';
import { countAlive } from '../internal/count-alive.js';
import { fromForeign, toForeign } from '../internal/foreign-session.js';
import { forwardEvents } from '../internal/forward-events.js';
import { type KeyedQueue, queueOf } from '../internal/keyed-queue.js';
import { checkDuration } from '../internal/options.js';
import { removeDead } from '../internal/remove-dead.js';
import { sourceOf } from '../internal/source-of.js';
import { touched } from '../internal/touched.js';
import { SessionStore, type StoreOptions } from '../store.js';

/** Options of {@link ForeignBackend}, and of {@link adopt} besides those of all stores. */
export interface ForeignBackendOptions extends ExpiryOptions<SessionData> {
  /** How many ms the store may take for one call. Default: 30 000; for what `promisify` answered, what it was told. */
  timeout?: number;
}

/**
 * Entries in somebody else's store for express-session. Changes of one session stand in line, so that they are atomic
 * within this process, among all who adopted the same store; between processes the last write counts, as that store has
 * no way to do better.
 */
export class ForeignBackend implements Backend {
  declare report?: (error: Error) => void;
  readonly #store: PromisedStore;
  readonly #queue: KeyedQueue;
  readonly #expiry: Expiry<SessionData>;

  /** @throws TypeError `SESSILE_MISUSE` */
  constructor(store: AnyStore | PromisedStore, { timeout = 30_000, ...expiry }: ForeignBackendOptions = {}) {
    checkDuration('AdoptedStore', 'timeout', timeout, 1);
    this.#expiry = new Expiry('AdoptedStore', expiry);
    this.#store = promisify(store, { timeout, ...expiry });
    this.#queue = queueOf(sourceOf(store));
  }

  read(sid: string): Awaitable<Entry | undefined> {
    return this.#queue.follow(sid, () => this.#load(sid));
  }

  async update(sid: string, change: Change): Promise<void> {
    await this.#queue.run(sid, async () => {
      const current = await this.#load(sid);
      const next = change(current);
      if (next === undefined) await foreign(() => this.#store.destroyAsync(sid));
      else if (next !== current) await this.#save(sid, next);
    });
  }

  /** Many stores' own touch forgets the cookie, creates or revives: this is a write of the whole session. */
  touch(sid: string, to: Touch, now: number): Promise<void> {
    return this.update(sid, (entry) => touched(entry, to, now));
  }

  async *entries(): AsyncGenerator<readonly [sid: string, entry: Entry], void, void> {
    const { idsAsync, allAsync } = this.#store;
    if (idsAsync) yield* this.#each(await foreign(() => idsAsync()));
    else if (allAsync) {
      for (const [sid, session] of Object.entries(await foreign(() => allAsync()))) {
        const entry = this.#entryOf(sid, session);
        if (entry) yield [sid, entry];
      }
    } else throw new SessileError('SESSILE_UNSUPPORTED', 'The adopted store has neither ids nor all');
  }

  /** A store that can only count counts what it has, the dead perhaps included. */
  count(now: number): Promise<number> {
    const { idsAsync, allAsync, lengthAsync } = this.#store;
    return lengthAsync && !idsAsync && !allAsync ? foreign(() => lengthAsync()) : countAlive(this.entries(), now);
  }

  async prune(now: number, signal?: AbortSignal): Promise<number> {
    let removed = 0;
    for await (const [sid, { expires }] of this.entries()) {
      if (signal?.aborted) break;
      if (isExpired(expires, now) && (await removeDead((change) => this.update(sid, change), now))) removed += 1;
    }
    return removed;
  }

  async clear(): Promise<void> {
    const { clearAsync, idsAsync, allAsync } = this.#store;
    if (clearAsync) return foreign(() => clearAsync());
    if (!idsAsync && !allAsync) throw new SessileError('SESSILE_UNSUPPORTED', 'The adopted store has no clear');
    for await (const [sid] of this.entries()) await this.update(sid, () => undefined);
  }

  /** The store is its owner's to close. */
  close(): void {}

  async *#each(sids: readonly string[]): AsyncGenerator<readonly [sid: string, entry: Entry], void, void> {
    for (const sid of sids) {
      const entry = await this.read(sid);
      if (entry) yield [sid, entry];
    }
  }

  async #load(sid: string): Promise<Entry | undefined> {
    try {
      const found = await this.#store.getAsync(sid);
      return found && this.#entryOf(sid, found);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw foreignError(error);
      return this.#corrupt(error);
    }
  }

  #entryOf(sid: string, found: object): Entry | undefined {
    const deadline = (date?: number) => this.#expiry.deadline(date, found as SessionData, sid);
    try {
      return fromForeign(found, this.#expiry.now(), deadline);
    } catch (error) {
      if ((error as { code?: unknown }).code === 'SESSILE_MISUSE') throw error;
      return this.#corrupt(error);
    }
  }

  #corrupt(cause: unknown): undefined {
    this.report?.(new SessileError('SESSILE_CORRUPT', 'A session in the adopted store cannot be read', { cause }));
  }

  async #save(sid: string, entry: Entry): Promise<void> {
    const session = toForeign(entry, this.#expiry.now) as SessionData;
    await foreign(() => this.#store.setAsync(sid, session));
  }
}

async function foreign<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw foreignError(error);
  }
}

/** An error of somebody else's never leaves as it is: express-session would take an `ENOENT` for "no such session". */
function foreignError(cause: unknown): unknown {
  if (String((cause as { code?: unknown } | null)?.code).startsWith('SESSILE_')) return cause;
  return new SessileError('SESSILE_FOREIGN', 'The adopted store failed', { cause });
}

/** Those that were made without options and are open. */
const adopted = new WeakMap<object, AdoptedStore>();

/** Options of {@link adopt}; `pruneInterval` is 0 here where it is not given. */
export interface AdoptOptions extends StoreOptions, ForeignBackendOptions {}

/** What {@link adopt} makes of a store. */
export class AdoptedStore extends SessionStore {
  readonly #adopted: AnyStore | PromisedStore;
  readonly #letGo: () => void;

  /** @throws TypeError `SESSILE_MISUSE` for a wrong option, or for what is no store */
  constructor(store: AnyStore | PromisedStore, options: AdoptOptions = {}) {
    const { pruneInterval = 0 } = options;
    super(() => new ForeignBackend(store, backendOptions(options)), { ...options, pruneInterval }, ['timeout']);
    this.#adopted = store;
    this.#letGo = forwardEvents(sourceOf(store), this);
  }

  override closeAsync(): Promise<void> {
    this.#letGo();
    if (adopted.get(this.#adopted) === this) adopted.delete(this.#adopted);
    return super.closeAsync();
  }
}

function backendOptions({ ttl, now, timeout }: AdoptOptions): ForeignBackendOptions {
  return {
    ...(ttl !== undefined && { ttl }),
    ...(now !== undefined && { now }),
    ...(timeout !== undefined && { timeout }),
  };
}

/**
 * Makes a full store of any third-party store for express-session, or of generic-session's kind: callbacks exactly once
 * and later, promise twins, `update`, merge on save, a logout that sticks, and a touch that is only a touch. Changes of
 * one session stand in line within this process, whoever adopted the store; several processes on one such store can still
 * overwrite each other.
 *
 * A session that this store wrote dies at its deadline: `cookie.expires`, or `ttl` after its last save or touch. One that
 * was written past it is the adopted store's to judge. `length`, `ids`, `all`, `entries`, `prune` and `clear` need a
 * method of the adopted store that can list (`ids` or `all`), or fail with `SESSILE_UNSUPPORTED`. The adopted store is
 * not closed by `close`, and its events `connect`, `disconnect` and `error` are passed on until then.
 *
 * A store of ours is answered as it is; its options are its own. Without options the same store is answered each time,
 * until it is closed.
 *
 * @throws TypeError `SESSILE_MISUSE`
 */
export function adopt(store: AnyStore | PromisedStore | SessionStore, options?: AdoptOptions): SessionStore {
  if (isOurs(store)) return store;
  if (options !== undefined) return new AdoptedStore(store, options);
  const known = adopted.get(store);
  if (known !== undefined) return known;
  const made = new AdoptedStore(store);
  adopted.set(store, made);
  return made;
}

/** By what it can do: a store of another copy of this package is no instance of this copy's class. */
function isOurs(store: object): store is SessionStore {
  const { updateAsync, carry, entries } = Object(store) as Partial<SessionStore>;
  return [updateAsync, carry, entries].every((method) => typeof method === 'function');
}
