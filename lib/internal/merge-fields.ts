import { isDeepStrictEqual } from 'node:util';

export type Fields = Record<string, unknown>;

/**
 * Three-way, by top-level key: a key that `ours` changed, added or deleted since `base` is ours; any other is theirs.
 * Built from entries, so that a key named `__proto__` stays a key.
 */
export function mergeFields(base: Fields, theirs: Fields, ours: Fields): Fields {
  const isOurs = (key: string): boolean =>
    Object.hasOwn(base, key) !== Object.hasOwn(ours, key) || !isDeepStrictEqual(base[key], ours[key]);
  const keys = new Set([...Object.keys(theirs), ...Object.keys(ours)]);
  const merged: [string, unknown][] = [];
  for (const key of keys) {
    const from = isOurs(key) ? ours : theirs;
    if (Object.hasOwn(from, key)) merged.push([key, from[key]]);
  }
  return Object.fromEntries(merged);
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object of no class, as a literal or JSON makes it. */
export function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
