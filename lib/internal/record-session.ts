import { randomBytes } from 'node:crypto';
import { misuse } from '../errors.js';
import { ChangedFields } from './changed-fields.js';
import { changesOf, type RecordChanges, type RecordStore, type SessionRecord } from './record-store.js';

/** The session of one request. `Data` are the fields that an app keeps in it. */
export interface ServerSession<Data extends object = Record<string, unknown>> {
  /** Absent until something is written; 48 hex digits. */
  readonly id: string | undefined;
  /** What `get` and `set` work on; it may be changed in place. */
  readonly data: Partial<Data>;
  /** Whether nothing is stored under this id yet. */
  readonly isNew: boolean;
  /** Whether {@link ServerSession.destroy} was called in this request. */
  readonly destroyed: boolean;
  /** The value of a key, or undefined. */
  get<Key extends keyof Data & string>(key: Key): Data[Key] | undefined;
  /** Sets a value, which is kept as JSON. */
  set<Key extends keyof Data & string>(key: Key, value: Data[Key]): void;
  /** Takes a key away. */
  delete(key: keyof Data & string): void;
  /** Removes all data, also what other requests add until this one is saved; the session goes on. */
  clear(): void;
  /** Gives the session another id, which is answered, and keeps its data. The old id is dead once this is saved. */
  regenerate(): string;
  /** Ends the session, at once, and clears the cookie. What is written to it afterwards in this request is not kept. */
  destroy(): Promise<void>;
}

export interface SessionParts {
  readonly store: RecordStore;
  /** What was loaded, and from where. */
  readonly found: { readonly id: string; readonly record: SessionRecord } | undefined;
  readonly rolling: boolean;
  /** The deadline, in seconds since the epoch, of what is saved now. */
  readonly deadline: () => number;
  /** Whether the headers have left, so that the browser cannot be told a new id any more. */
  readonly headersSent: () => boolean;
}

/**
 * One request's view of a record. Nothing is written before {@link commit}, except that {@link destroy} removes at once:
 * a request that fails later leaves the store as it was, and is logged out all the same.
 *
 * Methods that change something throw TypeError `SESSILE_MISUSE` once the response was sent, and for a new id once its
 * headers were.
 */
export class RecordSession<Data extends object> implements ServerSession<Data> {
  readonly #parts: SessionParts;
  readonly #changes: RecordChanges;
  readonly #fields: ChangedFields;
  readonly #storedId: string | undefined;
  #id: string | undefined;
  /** The new id that the browser was told. */
  #told: string | undefined;
  #destroying: Promise<void> | undefined;
  #isSent = false;
  #isDiscarded = false;
  /** Another request ended the session meanwhile. */
  #isGone = false;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#changes = changesOf(parts.store);
    this.#fields = new ChangedFields(parts.found?.record.data ?? {});
    this.#storedId = parts.found?.id;
    this.#id = this.#storedId;
  }

  get id(): string | undefined {
    return this.#id;
  }

  get data(): Partial<Data> {
    return this.#fields.current as Partial<Data>;
  }

  get isNew(): boolean {
    return this.#storedId === undefined || (this.#id !== undefined && this.#id !== this.#storedId);
  }

  get destroyed(): boolean {
    return this.#destroying !== undefined;
  }

  get<Key extends keyof Data & string>(key: Key): Data[Key] | undefined {
    return Object.hasOwn(this.data, key) ? this.data[key] : undefined;
  }

  set<Key extends keyof Data & string>(key: Key, value: Data[Key]): void {
    this.#beginChange();
    // A key `__proto__` is a key like any other.
    Object.defineProperty(this.data, key, { value, configurable: true, enumerable: true, writable: true });
    this.#fields.mark();
  }

  delete(key: keyof Data & string): void {
    this.#checkOpen();
    if (this.#id === undefined && !Object.hasOwn(this.data, key)) return;
    this.#beginChange();
    delete this.data[key];
    this.#fields.mark();
  }

  clear(): void {
    this.#beginChange();
    this.#fields.clear();
  }

  regenerate(): string {
    this.#checkOpen();
    const id = this.#newId();
    if (this.destroyed) return id;
    this.#id = id;
    this.#fields.mark();
    return id;
  }

  destroy(): Promise<void> {
    if (this.#isSent) return Promise.reject(tooLate());
    if (this.#destroying === undefined) {
      this.#id = undefined;
      this.#destroying = this.#remove();
      // Nobody need wait for it: the end of the response does.
      this.#destroying.catch(() => {});
    }
    return this.#destroying;
  }

  /** Nothing of this request is to be kept, but that it destroyed the session. */
  discard(): void {
    if (!this.#isSent) this.#isDiscarded = true;
  }

  get isSent(): boolean {
    return this.#isSent;
  }

  /** What to tell the browser right before the headers leave: an id, or null: to forget it; undefined: nothing. */
  tell(): string | null | undefined {
    if (this.destroyed) return null;
    if (this.#isDiscarded || this.#isGone) return undefined;
    const isChanged = this.#fields.isChanged();
    if (isChanged) this.#id ??= this.#newId();
    if (!isChanged && !this.#parts.rolling) return undefined;
    this.#told = this.#id;
    return this.#id;
  }

  /**
   * Saves what there is to save, as it is now; undefined: nothing. From now on nothing can be changed.
   * @throws SessileError `SESSILE_SERIALIZE`; it rejects with what the store rejects with
   */
  commit(): Promise<void> | undefined {
    this.#isSent = true;
    Object.freeze(this.#fields.current);
    if (this.#destroying !== undefined) return this.#destroying;
    if (this.#isDiscarded) return undefined;
    // Whatever stops the saving, the browser is not to be told of it.
    this.#isDiscarded = true;
    const saving = this.#save();
    if (saving === undefined) {
      this.#isDiscarded = false;
      return undefined;
    }
    return saving.then(() => {
      this.#isDiscarded = false;
    });
  }

  #save(): Promise<void> | undefined {
    const isChanged = this.#fields.isChanged();
    if (isChanged) this.#id ??= this.#newId();
    const id = this.#id;
    if (id === undefined) return undefined;
    if (id !== this.#storedId && id !== this.#told) this.#checkHeaders();
    const merge = this.#fields.snapshot();
    const expiresAt = this.#parts.deadline();
    if (this.#storedId === undefined) return this.#write(id, { data: merge({}), expiresAt });
    if (id !== this.#storedId) return this.#move(this.#storedId, id, ({ data }) => ({ data: merge(data), expiresAt }));
    if (!isChanged && !this.#parts.rolling) return this.#touch(id, expiresAt);
    return this.#change(id, ({ data }) => ({ data: merge(data), expiresAt }));
  }

  async #write(id: string, { data, expiresAt }: SessionRecord): Promise<void> {
    await this.#parts.store.set(id, data, expiresAt);
  }

  #touch(id: string, expiresAt: number): Promise<void> | undefined {
    if (this.#parts.store.touch === undefined) return undefined;
    return Promise.resolve(this.#parts.store.touch(id, expiresAt)).then(() => {});
  }

  /** Where the session was ended meanwhile nothing is written. */
  async #change(id: string, next: (record: SessionRecord) => SessionRecord): Promise<void> {
    await this.#changes.update(id, (record) => {
      this.#isGone = record === undefined;
      return record && next(record);
    });
  }

  /** The old id is dead before the new one lives. */
  async #move(from: string, to: string, next: (record: SessionRecord) => SessionRecord): Promise<void> {
    let taken: SessionRecord | undefined;
    await this.#changes.update(from, (record) => {
      taken = record;
      return undefined;
    });
    this.#isGone = taken === undefined;
    if (taken !== undefined) await this.#write(to, next(taken));
  }

  async #remove(): Promise<void> {
    if (this.#storedId !== undefined) await this.#changes.delete(this.#storedId);
  }

  #beginChange(): void {
    this.#checkOpen();
    if (!this.destroyed) this.#id ??= this.#newId();
  }

  #newId(): string {
    this.#checkHeaders();
    return randomBytes(24).toString('hex');
  }

  #checkHeaders(): void {
    if (!this.#parts.headersSent()) return;
    throw misuse('the headers were sent: the browser cannot be told the id of a new session any more');
  }

  #checkOpen(): void {
    if (this.#isSent) throw tooLate();
  }
}

function tooLate(): TypeError {
  return misuse('the response was sent: nothing can be changed in its session any more');
}
