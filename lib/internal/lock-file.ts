import { basename } from 'node:path';
import { type Files, removeSync, unless } from './files.js';
import { abandon, formatOwner, isDead, newOwner, type Owner, parseOwner } from './owner.js';
import type { Writers } from './writers.js';

/** What lies next to a guarded file: its stem, the instance where the name has one, and what it is. */
export const LEFTOVER = /^([\da-f]{64})\.(?:([\da-z-]+)\.)?(lock|break)$/;

export interface LockPlace {
  readonly files: Files;
  readonly writers: Writers;
}

interface Breaking {
  stem: string;
  record: string;
  /** Whether it is broken whatever its owner. */
  isOld: boolean;
}

/**
 * Whether the lock `record` is gone from `path` by our doing: if its owner is dead or revoked, or whatever its owner where
 * `isOld`. First the owner is revoked, or one who was only paused would go on as if it were still there. Only who has the
 * break file of a lock instance may do so; a break file is a lock like any other, and is broken when its owner is dead.
 */
export function breakLock({ files, writers }: LockPlace, path: string, { stem, record, isOld }: Breaking): boolean {
  const owner = parseOwner(record);
  const isBreak = path.endsWith('.break');
  const isOver = owner !== undefined && (isDead(owner) || !(isBreak || writers.isIn(owner)));
  if (!isOld && !isOver) return false;
  const me = newOwner();
  const breakPath = `${stem}.${instanceOf(owner) ?? `${LEFTOVER.exec(basename(path))?.[2] ?? ''}unknown`}.break`;
  if (!files.lockSync(breakPath, formatOwner(me))) {
    const breaker = readOwner(files, breakPath);
    const inTheWay = { stem, record: breaker ?? '', isOld: false };
    if (breaker !== undefined && !breakLock({ files, writers }, breakPath, inTheWay)) return false;
    if (!files.lockSync(breakPath, formatOwner(me))) return false;
  }
  try {
    if (readOwner(files, path) !== record) return false;
    if (owner !== undefined && !isBreak) writers.revoke(owner);
    // Until it was revoked its owner could release it, and another one have it now.
    if (readOwner(files, path) !== record) return false;
    removeSync(files, path);
    return true;
  } finally {
    letGo(files, breakPath, me);
  }
}

function instanceOf(owner: Owner | undefined): string | undefined {
  return owner && (owner.turn === undefined ? owner.nonce : `${owner.nonce}-${owner.turn}`);
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

/**
 * What the lock file `path` says; undefined where there is none, and '' where it is no owner's record: that may be a
 * session's file, in which touches change what it says.
 */
export function readOwner(files: Files, path: string): string | undefined {
  const text = unless('ENOENT', () => files.readLockSync(path));
  return text === undefined || parseOwner(text) !== undefined ? text : '';
}

export function lockOf(stem: string): string {
  return `${stem}.lock`;
}
