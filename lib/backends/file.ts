import { sep } from 'node:path';
import { type Awaitable, type Backend, type Change, type Entry, isExpired, type Touch } from '../backend.js';
import { SessileError } from '../errors.js';
import { chain } from '../internal/awaitable.js';
import { countAlive } from '../internal/count-alive.js';
import { openDirectory } from '../internal/directory.js';
import { EntryChanges } from '../internal/entry-changes.js';
import type { FoundEntry } from '../internal/entry-files.js';
import { EntryFolder, type Place } from '../internal/entry-folder.js';
import { isFileName, NotAnEntry, nameOf, SUFFIX } from '../internal/entry-text.js';
import { type Files, nodeFiles } from '../internal/files.js';
import { InStep } from '../internal/in-step.js';
import { KeyedQueue } from '../internal/keyed-queue.js';
import { Listing } from '../internal/listing.js';
import { Memo } from '../internal/memo.js';
import { checkBoolean, checkDuration } from '../internal/options.js';
import { removeDead } from '../internal/remove-dead.js';
import type { Adoption } from '../internal/session-file-store-files.js';
import { touched } from '../internal/touched.js';
import { Turns } from '../internal/turns.js';
import { SessionStore, type StoreOptions } from '../store.js';

export type { Adoption as FileAdoption, SessionFileStoreOptions } from '../internal/session-file-store-files.js';

/** Options of {@link FileBackend}, and of {@link FileStore} besides those of all stores. */
export interface FileBackendOptions {
  /**
   * Wait until each write is on the disk, so that it survives a power failure. Without it a write survives the end of
   * the process, however it ends, and a power failure may cost whole sessions that were written shortly before. A touch
   * is never waited for. Default: false.
   */
  fsync?: boolean;
  /** How long a write waits for another process that is writing the same session, in ms. Default: 15 000. */
  lockTimeout?: number;
  /**
   * How long another process may take for one write, in ms, before it is taken for dead where that cannot be seen: in
   * another container, or stopped. Without containers a dead process is known at once. A process that was stopped for so
   * long in the middle of a write has that refused with `SESSILE_LOCK_LOST`.
   * Less than `lockTimeout`. Default: 10 000.
   */
  lockStaleAge?: number;
  /**
   * Also find the sessions that session-file-store 1.5 left in this directory, unencrypted, and carry each over when it
   * is first written. Its own `ttl` (here in ms) and `fileExtension` are named where they were not the default:
   * `{ from: 'session-file-store', ttl, fileExtension }`. Default: nothing is adopted.
   */
  adopt?: Adoption;
}

/** So many paths are remembered, at least: each request asks twice, and to hash an id takes as long as a system call. */
const PATHS = 4_096;

/** What a {@link FileBackend} works with. */
interface FileBackendParts {
  /** The calls of the file system. */
  files?: Files;
  /** For a touch that has to wait, in epoch ms. Default: the time of its call. */
  clock?: () => number;
}

/** Entries as JSON files in one directory, a file per id. */
export class FileBackend implements Backend {
  report?: (error: Error) => void;
  readonly #dir: string;
  readonly #clock: () => number;
  readonly #folder: EntryFolder;
  readonly #turns: Turns;
  readonly #changes: EntryChanges;
  readonly #listing: Listing;
  readonly #paths = new Memo(PATHS, (sid) => this.#dir + sep + nameOf(sid) + SUFFIX);
  readonly #queue = new KeyedQueue();
  readonly #inStep = new InStep((doAll) => {
    this.#turns.touchTogether(() => this.#folder.inOneGo(doAll));
  });

  /**
   * Makes the directory, mode 0700, if it is missing.
   * @param parts what the store, or a spec, puts in place of the usual
   * @throws TypeError `SESSILE_MISUSE`; SessileError `SESSILE_BAD_PATH`
   */
  constructor(
    dir: string,
    { fsync = false, lockTimeout = 15_000, lockStaleAge = 10_000, adopt }: FileBackendOptions = {},
    { files = nodeFiles, clock = () => Number.NEGATIVE_INFINITY }: FileBackendParts = {},
  ) {
    this.#clock = clock;
    checkBoolean('FileStore', 'fsync', fsync);
    checkDuration('FileStore', 'lockTimeout', lockTimeout, 1);
    checkDuration('FileStore', 'lockStaleAge', lockStaleAge, 1);
    this.#dir = openDirectory('FileStore', dir);
    this.#listing = new Listing(files, this.#dir);
    const report = (error: Error) => this.report?.(error);
    this.#folder = new EntryFolder(this.#dir, { files, fsync, adopt, report });
    const locks = { timeout: lockTimeout, staleAge: lockStaleAge };
    this.#turns = new Turns({ files, dir: this.#dir, locks, report });
    this.#changes = new EntryChanges(this.#folder, this.#turns);
  }

  read(sid: string): PromiseLike<Entry | undefined> {
    return this.#inStep.add(this.#readOne, sid);
  }

  update(sid: string, change: Change): Promise<void> {
    return this.#update({ path: this.#paths.of(sid), sid }, change);
  }

  touch(sid: string, to: Touch, now: number): PromiseLike<void> {
    return this.#inStep.add(this.#touchOne, { sid, to, now });
  }

  async *entries(): AsyncGenerator<readonly [sid: string, entry: Entry], void, void> {
    const adopted = new Set<string>();
    for await (const place of this.#places()) {
      const { path, sid } = place;
      // What is carried over while this runs has two names, one after the other.
      if (sid === undefined ? adopted.has(path) : this.#folder.has(path)) continue;
      const found = await this.#pass(place);
      if (found === undefined) continue;
      if (sid !== undefined) adopted.add(path);
      yield [found.sid, found];
    }
  }

  count(now: number): Promise<number> {
    return countAlive(this.entries(), now);
  }

  async prune(now: number, signal?: AbortSignal): Promise<number> {
    let removed = 0;
    for await (const name of this.#listing.names()) {
      if (signal?.aborted) return removed;
      const place = this.#placeOf(name);
      if (place === undefined) this.#turns.tidy(name, now);
      else if (await this.#pruneOne(place, now)) removed += 1;
    }
    this.#turns.tidyWriters(now);
    return removed;
  }

  /** What cannot be removed does not save the others. */
  async clear(): Promise<void> {
    const failures: unknown[] = [];
    for await (const place of this.#places()) {
      await this.#update(place, () => undefined).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }

  close(): void {
    this.#turns.close();
  }

  readonly #readOne = (sid: string): Awaitable<Entry | undefined> => this.#find({ path: this.#paths.of(sid), sid });

  readonly #touchOne = ({ sid, to, now }: { sid: string; to: Touch; now: number }): Awaitable<void> => {
    const path = this.#paths.of(sid);
    return this.#queue.run(path, () => {
      if (this.#turns.touch(() => this.#folder.stamp(path, sid, to, this.#atLeast(now)))) return;
      return this.#changes.make({ path, sid }, (entry) => touched(entry, to, this.#atLeast(now)));
    });
  };

  /** A touch may have to wait; a session that ended meanwhile is not brought back. */
  #atLeast(now: number): number {
    return Math.max(now, this.#clock());
  }

  #find(place: Place): Awaitable<FoundEntry | undefined> {
    return this.#queue.run(place.path, () => {
      try {
        return this.#folder.read(place);
      } catch (error) {
        if (!(error instanceof NotAnEntry)) throw error;
      }
      let found: FoundEntry | undefined;
      const leave = (entry: Entry | undefined) => {
        found = entry as FoundEntry | undefined;
        return entry;
      };
      return chain(this.#changes.look(place, leave), () => found);
    });
  }

  /** In a walk, which goes on past what another version of sessile wrote. */
  async #pass(place: Place): Promise<FoundEntry | undefined> {
    try {
      return await this.#find(place);
    } catch (error) {
      if (!(error instanceof SessileError) || error.code !== 'SESSILE_FORMAT') throw error;
      this.report?.(error);
      return undefined;
    }
  }

  async #update(place: Place, change: Change): Promise<void> {
    this.#inStep.flush();
    await this.#queue.run(place.path, () => this.#changes.make(place, change));
  }

  /** Looks again in its turn: what was renewed meanwhile stays. */
  async #pruneOne(place: Place, now: number): Promise<boolean> {
    const found = await this.#pass(place);
    if (found === undefined || !isExpired(found.expires, now)) return false;
    return await removeDead((change) => this.#update(place, change), now);
  }

  async *#places(): AsyncGenerator<Place, void, void> {
    for await (const name of this.#listing.names()) {
      const place = this.#placeOf(name);
      if (place !== undefined) yield place;
    }
  }

  #placeOf(name: string): Place | undefined {
    const sid = this.#folder.adoptedId(name);
    if (sid !== undefined) return { path: this.#paths.of(sid), sid };
    return isFileName(name) ? { path: this.#dir + sep + name } : undefined;
  }
}

/** Options of {@link FileStore}. */
export interface FileStoreOptions extends StoreOptions, FileBackendOptions {}

/**
 * Sessions as JSON files in a directory, one file per session, mode 0600. They survive a restart. Reads and touches are
 * a few system calls on the main thread, those of one turn of the event loop back to back: meant for a local disk.
 */
export class FileStore extends SessionStore {
  /**
   * @param dir made, mode 0700, if it is missing
   * @throws TypeError `SESSILE_MISUSE` for a wrong option; SessileError `SESSILE_BAD_PATH`
   */
  constructor(dir: string, options: FileStoreOptions = {}) {
    super((clock) => new FileBackend(dir, options, { clock }), options, [
      'fsync',
      'lockTimeout',
      'lockStaleAge',
      'adopt',
    ]);
  }
}
