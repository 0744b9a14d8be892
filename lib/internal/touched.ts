import { type Entry, isExpired, type Touch } from '../backend.js';

/** What a touch makes of the entry it finds: the very same object where the touch does not count. */
export function touched(
  entry: Entry | undefined,
  { expires, cookie, expected }: Touch,
  now: number,
): Entry | undefined {
  if (entry === undefined || isExpired(entry.expires, now)) return entry;
  if (expected !== undefined && entry.cookie !== expected) return entry;
  return { data: entry.data, cookie, expires };
}
