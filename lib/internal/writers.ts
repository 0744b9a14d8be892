import { randomUUID } from 'node:crypto';
import { sep } from 'node:path';
import { SessileError } from '../errors.js';
import { CORRUPT } from './desk.js';
import { attempt, errnoOf, type Files, removeSync, unless } from './files.js';
import { expectDirectory } from './io-error.js';
import { formatOwner, isDead, isNear, type Owner, parseOwner } from './owner.js';
import type { Signs } from './spares.js';
import { isRaised, readTouchSign, touchSignOf, UNKNOWN } from './touch-sign.js';

const FOLDER = '.writers';
const SOLE = 'sole';
const REVOKED = '.revoked';
/** In a revoked writer's mark: its folder, as long as there is anything left of it. */
const REMAINS = 'remains';
/** A writer that cannot be seen to be dead is given up when it has not written for so long, in ms. */
const IDLE = 3_600_000;
/** How often a folder is made again that others remove at the same moment, or emptied that is written into. */
const TRIES = 100;

/**
 * Who writes in one directory. Each writer has a folder in `.writers`, named by its record. There it prepares what it
 * puts in place, and there it moves what it removes: every change of a name that others see is a rename from or to that
 * folder. So whoever takes the folder away ends them all, also those of a writer that is paused in the middle of one.
 *
 * A writer that made `sole` in its folder and *then* saw no other folder may write without locks, until its folder is
 * taken away. Whoever comes makes its own folder and *then* takes away the folders that have `sole`: of any two, one
 * sees the other.
 *
 * What a paused writer was about to write into a session's file in place (a touch) is not ended. So those who are not
 * alone raise a sign while they touch, see {@link TouchSign}, and the mark that is left of a writer that may live,
 * `<record>.revoked`, counts as a writer whose sign is raised: nobody is alone beside it, and what was replaced before it
 * goes is not written anew.
 *
 * Methods throw system errors, and SessileError `SESSILE_BAD_PATH` where the directory is gone.
 */
export class Writers {
  readonly #files: Files;
  readonly #dir: string;
  readonly #path: string;

  /** @param dir its path, without a separator at the end */
  constructor(files: Files, dir: string) {
    this.#files = files;
    this.#dir = dir;
    this.#path = `${dir}${sep}${FOLDER}`;
  }

  folderOf(owner: Owner): string {
    return this.#path + sep + nameOf(owner);
  }

  /** Makes the folder of a writer. No error where it is there. */
  open(owner: Owner): void {
    for (let left = TRIES; ; left -= 1) {
      this.#make(this.#path);
      try {
        this.#make(this.folderOf(owner));
        return;
      } catch (error) {
        // The last one to leave, who removes the folder of all.
        if (errnoOf(error) !== 'ENOENT' || left === 0) throw error;
      }
    }
  }

  /** Whether anybody else may be writing. Those who write without locks, and the dead, may not any more after this. */
  hasOthers(me: Owner): boolean {
    let isAnybody = false;
    for (const { owner, isMark } of this.#all()) {
      if (nameOf(owner) === nameOf(me)) continue;
      const isGone = isDead(owner);
      if (isMark || isGone || this.#has(this.#soleOf(owner))) this.revoke(owner);
      isAnybody ||= !isGone;
    }
    return isAnybody;
  }

  /**
   * Says that a writer is alone; {@link hasOthers} tells whether that is so.
   * @returns false where that cannot be said
   */
  claim(me: Owner): boolean {
    return attempt(() => this.#files.lockSync(this.#soleOf(me), formatOwner(me))) ?? false;
  }

  unclaim(me: Owner): void {
    removeSync(this.#files, this.#soleOf(me));
  }

  /** Whether a writer has a folder that nobody began to take away. */
  isIn(owner: Owner): boolean {
    return this.#has(this.folderOf(owner));
  }

  /** Of the others that may have a file open to touch it. A writer that is being revoked has a folder and a mark. */
  signs(me: Owner): Signs {
    const signs = new Map<string, string>();
    for (const { owner, isMark } of this.#all()) {
      const name = nameOf(owner);
      if (name === nameOf(me) || signs.get(name) === UNKNOWN) continue;
      const sign = isMark ? UNKNOWN : this.#signOf(owner);
      if (isRaised(sign) && !isDead(owner)) signs.set(name, sign);
    }
    return signs;
  }

  /**
   * Takes the folder of a writer away. When this is done nothing comes of what that one had under way: moving the folder
   * makes its paths lead nowhere, emptying it takes what was to be moved from a path that was looked up before, and
   * removing it takes the place that something was to be moved to. The dead need no more than the last, for which no disk
   * is too full.
   */
  revoke(owner: Owner): void {
    if (isDead(writerOf(owner))) {
      this.leave(owner);
      return;
    }
    const folder = this.folderOf(owner);
    const mark = folder + REVOKED;
    // Where the mark alone is there it is not made: its owner may take it away at this moment, and would not again.
    if (this.#has(folder)) {
      // The folder of all is gone: the last one to leave has removed this one before.
      unless('ENOENT', () => this.#make(mark));
      unless('ENOENT', () => this.#files.renameSync(folder, mark + sep + REMAINS));
    }
    this.#remove(mark + sep + REMAINS);
  }

  /** Removes the folder of a writer that has nothing under way, and the mark where it was revoked. */
  leave(owner: Owner): void {
    const folder = this.folderOf(owner);
    this.#remove(`${folder}${REVOKED}${sep}${REMAINS}`);
    this.#remove(folder);
    this.#removeMark(folder + REVOKED);
  }

  /** Removes what the dead left, and those who cannot be seen to live and did not write for an hour at `now`. */
  tidy(now: number): void {
    for (const { owner, name, isMark } of this.#all()) {
      const isGivenUp = !isNear(owner) && now - this.#usedAt(owner, now) > IDLE;
      if (isGivenUp || isDead(owner)) this.revoke(owner);
      // The mark of what is given up only now stays for as long again: its writer may be in the middle of a touch.
      if (isGivenUp && isMark) this.#removeMark(this.#path + sep + name);
    }
    attempt(() => this.#files.rmdirSync(this.#path));
  }

  #all(): { owner: Owner; name: string; isMark: boolean }[] {
    // A link is not followed: what is there is not of writers of this directory.
    if (!this.#isDirectory(this.#path)) return [];
    const names = unless('ENOENT', () => this.#files.namesSync(this.#path)) ?? [];
    return names.flatMap((name) => {
      const isMark = name.endsWith(REVOKED);
      const owner = parseOwner(isMark ? name.slice(0, -REVOKED.length) : name);
      return owner === undefined ? [] : [{ owner, name, isMark }];
    });
  }

  /** A writer has no sign before it first touches, nor where its folder was taken away just now. */
  #signOf(owner: Owner): string {
    const folder = this.folderOf(owner);
    const sign = readTouchSign(this.#files, folder);
    return sign === '' && !this.#has(folder) ? UNKNOWN : sign;
  }

  /** Writes change the folder, touches the sign in it, and being revoked the mark. */
  #usedAt(owner: Owner, now: number): number {
    const folder = this.folderOf(owner);
    const all = [folder, touchSignOf(folder), folder + REVOKED];
    return Math.max(...all.map((path) => this.#files.lstatSync(path)?.mtimeMs ?? 0)) || now;
  }

  #soleOf(owner: Owner): string {
    return this.folderOf(owner) + sep + SOLE;
  }

  #has(path: string): boolean {
    return this.#files.lstatSync(path) !== undefined;
  }

  #isDirectory(path: string): boolean {
    return this.#files.lstatSync(path)?.isDirectory() ?? false;
  }

  /** @throws SessileError `SESSILE_BAD_PATH` also where something else than a directory has the name */
  #make(path: string): void {
    try {
      this.#files.mkdirSync(path);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') expectDirectory(this.#files, `${this.#dir}${sep}.`, error);
      if (errnoOf(error) !== 'EEXIST') throw error;
      const found = this.#files.lstatSync(path);
      if (found === undefined || found.isDirectory()) return;
      throw new SessileError('SESSILE_BAD_PATH', `${path} must be a directory`, { cause: error });
    }
  }

  /** A folder with what is in it. What was found in a session's place, and was on its way aside, is kept. */
  #remove(folder: string): void {
    if (!this.#isDirectory(folder)) {
      removeSync(this.#files, folder);
      return;
    }
    for (let left = TRIES; ; left -= 1) {
      const names = unless('ENOENT', () => this.#files.namesSync(folder)) ?? [];
      for (const name of names) this.#discard(folder + sep + name);
      try {
        unless('ENOENT', () => this.#files.rmdirSync(folder));
        return;
      } catch (error) {
        if (errnoOf(error) !== 'ENOTEMPTY' || left === 0) throw error;
      }
    }
  }

  #discard(path: string): void {
    if (path.endsWith(CORRUPT) || this.#isDirectory(path)) {
      const kept = `${this.#dir}${sep}${randomUUID()}${CORRUPT}`;
      unless('ENOENT', () => this.#files.renameSync(path, kept));
    } else {
      removeSync(this.#files, path);
    }
  }

  #removeMark(mark: string): void {
    // Not empty: somebody is about to revoke the same writer and will remove it.
    unless('ENOENT', () => unless('ENOTEMPTY', () => this.#files.rmdirSync(mark)));
  }
}

function nameOf(owner: Owner): string {
  return formatOwner(writerOf(owner));
}

/** A lock's owner and the writer whose lock it is are one. */
function writerOf({ turn: _, ...writer }: Owner): Owner {
  return writer;
}
