import { adopt } from '../backends/foreign.js';
import type { AnyStore } from '../bridge.js';
import { misuse } from '../errors.js';
import { isGenericStore } from '../internal/generic-store.js';
import { describe } from '../internal/options.js';
import { GenericKeys } from './generic-keys.js';
import { isAtomicStore, RecordKeys } from './record-keys.js';
import type { KeyStore } from './values.js';

/** What is behind the faces of ours. */
const known = new WeakMap<object, KeyStore>();

/** Says what is behind a face of ours, so that a facade over it works on that: with atomic updates. */
export function remember(face: object, keys: KeyStore): void {
  known.set(face, keys);
}

/** @throws TypeError `SESSILE_MISUSE` for what is no store */
export function keyStoreOf(store: unknown, now: () => number): KeyStore {
  if (isAtomicStore(store)) return new RecordKeys(store, now);
  const keys = known.get(store as object);
  if (keys !== undefined) return keys;
  if (isGenericStore(store)) return new GenericKeys(store);
  if (typeof store === 'object' && store !== null) return new RecordKeys(adopt(store as AnyStore), now);
  throw misuse(`a store must have get, set and destroy, or generic-session's six methods, not be ${describe(store)}`);
}
