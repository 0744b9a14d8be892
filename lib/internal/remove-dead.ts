import { type Awaitable, type Change, isExpired } from '../backend.js';

/** Removes an entry if it is dead at `now` when its turn has come, as it may have been renewed; answers whether it was. */
export async function removeDead(update: (change: Change) => Awaitable<void>, now: number): Promise<boolean> {
  let isDead = false;
  await update((entry) => {
    isDead = entry !== undefined && isExpired(entry.expires, now);
    return isDead ? undefined : entry;
  });
  return isDead;
}
