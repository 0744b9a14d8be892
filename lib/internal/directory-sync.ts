import { closing, type Files, flags } from './files.js';
import { codedAsync } from './io-error.js';
import { passTurn } from './next-turn.js';

/**
 * Waits until the names in one directory are on the disk. One fsync serves all who asked before it began; while it runs
 * the next one gathers those who come. So a directory never keeps more than one thread of the pool, however many wait.
 */
export class DirectorySync {
  readonly #files: Files;
  readonly #path: string;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(files: Files, path: string) {
    this.#files = files;
    this.#path = path;
  }

  /**
   * What was renamed or removed before this was called lasts when the promise is fulfilled.
   * @throws SessileError `SESSILE_IO`, `SESSILE_BAD_PATH`
   */
  done(): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    const next = this.#running.then(() => passTurn()).then(() => this.#begin());
    this.#next = next;
    this.#running = next.catch(() => {});
    return next;
  }

  /** Whoever asks from now on might be too late for this one. */
  #begin(): Promise<void> {
    this.#next = undefined;
    return codedAsync('Syncing', async () => {
      const fd = this.#files.openSync(this.#path, flags.directory);
      await closing(this.#files, fd, () => this.#files.fsync(fd));
    });
  }
}
