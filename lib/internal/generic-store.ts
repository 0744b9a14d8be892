import type { Callback } from './deliver.js';

/**
 * generic-session's own Store API: one value of one session at a time. `expire` is in **milliseconds** from now, as
 * generic-session 0.1.2 passes it, whatever its README says.
 */
export interface GenericStore {
  /** The value of a key, or undefined. Renews the session. */
  get(id: string, key: string, expire: number, callback: (error?: unknown, value?: unknown) => void): void;
  /** All values by key. Renews the session. */
  getAll(id: string, expire: number, callback: (error?: unknown, values?: Record<string, unknown>) => void): void;
  /** Sets a value, and makes the session where there is none. */
  set(id: string, key: string, value: unknown, expire: number, callback: Callback): void;
  /** Takes a key away. Renews the session. */
  del(id: string, key: string, expire: number, callback: Callback): void;
  /** Takes all values away. */
  delAll(id: string, callback: Callback): void;
  /** Renews the session, without an answer. */
  extend(id: string, expire: number): void;
}

/** How long a session of generic-session's lives where nobody says it, in ms. */
export const TWO_WEEKS = 1_209_600_000;

const methods = ['get', 'getAll', 'set', 'del', 'delAll', 'extend'] as const;

/** By its shape: no store of whole sessions has all of these. */
export function isGenericStore(store: unknown): store is GenericStore {
  return methods.every((name) => typeof (store as Partial<GenericStore> | null | undefined)?.[name] === 'function');
}
