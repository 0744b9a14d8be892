import { misuse, SessileError } from '../errors.js';
import { atOnce } from '../internal/awaitable.js';
import { storedKey } from '../internal/cookie-key.js';
import { describe } from '../internal/options.js';

/** A session's values by key. `__proto__` is a key like any other; read it with `Object.hasOwn` or `Object.entries`. */
export type Fields = Record<string, unknown>;

/** Answers a key's next value for its present one; undefined stands for "there is none", in both. Synchronous and pure. */
export type ValueChange = (value: unknown) => unknown;

/** Values of sessions by id and key. `expire` is in milliseconds from now; every act but `delAll` renews the session. */
export interface KeyStore {
  /** The value, or undefined. Creates nothing. */
  get(id: string, key: string, expire: number): Promise<unknown>;
  getAll(id: string, expire: number): Promise<Fields>;
  /** `value` is JSON already; undefined takes the key away. Creates the session. */
  set(id: string, key: string, value: unknown, expire: number): Promise<void>;
  del(id: string, key: string, expire: number): Promise<void>;
  delAll(id: string): Promise<void>;
  extend(id: string, expire: number): Promise<void>;
  /** One atomic step; answers the value that is stored then. */
  update(id: string, key: string, change: ValueChange, expire: number): Promise<unknown>;
}

/**
 * The value as JSON keeps it, taken at the moment of the call: undefined where JSON has nothing for it.
 * @throws SessileError `SESSILE_SERIALIZE`; TypeError `SESSILE_MISUSE` for what a caller cannot have meant as a value
 */
export function snapshot(value: unknown): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') throw misuse(`a value must not be ${describe(value)}`);
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new SessileError('SESSILE_SERIALIZE', 'The value cannot be written as text; nothing was stored', { cause });
  }
  return text === undefined ? undefined : (JSON.parse(text) as unknown);
}

/** What `change` answers, as {@link snapshot} takes it. */
export function changed(change: ValueChange, value: unknown): unknown {
  const next = atOnce('change', change(value));
  if (typeof next === 'number' && !Number.isFinite(next)) {
    throw misuse(`change must not answer ${next}; where there is no value yet it is given undefined: (n = 0) => n + 1`);
  }
  return snapshot(next);
}

/** A user's value in a stored session, or undefined. Only what the session has of its own counts. */
export function valueIn(stored: object | undefined, key: string): unknown {
  const at = storedKey(key);
  return stored !== undefined && Object.hasOwn(stored, at) ? (stored as Fields)[at] : undefined;
}

/** The stored session with another value; undefined takes the key away. The computed key makes `__proto__` a key. */
export function withValue<Stored extends object>(stored: Stored, key: string, value: unknown): Stored {
  const at = storedKey(key);
  if (value !== undefined) return { ...stored, [at]: value };
  const { [at]: _, ...rest } = stored as Fields;
  return rest as Stored;
}

/** The latest moment that the date of a cookie can be written with: it has four digits for the year. */
const LATEST = Date.UTC(9999, 11, 31);

export function dateAfter(now: number, ms: number): Date {
  return new Date(Math.min(now + ms, LATEST));
}
