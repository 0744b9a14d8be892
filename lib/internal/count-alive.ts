import { type Entry, isExpired } from '../backend.js';

/** How many of `entries` are alive at `now`, for a backend that has to look at each. */
export async function countAlive(entries: AsyncIterable<readonly [string, Entry]>, now: number): Promise<number> {
  let alive = 0;
  for await (const [, { expires }] of entries) if (!isExpired(expires, now)) alive += 1;
  return alive;
}
