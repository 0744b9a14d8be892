import { sep } from 'node:path';
import { type Files, flags } from './files.js';
import { ShortWrite } from './io-error.js';

/**
 * Files in a writer's own folder, each of which is a lock while it has a second name next to what is guarded. To give a
 * file one more name, and to move that away again, costs a file system a tenth of what making a file costs it.
 */
export class LockTokens {
  readonly #files: Files;
  readonly #folder: string;
  readonly #idle: LockToken[] = [];
  #made = 0;

  constructor(files: Files, folder: string) {
    this.#files = files;
    this.#folder = folder;
  }

  /** One that nobody else has. */
  take(): LockToken {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    this.#made += 1;
    return new LockToken(this.#files, `${this.#folder}${sep}lock-${this.#made}`);
  }

  /** For one that is no lock, as far as is known. Any other is never given back: it would change what a lock says. */
  giveBack(token: LockToken): void {
    this.#idle.push(token);
  }
}

/**
 * Two files that are the lock in turn. A released lock is moved over the name of the one before: to move a name onto
 * another name of the same file would do nothing, and leave the lock.
 */
export class LockToken {
  readonly #files: Files;
  readonly #path: string;
  readonly #isMade = [false, false];
  #at: 0 | 1 = 0;

  constructor(files: Files, path: string) {
    this.#files = files;
    this.#path = path;
  }

  /** Where the lock goes when it is released. */
  get released(): string {
    return `${this.#path}-released`;
  }

  /**
   * The path of the file that will be the lock, which says `record` from now on. No record is shorter than one before it.
   * @throws what the system refuses, ShortWrite
   */
  say(record: string): string {
    const path = `${this.#path}-${this.#at}`;
    const fd = this.#files.openSync(path, this.#isMade[this.#at] ? flags.refill : flags.create);
    this.#isMade[this.#at] = true;
    try {
      const written = this.#files.writeSync(fd, record, 0);
      if (written !== record.length) throw new ShortWrite(written, record.length);
    } finally {
      this.#files.closeSync(fd);
    }
    return path;
  }

  /** The next lock is made of the other file. */
  turnOver(): void {
    this.#at = this.#at === 0 ? 1 : 0;
  }
}
