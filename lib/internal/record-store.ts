import { EventEmitter } from 'node:events';
import { type Awaitable, type Backend, END_OF_TIME, type Entry, isExpired } from '../backend.js';
import { misuse, SessileError } from '../errors.js';
import { complain } from './complain.js';
import { InFlight } from './in-flight.js';
import { queueOf } from './keyed-queue.js';
import { type Fields, isFields } from './merge-fields.js';
import { describe } from './options.js';
import { touched } from './touched.js';

/** What is kept under one id. */
export interface SessionRecord {
  /** What the app keeps in the session. */
  readonly data: Record<string, unknown>;
  /** The deadline, in seconds since the epoch; absent: none. */
  readonly expiresAt?: number | undefined;
}

/** Answers the next record for the present, living one; undefined removes it, the very same object changes nothing. */
export type RecordChange = (record: SessionRecord | undefined) => SessionRecord | undefined;

/** Keeps whole records under ids. What `touch` and `update` do without being there is told at each. */
export interface RecordStore {
  /** The living record, or nothing. */
  get(id: string): Awaitable<SessionRecord | null | undefined>;
  /** Stores a record whole. `expiresAt`: seconds since the epoch; absent: it does not expire. */
  set(id: string, data: Record<string, unknown>, expiresAt?: number): Awaitable<unknown>;
  /** Removes a record; no error where there is none. */
  delete(id: string): Awaitable<unknown>;
  /** Moves the deadline and nothing else, and creates nothing. A store without it is not told of unmodified requests. */
  touch?(id: string, expiresAt?: number): Awaitable<unknown>;
  /** One atomic step. For a store without it requests of one session wait for each other, in this process only. */
  update?(id: string, change: RecordChange): Awaitable<unknown>;
}

/** How long the expired may stay in the storage, in ms, before a write has them removed. */
const PRUNE_INTERVAL = 900_000;
/** The last moment of a Date, for a record without a deadline. */
const NEVER = END_OF_TIME;
const ID = /^[\w-]{1,128}$/;

/** What is accepted as an id, from a browser too: up to 128 letters, digits, `_` and `-`. */
export function isRecordId(id: unknown): id is string {
  return typeof id === 'string' && ID.test(id);
}

export function isDead({ expiresAt }: SessionRecord, now: number): boolean {
  return expiresAt !== undefined && isExpired(expiresAt * 1_000, now);
}

/**
 * Records over a backend whose entries have no cookie: they are handed out as copies, and expire. A corrupt one counts as
 * absent and is emitted as `error`, or is one process warning where nobody listens.
 *
 * All methods reject with TypeError `SESSILE_MISUSE` for a wrong argument, `SESSILE_SERIALIZE`, `SESSILE_CLOSED` and what
 * the backend adds.
 */
export class KeptRecords extends EventEmitter implements RecordStore {
  readonly #backend: Pick<Backend, 'read' | 'update' | 'prune' | 'close' | 'report'>;
  readonly #now: () => number;
  readonly #inFlight = new InFlight();
  #pruned: number;
  #closing: Promise<void> | undefined;

  constructor(backend: Pick<Backend, 'read' | 'update' | 'prune' | 'close' | 'report'>, now: () => number) {
    super();
    this.#backend = backend;
    this.#now = now;
    this.#pruned = now();
    backend.report = (error) => complain(this, error);
  }

  /** The living record. A dead one is removed. */
  get(id: string): Promise<SessionRecord | undefined> {
    return this.#act(id, async () => {
      const entry = await this.#backend.read(id);
      if (entry === undefined) return undefined;
      const living = this.#alive(entry);
      if (living === undefined) await this.#backend.update(id, (found) => this.#alive(found));
      return living && this.#toRecord(living);
    });
  }

  async set(id: string, data: Record<string, unknown>, expiresAt?: number): Promise<void> {
    await this.#act(id, async () => {
      const entry = toEntry({ data, expiresAt });
      await this.#backend.update(id, () => entry);
    });
    this.#pruneAtTimes();
  }

  delete(id: string): Promise<void> {
    return this.#act(id, async () => this.#backend.update(id, () => undefined));
  }

  touch(id: string, expiresAt?: number): Promise<void> {
    return this.#act(id, async () => {
      const expires = toMilliseconds(expiresAt);
      await this.#backend.update(id, (found) => touched(found, { expires, cookie: '' }, this.#now()));
    });
  }

  /** What `change` throws is thrown, and nothing is changed. It may be called more than once; the last answer counts. */
  async update(id: string, change: RecordChange): Promise<void> {
    await this.#act(id, async () =>
      this.#backend.update(id, (found) => {
        const living = this.#alive(found);
        const record = living && this.#toRecord(living);
        const next = change(record);
        return next === undefined || next !== record ? next && toEntry(next) : living;
      }),
    );
    this.#pruneAtTimes();
  }

  /** Removes the expired from the storage and answers how many. Happens by itself, with a write now and then. */
  async prune(): Promise<number> {
    this.#checkOpen();
    return await this.#inFlight.track(Promise.resolve(this.#backend.prune(this.#now())));
  }

  /** Waits for what is under way, then lets go of what this store opened. */
  close(): Promise<void> {
    this.#closing ??= this.#inFlight.drained().then(() => this.#backend.close());
    return this.#closing;
  }

  /** What `act` reads of its arguments before it first waits, it reads at the moment of the call. */
  async #act<T>(id: unknown, act: () => Promise<T>): Promise<T> {
    this.#checkOpen();
    if (!isRecordId(id)) throw misuse('a session id must have 1 to 128 letters, digits, "_" or "-"');
    return await this.#inFlight.track(act());
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new SessileError('SESSILE_CLOSED', 'The session store is closed');
  }

  #alive(entry: Entry | undefined): Entry | undefined {
    return entry && !isExpired(entry.expires, this.#now()) ? entry : undefined;
  }

  #toRecord({ data, expires }: Entry): SessionRecord | undefined {
    try {
      const fields: unknown = JSON.parse(data);
      if (!isFields(fields)) throw new TypeError(`the data are ${describe(fields)}`);
      return { data: fields, ...(expires !== NEVER && { expiresAt: expires / 1_000 }) };
    } catch (cause) {
      complain(this, new SessileError('SESSILE_CORRUPT', 'What is stored cannot be read as a session', { cause }));
      return undefined;
    }
  }

  #pruneAtTimes(): void {
    const now = this.#now();
    if (now - this.#pruned < PRUNE_INTERVAL) return;
    this.#pruned = now;
    this.prune().catch((error: unknown) => {
      // Who closes the store meanwhile knows it.
      if (this.#closing === undefined) complain(this, error);
    });
  }
}

function toEntry({ data, expiresAt }: SessionRecord): Entry {
  if (!isFields(data)) throw misuse(`the data of a session must be an object, not ${describe(data)}`);
  return { data: toText(data), cookie: '', expires: toMilliseconds(expiresAt) };
}

/** @throws SessileError `SESSILE_SERIALIZE` */
export function toText(data: Fields): string {
  try {
    return JSON.stringify(data);
  } catch (cause) {
    throw new SessileError('SESSILE_SERIALIZE', 'The session cannot be written as JSON; nothing was changed', {
      cause,
    });
  }
}

function toMilliseconds(expiresAt: unknown): number {
  if (expiresAt === undefined || expiresAt === null) return NEVER;
  if (typeof expiresAt === 'number' && expiresAt >= 0) return Math.min(Math.floor(expiresAt) * 1_000, NEVER);
  throw misuse(`expiresAt must be a number of seconds since the epoch, not ${describe(expiresAt)}`);
}

/** A deadline in ms as a store of records writes it: whole seconds, or nothing. */
export function toSeconds(expires: number): number | undefined {
  return expires === NEVER ? undefined : expires / 1_000;
}

/** What was read of a deadline in seconds, in ms. */
export function readSeconds(expiresAt: unknown): number | undefined {
  if (expiresAt === undefined || expiresAt === null) return NEVER;
  const seconds = typeof expiresAt === 'bigint' ? Number(expiresAt) : expiresAt;
  return typeof seconds === 'number' && Number.isFinite(seconds)
    ? Math.min(Math.max(seconds, 0) * 1_000, NEVER)
    : undefined;
}

/** What changes records, one act after the other for each id. */
export type RecordChanges = Required<Pick<RecordStore, 'update' | 'delete'>>;

/**
 * The atomic `update` of a store, or one that is atomic in this process. There its `delete` stands in the same line: it
 * would else be undone by an update that has read and not written yet.
 */
export function changesOf(store: RecordStore): RecordChanges {
  const remove = store.delete.bind(store);
  if (store.update) return { update: store.update.bind(store), delete: remove };
  const queue = queueOf(store);
  const update = async (id: string, change: RecordChange): Promise<void> => {
    const record = (await store.get(id)) ?? undefined;
    const next = change(record);
    if (next === record) return;
    if (next === undefined) await remove(id);
    else await store.set(id, next.data, next.expiresAt);
  };
  return {
    update: (id, change) => queue.run(id, () => update(id, change)),
    delete: (id) => queue.run(id, () => remove(id)),
  };
}
