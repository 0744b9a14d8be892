import { isDeepStrictEqual } from 'node:util';
import { isExpired } from '../backend.js';
import { dateOf } from './cookie-text.js';
import { type GenericStore, TWO_WEEKS } from './generic-store.js';
import { KeyedQueue } from './keyed-queue.js';
import { type Fields, isFields } from './merge-fields.js';
import { oneAnswer } from './one-answer.js';
import { toText } from './record-store.js';
import { storedSession } from './stored-session.js';

interface Lasting {
  readonly now: () => number;
  /** When a session ends that is stored now, by its cookie's date if it has one; in ms since the epoch. */
  deadline(date: number | undefined, session: object, sid: string): number;
}

/**
 * Whole sessions in a store that keeps them by key. A session's cookie is its value `cookie`: what else was kept under
 * that key is taken for a cookie, or displaced by one. A session without one, as generic-session writes it, is handed out
 * with a cookie that ends with the browser.
 *
 * A session whose cookie's date has passed is a miss; its values stay until the store forgets them. A save writes the
 * values that differ and takes away those that are gone, one by one: after a failure some of them may be as before.
 */
export class GenericRecords {
  readonly #store: GenericStore;
  readonly #lasting: Lasting;
  readonly #timeout: number | undefined;
  /** A save takes several calls: those of others must not come in between. */
  readonly #line = new KeyedQueue();

  /** @param timeout how many ms the store may take for one call */
  constructor(store: GenericStore, lasting: Lasting, timeout?: number) {
    this.#store = store;
    this.#lasting = lasting;
    this.#timeout = timeout;
  }

  /**
   * Reading renews what is read, in such a store: for as long as its cookie says. A save waits for that, lest its session
   * be renewed for as long as the former one was to live.
   */
  async getAsync(sid: string): Promise<Fields | undefined> {
    return await this.#line.run(sid, async () => {
      // It is read before it is known how long it is to live.
      const values = await this.#values(sid, TWO_WEEKS);
      const session = this.#living(values);
      if (session && isFields(values['cookie'])) await this.#store.extend(sid, this.#left(sid, session));
      return session;
    });
  }

  /** @throws (rejects) SessileError `SESSILE_SERIALIZE` */
  async setAsync(sid: string, session: object): Promise<void> {
    const wanted = JSON.parse(toText(session as Fields)) as Fields;
    const left = this.#left(sid, wanted);
    await this.#line.run(sid, async () => {
      if (left <= 0) return void (await this.#call('delAll', sid));
      const kept = await this.#replaceable(sid, left);
      for (const key of Object.keys(kept)) if (!Object.hasOwn(wanted, key)) await this.#call('del', sid, key, left);
      for (const [key, value] of Object.entries(wanted)) {
        if (!isAt(kept, key, value)) await this.#call('set', sid, key, value, left);
      }
    });
  }

  async destroyAsync(sid: string): Promise<void> {
    await this.#line.run(sid, () => this.#call('delAll', sid));
  }

  /** Writes the cookie alone, and creates nothing. */
  async touchAsync(sid: string, session: object): Promise<void> {
    const { cookie } = JSON.parse(toText(session as Fields)) as Fields;
    const left = this.#left(sid, { ...session, cookie });
    await this.#line.run(sid, async () => {
      const kept = await this.#values(sid, Math.max(left, 1));
      if (this.#living(kept) === undefined) return;
      if (left <= 0) return void (await this.#call('delAll', sid));
      if (isFields(cookie) && !isAt(kept, 'cookie', cookie)) await this.#call('set', sid, 'cookie', cookie, left);
    });
  }

  /** Text that cannot be read is in the way of every value: such a session begins anew. */
  async #replaceable(sid: string, expire: number): Promise<Fields> {
    try {
      return await this.#values(sid, expire);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      await this.#call('delAll', sid);
      return {};
    }
  }

  /** Nothing but an empty object, where there is no such session. */
  async #values(sid: string, expire: number): Promise<Fields> {
    const values = await this.#call('getAll', sid, expire);
    return isFields(values) ? values : {};
  }

  #living(values: Fields): Fields | undefined {
    if (Object.keys(values).length === 0) return undefined;
    const { cookie } = values;
    const now = this.#lasting.now();
    const session = storedSession(
      { ...values, cookie: isFields(cookie) ? cookie : { httpOnly: true, path: '/' } },
      now,
    );
    const date = dateIn(session);
    return date !== undefined && isExpired(date, now) ? undefined : session;
  }

  #left(sid: string, session: Fields): number {
    return Math.ceil(this.#lasting.deadline(dateIn(session), session, sid) - this.#lasting.now());
  }

  #call(name: keyof GenericStore, ...args: unknown[]): Promise<unknown> {
    return oneAnswer(this.#store, name, args, this.#timeout);
  }
}

function dateIn(session: Fields | undefined): number | undefined {
  return dateOf((session?.['cookie'] as Fields | null | undefined)?.['expires']);
}

function isAt(kept: Fields, key: string, value: unknown): boolean {
  return Object.hasOwn(kept, key) && isDeepStrictEqual(kept[key], value);
}
