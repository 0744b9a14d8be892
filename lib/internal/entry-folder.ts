import { randomUUID } from 'node:crypto';
import { extname } from 'node:path';
import type { Touch } from '../backend.js';
import { SessileError } from '../errors.js';
import { AtomicWriter } from './atomic-write.js';
import { CORRUPT } from './desk.js';
import { DirectorySync } from './directory-sync.js';
import { EntryFiles, type FoundEntry } from './entry-files.js';
import { formatEntry, NotAnEntry } from './entry-text.js';
import type { Files } from './files.js';
import { codedAsync } from './io-error.js';
import { type Adoption, SessionFileStoreFiles } from './session-file-store-files.js';
import type { Ground } from './turns.js';

/** Where an entry is, or will be once it is carried over; its id where that is known. */
export interface Place {
  readonly path: string;
  readonly sid?: string | undefined;
}

interface Parts {
  files: Files;
  fsync: boolean;
  adopt: Adoption | undefined;
  report: (error: Error) => void;
}

/**
 * The entries in one directory, and those that session-file-store left there. Reading takes any moment as it is; what
 * moves, writes or removes a file is for who has its turn, and throws Revoked where another process took that.
 *
 * All methods throw SessileError `SESSILE_IO`, `SESSILE_FORMAT`, and `SESSILE_BAD_PATH` where the directory is gone.
 */
export class EntryFolder {
  readonly #report: (error: Error) => void;
  readonly #entries: EntryFiles;
  readonly #writer: AtomicWriter;
  readonly #adopted: SessionFileStoreFiles | undefined;
  readonly #sync: DirectorySync | undefined;

  /** @throws TypeError `SESSILE_MISUSE` */
  constructor(dir: string, { files, fsync, adopt, report }: Parts) {
    this.#report = report;
    this.#entries = new EntryFiles(files);
    this.#writer = new AtomicWriter(files, { durable: fsync, reuses: true });
    this.#sync = fsync ? new DirectorySync(files, dir) : undefined;
    const parts = { files, entryFiles: this.#entries, report };
    this.#adopted = adopt === undefined ? undefined : new SessionFileStoreFiles(dir, adopt, parts);
  }

  /** For many reads and stamps in one turn of the event loop: see {@link EntryFiles.inOneGo}. */
  inOneGo(act: () => void): void {
    this.#entries.inOneGo(act);
  }

  /** Whether there is a file of ours; a session that is yet to be carried over has none. */
  has(path: string): boolean {
    return this.#entries.has(path);
  }

  /** The id in a name that session-file-store gave. */
  adoptedId(name: string): string | undefined {
    return this.#adopted?.sidOf(name);
  }

  /** @throws NotAnEntry also where something else than an entry has the name */
  read({ path, sid }: Place): FoundEntry | undefined {
    const ours = this.#entries.read(path, sid);
    if (ours !== undefined || sid === undefined || this.#adopted === undefined) return ours;
    // What is not in the second place either may have been carried over to the first meanwhile.
    return this.#adopted.read(sid) ?? this.#entries.read(path, sid);
  }

  /** Touches in place. False where that takes a rewrite, by who has the turn. */
  stamp(path: string, sid: string, to: Touch, now: number): boolean {
    try {
      return this.#entries.stamp(path, sid, to, now) && !this.#adopted?.has(sid);
    } catch (error) {
      if (error instanceof NotAnEntry) return false;
      throw error;
    }
  }

  /** The entry that is there. Anything else of that name is moved out of the way, for a person to look at. */
  async settle({ path, sid }: Place, ground: Ground): Promise<FoundEntry | undefined> {
    const ours = await this.#intact(path, ground, () => this.#entries.read(path, sid));
    if (ours !== undefined || sid === undefined) return ours;
    return this.#intact(this.#adopted?.pathOf(sid) ?? path, ground, () => this.#adopted?.read(sid));
  }

  /** @param replaces whether there is a file of ours already */
  async write(
    path: string,
    { sid, ...entry }: FoundEntry,
    { ground, replaces }: { ground: Ground; replaces: boolean },
  ): Promise<void> {
    await codedAsync('Writing', () => this.#writer.write(path, formatEntry(sid, entry), ground, replaces));
    if (this.#adopted?.has(sid)) await this.#supersede(this.#adopted, sid);
  }

  /** Theirs goes first: a session that is half removed is ours, and all there. */
  async remove(path: string, sid: string, ground: Ground): Promise<void> {
    this.#adopted?.remove(sid);
    await codedAsync('Removing', () => this.#writer.remove(path, ground));
  }

  /**
   * What was written or removed before this was called lasts, where that was asked for. Nobody else need wait for it
   * meanwhile: whoever builds on what is there calls this too, and it is one directory.
   */
  async lasting(): Promise<void> {
    await this.#sync?.done();
  }

  /** Ours has been written and counts, even where theirs cannot be removed. Theirs goes once ours lasts. */
  async #supersede(adopted: SessionFileStoreFiles, sid: string): Promise<void> {
    await this.lasting();
    try {
      adopted.remove(sid);
    } catch (error) {
      this.#report(error as Error);
    }
  }

  async #intact(path: string, ground: Ground, read: () => FoundEntry | undefined): Promise<FoundEntry | undefined> {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof NotAnEntry)) throw error;
      const aside = await this.#setAside(path, ground);
      if (aside === undefined) return undefined;
      const message = `What is stored under a session's name is no session; it was moved to ${aside}`;
      this.#report(new SessileError('SESSILE_CORRUPT', message, { cause: error }));
      return undefined;
    }
  }

  /** One finding per name is kept, the last, and more only where they are of kinds that cannot replace each other. */
  async #setAside(path: string, ground: Ground): Promise<string | undefined> {
    const stem = path.slice(0, -extname(path).length);
    const names = [stem + CORRUPT, `${stem}.${randomUUID()}${CORRUPT}`];
    return codedAsync('Moving', () => this.#writer.setAside(path, names, ground));
  }
}
