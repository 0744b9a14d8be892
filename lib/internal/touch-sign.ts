import { sep } from 'node:path';
import { attempt, type Files, flags, unless } from './files.js';
import { ShortWrite } from './io-error.js';

const NAME = 'touching';
/** For a writer that may have a file open, as long as nothing else is known of it. */
export const UNKNOWN = '?';
/** More than two, so that who looks twice sees whether it was lowered in between. */
const STATES = 10;

/**
 * How a writer tells others that it may have a session's file open to touch it: a digit in a file of its folder, odd from
 * before it opens one until after it has closed it. Whoever replaced a file and *then* sees a sign that is even, or
 * another digit than before, knows that this writer has the file no more.
 */
export class TouchSign {
  readonly #files: Files;
  readonly #path: string;
  #isMade = false;
  #state = 0;
  #fd: number | undefined;

  /** @param folder the writer's */
  constructor(files: Files, folder: string) {
    this.#files = files;
    this.#path = touchSignOf(folder);
  }

  /**
   * Once there is a digit in the file, no disk is too full to raise the sign.
   * @throws what the system refuses
   */
  make(): void {
    if (this.#isMade) return;
    const fd =
      unless('EEXIST', () => this.#files.openSync(this.#path, flags.create)) ??
      this.#files.openSync(this.#path, flags.refill);
    try {
      if (this.#files.writeSync(fd, String(this.#state), 0) === 0) throw new ShortWrite(0, 1);
    } finally {
      this.#files.closeSync(fd);
    }
    this.#isMade = true;
  }

  /** @throws what the system refuses; `ENOENT` where the folder was taken away */
  raise(): void {
    this.make();
    const fd = this.#files.openSync(this.#path, flags.refill);
    this.#fd = fd;
    try {
      if (!this.#say(fd)) throw new ShortWrite(0, 1);
    } catch (error) {
      this.lower();
      throw error;
    }
  }

  /** No error where that is refused: others will make new files in place of some that they could write anew. */
  lower(): void {
    const fd = this.#fd;
    if (fd === undefined) return;
    this.#fd = undefined;
    attempt(() => this.#say(fd));
    attempt(() => this.#files.closeSync(fd));
  }

  #say(fd: number): boolean {
    this.#state = (this.#state + 1) % STATES;
    return this.#files.writeSync(fd, String(this.#state), 0) === 1;
  }
}

/** Where the sign of the writer in `folder` is. */
export function touchSignOf(folder: string): string {
  return folder + sep + NAME;
}

/**
 * What the sign of the writer in `folder` says; '' where it has none.
 * @throws what the system refuses
 */
export function readTouchSign(files: Files, folder: string): string {
  const fd = files.findSync(touchSignOf(folder), flags.read);
  if (fd === undefined) return '';
  try {
    const byte = Buffer.alloc(1);
    return files.readSync(fd, byte, 0) === 0 ? '' : byte.toString('latin1');
  } finally {
    files.closeSync(fd);
  }
}

/** Whether a sign says that its writer may have a file open. */
export function isRaised(sign: string): boolean {
  return Number(sign) % 2 !== 0;
}
