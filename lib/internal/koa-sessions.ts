import type { CarriedRecords } from './carried-records.js';
import { fromRecord, toRecord } from './koa-session-record.js';

/** What koa-session tells a store with each call: the request's context, which saves hang on. */
export interface KoaSessionCall {
  /** The context. Absent: the last save counts. */
  ctx?: unknown;
}

/** Sessions as koa-session and egg keep them, with `_expire`, `_maxAge` or `_session`, in a store of records. */
export class KoaSessions<R extends object> {
  readonly #records: CarriedRecords<R>;
  readonly #now: () => number;

  constructor(records: CarriedRecords<R>, now: () => number) {
    this.#records = records;
    this.#now = now;
  }

  async get(key: string, call?: KoaSessionCall): Promise<object | undefined> {
    const record = await this.#records.load(key);
    if (record === undefined) return undefined;
    const holder = contextOf(call);
    if (holder) this.#records.hold(key, record, holder);
    return fromRecord(record);
  }

  /** koa-session's `changed: false` does not say that the data is unchanged: everything is written. */
  async set(key: string, { data, maxAge }: { data: object; maxAge: unknown }, call?: KoaSessionCall): Promise<void> {
    const holder = contextOf(call);
    const record = toRecord(data, {
      maxAge,
      former: this.#records.loadedBy(key, holder),
      attributes: holder?.sessionOptions,
      now: this.#now,
    });
    await this.#records.save(key, record as R, holder);
  }

  destroy(key: string): Promise<void> {
    return this.#records.end(key);
  }
}

function contextOf(call: KoaSessionCall | undefined): { sessionOptions?: object } | undefined {
  const ctx = call?.ctx;
  return typeof ctx === 'object' && ctx !== null ? ctx : undefined;
}
