import { basename } from 'node:path';
import { errnoOf, type Files } from './files.js';
import { abandon, formatOwner, isDead, newOwner, type Owner, parseOwner } from './owner.js';

/** What lies next to a guarded file: its stem, the nonce where the name has one, and what it is. */
export const LEFTOVER = /^([\da-f]{64})\.(?:([\da-z]+)\.)?(tmp|lock|break)$/;

/**
 * Whether the lock `record` is gone from `path` by our doing: if its owner is dead, or whatever its owner where `isOld`.
 * What the owner had prepared goes first, so that a commit of one who was only paused fails.
 */
export function breakLock(
  files: Files,
  path: string,
  { stem, record, isOld }: { stem: string; record: string; isOld: boolean },
): boolean {
  const me = newOwner();
  const owner = parseOwner(record);
  if (!isOld && (owner === undefined || !isDead(owner, me))) return false;
  const breakPath = `${stem}.${owner?.nonce ?? `${LEFTOVER.exec(basename(path))?.[2] ?? ''}unknown`}.break`;
  if (!files.lockSync(breakPath, formatOwner(me))) {
    const breaker = readOwner(files, breakPath);
    if (breaker !== undefined && !breakLock(files, breakPath, { stem, record: breaker, isOld: false })) return false;
    if (!files.lockSync(breakPath, formatOwner(me))) return false;
  }
  try {
    if (readOwner(files, path) !== record) return false;
    if (owner !== undefined) removeSync(files, spoilsOf(stem, owner));
    removeSync(files, path);
    return true;
  } finally {
    letGo(files, breakPath, me);
  }
}

/** Removes a break file of our own, at the second try at the latest, or nobody of this process waits for it. */
function letGo(files: Files, path: string, owner: Owner): void {
  for (const isLast of [false, true]) {
    try {
      if (readOwner(files, path) === formatOwner(owner)) removeSync(files, path);
      return;
    } catch (error) {
      if (!isLast) continue;
      abandon(owner);
      throw error;
    }
  }
}

/** What the lock file `path` says; undefined where there is none. */
export function readOwner(files: Files, path: string): string | undefined {
  try {
    return files.readLockSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** No error where it is gone already. */
export function removeSync(files: Files, path: string): void {
  try {
    files.unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

export function lockOf(stem: string): string {
  return `${stem}.lock`;
}

/** Where the owner of a lock prepares what it will commit. */
export function spoilsOf(stem: string, { nonce }: Owner): string {
  return `${stem}.${nonce}.tmp`;
}
