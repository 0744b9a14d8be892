import { basename } from 'node:path';
import type { Entry, Touch } from '../backend.js';
import { formatStamp, NotAnEntry, nameOf, parseEntry, parseFront, STAMP_AT } from './entry-text.js';
import { attempt, errnoOf, type Files, flags, NOT_A_FILE } from './files.js';
import { coded, expectDirectory, ioError, ShortWrite } from './io-error.js';
import type { OpenFiles } from './open-files.js';
import { touched } from './touched.js';

const FIRST_READ = 65_536;
/** As much as a touch looks at: the deadline, the id and the cookie are there unless the id is very long. */
const FRONT = 4_096;
/** A reader may catch another process's touch half way; the next look finds it whole. */
const LOOKS = 3;

interface Way {
  /** Where it is opened for this alone. */
  readonly flag: number;
  /** Whether it may stay open: it is asked for by the id, and will be again. */
  readonly keeps: boolean;
}

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
  readonly #open: OpenFiles | undefined;

  /** @param open for files that are asked for by the id; absent: each is closed at once */
  constructor(files: Files, open?: OpenFiles) {
    this.#files = files;
    this.#open = open;
  }

  /** The entry in the file `path`, of the id `sid` or, in a walk, of that name; undefined where there is no such file. */
  read(path: string, sid?: string): FoundEntry | undefined {
    return this.#use(path, { flag: flags.read, keeps: sid !== undefined }, (fd) => {
      const bytes = this.#all(fd);
      const entry = parseEntry(bytes, bytes.length);
      const isOther = sid === undefined ? nameOf(entry.sid) !== basename(path, '.json') : entry.sid !== sid;
      if (isOther) throw new NotAnEntry('the file holds a session of another id');
      return entry;
    });
  }

  /** What `parse` makes of all that the file `path` holds; undefined where there is no such file. */
  parse<T>(path: string, parse: (bytes: Buffer) => T): T | undefined {
    return this.#use(path, { flag: flags.read, keeps: false }, (fd) => parse(this.#all(fd)));
  }

  has(path: string): boolean {
    return coded('Looking for', () => this.#files.lstatSync(path)) !== undefined;
  }

  /** Touches in place. False where the file has to be written anew, because its cookie changes or it is no entry. */
  stamp(path: string, sid: string, to: Touch, now: number): boolean {
    const stamped = this.#use(path, { flag: flags.patch, keeps: true }, (fd) => {
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

  #use<T>(path: string, way: Way, act: (fd: number) => T): T | undefined {
    for (let look = 1; ; look += 1) {
      try {
        return this.#once(path, way, act);
      } catch (error) {
        if (!(error instanceof NotAnEntry) || look === LOOKS) throw error;
      }
    }
  }

  #once<T>(path: string, { flag, keeps }: Way, act: (fd: number) => T): T | undefined {
    try {
      const open = keeps ? this.#open?.open(path) : undefined;
      if (open === undefined) return this.#closing(this.#files.openSync(path, flag), act);
      return this.#kept(path, open, act);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return expectDirectory(this.#files, path, error) as undefined;
      if (NOT_A_FILE.has(errnoOf(error)))
        throw new NotAnEntry('something else than a file has this name', { cause: error });
      throw ioError('Reading', error);
    }
  }

  /** Nothing is decided by a file that was kept: who looks again opens it anew. */
  #kept<T>(path: string, fd: number, act: (fd: number) => T): T {
    try {
      return act(fd);
    } catch (error) {
      this.#open?.forget(path);
      throw error;
    }
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
