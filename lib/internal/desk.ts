import { sep } from 'node:path';
import { errnoOf, type Files } from './files.js';
import { expectDirectory } from './io-error.js';
import { type Signs, Spares } from './spares.js';

/** The end of the name of what was found in a session's place and is kept for a person to look at. */
export const CORRUPT = '.corrupt';

/** Whoever writes lost its folder: nothing that was under way has been done, and all of it can be done again. */
export class Revoked extends Error {}

/** Where a disk is too full for a folder or a lock, only what makes room again goes on. */
export class NoRoom {
  /** What the system said. */
  readonly refused: unknown;

  constructor(refused: unknown) {
    this.refused = refused;
  }
}

/** A writer's own folder: where it prepares what it will put in place, and where it moves what it removes. */
export class Desk {
  readonly path: string;
  /** No other process writes in the directory as long as this folder is there. */
  isSole = false;
  /** Whether the file system can give a file a second name. */
  canKeep = true;
  readonly #spares: Spares;
  #drafts = 0;

  /** @param signs of the other writers that may have a file open to touch it */
  constructor(path: string, signs: () => Signs = () => new Map()) {
    this.path = path;
    this.#spares = new Spares(signs);
  }

  /** A path in it that nothing has. */
  draft(suffix = '.tmp'): string {
    this.#drafts += 1;
    return `${this.path}${sep}${this.#drafts}${suffix}`;
  }

  get wantsSpares(): boolean {
    return this.canKeep && !this.#spares.isFull;
  }

  /** `path` is what was replaced in `of`. */
  addSpare(path: string, of: string): void {
    this.#spares.add(path, of, this.isSole);
  }

  /** A file to write anew for `target`. */
  takeSpare(target: string): string | undefined {
    return this.#spares.take(target);
  }

  /** Those that hold what `target` was, or all. */
  takeSpares(target?: string): string[] {
    return target === undefined ? this.#spares.takeAll() : this.#spares.takeOf(target);
  }
}

/**
 * The reason for a failure: a system says that something is missing both where the directory is gone and where the desk
 * is.
 * @param target a path in the directory
 * @returns Revoked where the desk is gone
 * @throws SessileError `SESSILE_BAD_PATH` where the directory is
 */
export function reasonOf(files: Files, error: unknown, { target, desk }: { target: string; desk: Desk }): unknown {
  if (errnoOf(error) !== 'ENOENT') return error;
  expectDirectory(files, target, error);
  return files.lstatSync(desk.path) === undefined ? new Revoked() : error;
}
