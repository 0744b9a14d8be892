import type { Dirent } from 'node:fs';
import type { Files } from './files.js';
import { expectDirectory, ioError } from './io-error.js';
import { Limiter } from './limiter.js';
import { passTurn } from './next-turn.js';

/** How many walks read the directory as they go; each keeps it open. */
const WALKS = 4;
/** For so many ms a walk, with what is done at each name, keeps the event loop before that gets its turn. */
const SLICE = 2;

/**
 * The names in one directory. Whoever walks may be slow, or never come to an end, so that walks do not wait for each
 * other: beyond {@link WALKS} a walk reads all names first, one such walk at a time. So there is no run on descriptors.
 */
export class Listing {
  readonly #files: Files;
  readonly #dir: string;
  readonly #one = new Limiter(1);
  #walks = 0;

  constructor(files: Files, dir: string) {
    this.#files = files;
    this.#dir = dir;
  }

  /** @throws SessileError `SESSILE_BAD_PATH` where the directory is gone, `SESSILE_IO` */
  async *names(): AsyncGenerator<string, void, void> {
    let began = performance.now();
    for await (const name of this.#walks < WALKS ? this.#opened() : await this.#one.run(() => this.#all())) {
      yield name;
      if (performance.now() - began < SLICE) continue;
      await passTurn();
      began = performance.now();
    }
  }

  async *#opened(): AsyncGenerator<string, void, void> {
    this.#walks += 1;
    try {
      for await (const { name } of this.#entries()) yield name;
    } finally {
      this.#walks -= 1;
    }
  }

  async #all(): Promise<string[]> {
    const names: string[] = [];
    for await (const { name } of this.#entries()) names.push(name);
    return names;
  }

  async *#entries(): AsyncGenerator<Dirent, void, void> {
    expectDirectory(this.#files, `${this.#dir}/.`, undefined);
    try {
      yield* await this.#files.opendir(this.#dir);
    } catch (error) {
      throw ioError('Looking for', error);
    }
  }
}
