import { performance } from 'node:perf_hooks';
import { attempt } from './files.js';
import { UNKNOWN } from './touch-sign.js';

/** As many files as writes are under way at once are enough to write the next ones into. */
const MOST = 32;
/** To look at the signs of all writers takes as long as a write: so one look is for several files. */
const LEAST = 8;
/** After a look that freed nothing, the next one is so many ms later at first, and at most. */
const FIRST_PAUSE = 4;
const LONGEST_PAUSE = 1_000;

interface Spare {
  readonly path: string;
  readonly of: string;
}

/** By the record of each other writer that may have a file open to touch it, the sign that it shows. */
export type Signs = ReadonlyMap<string, string>;

/**
 * Files that were replaced and have no name of a session any more, to be written anew. Making a file, and putting a new
 * one in place of another, costs a file system many times what it costs to write one whose blocks are there.
 *
 * Another process may have opened one before it was replaced, and touch it only now. So a file waits until every writer
 * that could be about to do so was seen to be done with what it had open.
 */
export class Spares {
  readonly #signs: () => Signs;
  /** Nobody else writes into them. */
  #free: Spare[] = [];
  /** Those that were replaced before the last look, and the signs that were seen then. */
  #waiting: Spare[] = [];
  #seen: Signs = new Map();
  /** Those that were replaced since. */
  #fresh: Spare[] = [];
  #pause = 0;
  #lookAt = 0;

  /** @param signs a look at all writers; where it fails nothing is free yet */
  constructor(signs: () => Signs) {
    this.#signs = signs;
  }

  get isFull(): boolean {
    return this.#free.length + this.#waiting.length + this.#fresh.length >= MOST;
  }

  /**
   * `path` is what was replaced in `of`.
   * @param isFree whether nobody else can have it open to touch it
   */
  add(path: string, of: string, isFree: boolean): void {
    (isFree ? this.#free : this.#fresh).push({ path, of });
  }

  /**
   * A file to write anew for `target`. Never one that was its own: somebody who opened that before it was replaced would
   * read what is not committed yet, and could not tell.
   */
  take(target: string): string | undefined {
    const isNoneFree = this.#free.every(({ of }) => of === target);
    if (isNoneFree && this.#waiting.length + this.#fresh.length >= LEAST) this.#lookInTime();
    const at = this.#free.findIndex(({ of }) => of !== target);
    return at === -1 ? undefined : this.#free.splice(at, 1)[0]?.path;
  }

  /** Those that hold what `target` was: of a session that ends nothing is kept. */
  takeOf(target: string): string[] {
    return this.#takeAll(({ of }) => of === target);
  }

  /** What others ended is known to them alone. */
  takeAll(): string[] {
    return this.#takeAll(() => true);
  }

  #lookInTime(): void {
    const now = performance.now();
    if (now < this.#lookAt) return;
    const before = this.#free.length;
    this.#look();
    this.#pause = this.#free.length > before ? 0 : Math.min(LONGEST_PAUSE, Math.max(FIRST_PAUSE, 2 * this.#pause));
    this.#lookAt = now + this.#pause;
  }

  #look(): void {
    const signs = attempt(this.#signs);
    if (signs === undefined) return;
    const remaining = [...this.#seen].filter(([name, sign]) => [sign, UNKNOWN].includes(signs.get(name) ?? ''));
    this.#seen = new Map(remaining);
    if (remaining.length > 0) return;
    this.#free.push(...this.#waiting);
    this.#waiting = this.#fresh;
    this.#fresh = [];
    this.#seen = signs;
    if (signs.size > 0) return;
    this.#free.push(...this.#waiting);
    this.#waiting = [];
  }

  #takeAll(is: (spare: Spare) => boolean): string[] {
    const lists = [this.#free, this.#waiting, this.#fresh];
    [this.#free = [], this.#waiting = [], this.#fresh = []] = lists.map((list) => list.filter((spare) => !is(spare)));
    return lists
      .flat()
      .filter(is)
      .map(({ path }) => path);
  }
}
