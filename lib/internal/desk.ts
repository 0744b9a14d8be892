import { sep } from 'node:path';

/** The end of the name of what was found in a session's place and is kept for a person to look at. */
export const CORRUPT = '.corrupt';

/** As many files as writes are under way at once are enough to write the next ones into. */
const MOST_SPARES = 32;

/** Whoever writes lost its folder: nothing that was under way has been done, and all of it can be done again. */
export class Revoked extends Error {}

/** Where a disk is too full for a folder or a lock nobody can write; only what makes room again goes on. */
export class NoRoom {
  /** What the system said. */
  readonly refused: unknown;

  constructor(refused: unknown) {
    this.refused = refused;
  }
}

/**
 * A writer's own folder: where it prepares what it will put in place, and where it moves what it removes.
 *
 * To make a file, and to put a new one in place of another, costs a file system many times what it costs to write one
 * anew that has its blocks. So who writes alone keeps the files that it replaced, for the next sessions. Only then: a
 * touch by another process might go into a file that by now belongs to another session.
 */
export class Desk {
  readonly path: string;
  /** No other process writes in the directory as long as this folder is there. */
  isSole = false;
  /** Whether the file system can give a file a second name. */
  canKeep = true;
  readonly #spares: { readonly path: string; readonly of: string }[] = [];
  #drafts = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** A path in it that nothing has. */
  draft(suffix = '.tmp'): string {
    this.#drafts += 1;
    return `${this.path}${sep}${this.#drafts}${suffix}`;
  }

  /** Where a lock goes that is released. It replaces the last one, which is of no use. */
  get released(): string {
    return `${this.path}${sep}released`;
  }

  get wantsSpares(): boolean {
    return this.isSole && this.canKeep && this.#spares.length < MOST_SPARES;
  }

  /** `path` is what was replaced in `of`. */
  addSpare(path: string, of: string): void {
    this.#spares.push({ path, of });
  }

  /**
   * A file to write anew for `target`. Never one that was its own: somebody who opened that before it was replaced would
   * read what is not committed yet, and could not tell.
   */
  takeSpare(target: string): string | undefined {
    const at = this.#spares.findIndex(({ of }) => of !== target);
    return at === -1 ? undefined : this.#spares.splice(at, 1)[0]?.path;
  }

  /** Those that hold what `target` was: of a session that ends nothing is kept. */
  takeSparesOf(target: string): string[] {
    const taken = this.#spares.filter(({ of }) => of === target);
    for (const spare of taken) this.#spares.splice(this.#spares.indexOf(spare), 1);
    return taken.map(({ path }) => path);
  }
}
