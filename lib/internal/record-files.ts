import { randomUUID } from 'node:crypto';
import { sep } from 'node:path';
import { type Awaitable, type Backend, type Change, type Entry, isExpired } from '../backend.js';
import { SessileError } from '../errors.js';
import { AtomicWriter } from './atomic-write.js';
import { chain } from './awaitable.js';
import { CORRUPT } from './desk.js';
import { openDirectory } from './directory.js';
import { EntryFiles } from './entry-files.js';
import { NotAnEntry, nameOf, SUFFIX } from './entry-text.js';
import { type Files, nodeFiles } from './files.js';
import { codedAsync } from './io-error.js';
import { KeyedQueue } from './keyed-queue.js';
import { Listing } from './listing.js';
import { isFields } from './merge-fields.js';
import { readSeconds, toSeconds } from './record-store.js';
import { removeDead } from './remove-dead.js';
import { type Ground, Turns } from './turns.js';

const NAME = /^([\w-]{1,128})\.json$/;
/** In ms: how long a write waits for another process, and when an owner that cannot be seen to be dead is taken for it. */
const LOCKS = { timeout: 15_000, staleAge: 10_000 };

/**
 * Records as files `<id>.json` that hold `{"data": …, "expiresAt": seconds}`. The lock of a file is named by the hash of
 * its id, as no other file here is.
 */
export class RecordFiles implements Pick<Backend, 'read' | 'update' | 'prune' | 'close' | 'report'> {
  report?: (error: Error) => void;
  readonly #dir: string;
  readonly #files: Files;
  readonly #reader: EntryFiles;
  readonly #writer: AtomicWriter;
  readonly #turns: Turns;
  readonly #queue = new KeyedQueue();

  /**
   * Makes the directory, mode 0700, if it is missing.
   * @throws TypeError `SESSILE_MISUSE`; SessileError `SESSILE_BAD_PATH`
   */
  constructor(dir: string, files: Files = nodeFiles) {
    const path = openDirectory('fileStore', dir);
    this.#dir = path + sep;
    this.#files = files;
    this.#reader = new EntryFiles(files);
    this.#writer = new AtomicWriter(files);
    this.#turns = new Turns({ files, dir: path, locks: LOCKS, report: (error) => this.report?.(error) });
  }

  /** @param id checked: it can be nothing but the name of a file */
  read(id: string): Awaitable<Entry | undefined> {
    return this.#queue.run(id, () => {
      try {
        return this.#load(this.#path(id));
      } catch (error) {
        if (!(error instanceof NotAnEntry)) throw error;
      }
      let found: Entry | undefined;
      const leave = (entry: Entry | undefined) => {
        found = entry;
        return entry;
      };
      return chain(this.#change(id, leave), () => found);
    });
  }

  async update(id: string, change: Change): Promise<void> {
    await this.#queue.run(id, () => this.#change(id, change));
  }

  async prune(now: number): Promise<number> {
    let removed = 0;
    for await (const name of new Listing(this.#files, this.#dir).names()) {
      const [, id] = NAME.exec(name) ?? [];
      if (id === undefined) this.#turns.tidy(name, now);
      else if (await this.#pruneOne(id, now)) removed += 1;
    }
    this.#turns.tidyWriters(now);
    return removed;
  }

  close(): void {
    this.#turns.close();
  }

  #path(id: string): string {
    return this.#dir + id + SUFFIX;
  }

  /** Runs once this process has the turn of `id`. */
  #change(id: string, change: Change): Promise<void> {
    const path = this.#path(id);
    return this.#turns.take({ stem: this.#dir + nameOf(id), path }, (ground) => this.#commit(path, change, ground));
  }

  async #commit(path: string, change: Change, ground: Ground): Promise<void> {
    const current = await this.#settle(path, ground);
    const next = change(current);
    if (next === current) return;
    await codedAsync('Writing', () => {
      if (next === undefined) return this.#writer.remove(path, ground);
      return this.#writer.write(path, format(next), ground, current !== undefined);
    });
  }

  /** The record that is there. Anything else of that name is moved out of the way, for a person to look at. */
  async #settle(path: string, ground: Ground): Promise<Entry | undefined> {
    try {
      return this.#load(path);
    } catch (cause) {
      if (!(cause instanceof NotAnEntry)) throw cause;
      const aside = `${path.slice(0, -SUFFIX.length)}.${randomUUID()}${CORRUPT}`;
      await codedAsync('Moving', () => this.#writer.setAside(path, [aside], ground));
      const message = `What is stored under a session's name is no session; it was moved to ${aside}`;
      this.report?.(new SessileError('SESSILE_CORRUPT', message, { cause }));
      return undefined;
    }
  }

  #load(path: string): Entry | undefined {
    return this.#reader.parse(path, parse);
  }

  /** Looks again in its turn: what was renewed meanwhile stays. */
  async #pruneOne(id: string, now: number): Promise<boolean> {
    const found = await this.read(id);
    if (found === undefined || !isExpired(found.expires, now)) return false;
    return await removeDead((change) => this.update(id, change), now);
  }
}

function format({ data, expires }: Entry): string {
  const expiresAt = toSeconds(expires);
  return expiresAt === undefined ? `{"data":${data}}` : `{"data":${data},"expiresAt":${expiresAt}}`;
}

/** @throws NotAnEntry */
function parse(bytes: Buffer): Entry {
  let record: unknown;
  try {
    record = JSON.parse(bytes.toString());
  } catch (cause) {
    throw new NotAnEntry('the file is no JSON', { cause });
  }
  const { data, expiresAt } = isFields(record) ? record : {};
  const expires = readSeconds(expiresAt);
  if (!isFields(data) || expires === undefined) throw new NotAnEntry('the file holds no record');
  return { data: JSON.stringify(data), cookie: '', expires };
}
