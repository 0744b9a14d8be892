import { basename } from 'node:path';
import type { Entry, Touch } from '../backend.js';
import { formatStamp, NotAnEntry, nameOf, parseEntry, parseFront, STAMP_AT } from './entry-text.js';
import { attempt, errnoOf, type Files, flags, NOT_A_FILE } from './files.js';
import { coded, expectDirectory, ioError, ShortWrite } from './io-error.js';
import { touched } from './touched.js';

const FIRST_READ = 65_536;
/** As much as a touch looks at: the deadline, the id and the cookie are there unless the id is very long. */
const FRONT = 4_096;
/** A reader may catch another process's touch half way; the next look finds it whole. */
const LOOKS = 3;

export type FoundEntry = Entry & { readonly sid: string };

/**
 * Reads and stamps entry files, synchronously: what the page cache has is there in microseconds, and a round trip
 * through the thread pool costs more than that.
 *
 * All methods throw NotAnEntry where something else has the file's name; SessileError `SESSILE_IO`, `SESSILE_FORMAT`,
 * and `SESSILE_BAD_PATH` where the directory is gone.
 */
export class EntryFiles {
  readonly #files: Files;
  /** Calls are synchronous, so that one buffer serves them all. It grows with the largest session. */
  #buffer = Buffer.allocUnsafe(FIRST_READ);
  #isInOneGo = false;
  #isDirectoryThere = false;

  /** @param files for what is in one directory */
  constructor(files: Files) {
    this.#files = files;
  }

  /** While `act` runs, one look that the directory is there does for all that is not found. */
  inOneGo(act: () => void): void {
    this.#isInOneGo = true;
    try {
      act();
    } finally {
      this.#isInOneGo = false;
      this.#isDirectoryThere = false;
    }
  }

  /** The entry in the file `path`, of the id `sid` or, in a walk, of that name; undefined where there is no such file. */
  read(path: string, sid?: string): FoundEntry | undefined {
    return this.parse(path, (bytes) => {
      const entry = parseEntry(bytes, bytes.length);
      const isOther = sid === undefined ? nameOf(entry.sid) !== basename(path, '.json') : entry.sid !== sid;
      if (isOther) throw new NotAnEntry('the file holds a session of another id');
      return entry;
    });
  }

  /** What `parse` makes of all that the file `path` holds; undefined where there is no such file. */
  parse<T>(path: string, parse: (bytes: Buffer) => T): T | undefined {
    return this.#open(path, flags.read, (fd) => parse(this.#all(fd)));
  }

  has(path: string): boolean {
    return coded('Looking for', () => this.#files.lstatSync(path)) !== undefined;
  }

  /** Touches in place. False where the file has to be written anew, because its cookie changes or it is no entry. */
  stamp(path: string, sid: string, to: Touch, now: number): boolean {
    const stamped = this.#open(path, flags.patch, (fd) => {
      const length = this.#files.readSync(fd, this.#buffer.subarray(0, FRONT), 0);
      const front = parseFront(this.#buffer, length);
      if (front?.id !== JSON.stringify(sid)) return false;
      const found = { data: '', cookie: front.cookie, expires: front.expires };
      const next = touched(found, to, now);
      if (next === found) return true;
      if (next?.cookie !== found.cookie) return false;
      this.#overwrite(fd, formatStamp(to.expires, front.sum), formatStamp(front.expires, front.sum));
      return true;
    });
    return stamped ?? true;
  }

  /** Half a stamp would make the session unreadable: where writing stops half way, the former one is put back. */
  #overwrite(fd: number, stamp: string, former: string): void {
    let done = 0;
    try {
      while (done < stamp.length) {
        const written = this.#files.writeSync(fd, stamp.slice(done), STAMP_AT + done);
        if (written === 0) throw new ShortWrite(done, stamp.length);
        done += written;
      }
    } catch (error) {
      attempt(() => this.#files.writeSync(fd, former.slice(0, done), STAMP_AT));
      throw error;
    }
  }

  #all(fd: number): Buffer {
    let length = 0;
    for (;;) {
      const read = this.#files.readSync(fd, this.#buffer.subarray(length), length);
      length += read;
      if (read === 0 || length < this.#buffer.length) return this.#buffer.subarray(0, length);
      this.#buffer = Buffer.concat([this.#buffer], 2 * length);
    }
  }

  #open<T>(path: string, flag: number, act: (fd: number) => T): T | undefined {
    for (let look = 1; ; look += 1) {
      try {
        return this.#once(path, flag, act);
      } catch (error) {
        if (!(error instanceof NotAnEntry) || look === LOOKS) throw error;
      }
    }
  }

  #once<T>(path: string, flag: number, act: (fd: number) => T): T | undefined {
    try {
      const fd = this.#files.findSync(path, flag);
      return fd === undefined ? this.#missing(path) : this.#closing(fd, act);
    } catch (error) {
      if (NOT_A_FILE.has(errnoOf(error)))
        throw new NotAnEntry('something else than a file has this name', { cause: error });
      throw ioError('Reading', error);
    }
  }

  #missing(path: string): undefined {
    if (this.#isDirectoryThere) return;
    expectDirectory(this.#files, path, undefined);
    this.#isDirectoryThere = this.#isInOneGo;
  }

  /** Closes `fd` in any case. Why `act` failed is worth more than why closing did. */
  #closing<T>(fd: number, act: (fd: number) => T): T {
    let outcome: T;
    try {
      outcome = act(fd);
    } catch (error) {
      attempt(() => this.#files.closeSync(fd));
      throw error;
    }
    this.#files.closeSync(fd);
    return outcome;
  }
}
