import { readFileSync } from 'node:fs';
import { attempt, errnoOf, type Files, flags } from './files.js';

/** At most twice as many are open for one store, and for all no more than a sixteenth of what the process may have. */
const GENERATION = 64;
const PARTS = 16;
/** What nobody asks for is closed after this to twice as long, in ms. */
const IDLE = 1_000;
/** Windows lets nobody replace a file that is open. */
const MAY_KEEP = process.platform !== 'win32';
/** What a system says of a file that may be read and not written. */
const NOT_WRITABLE = new Set<unknown>(['EACCES', 'EPERM', 'EROFS']);

interface Open {
  readonly fd: number;
  readonly ino: number;
  readonly dev: number;
}

/**
 * Files of sessions in use, kept open between two requests: to open and close one takes several times as long as all that
 * is done with it. Before each use its path is looked up. As long as a file is open no other one can have its number, so
 * one whose path leads to that number is the one that would be opened now; any other is.
 *
 * There are two generations, and every second the older one is closed. While the younger one is full nothing else is kept:
 * to close one for another, where there are more in use than can be kept, would cost more than it saves.
 */
export class OpenFiles {
  readonly #files: Files;
  #young = new Map<string, Open>();
  #old = new Map<string, Open>();
  #timer: NodeJS.Timeout | undefined;

  constructor(files: Files) {
    this.#files = files;
  }

  /** The file `path` for reading and writing, not to be closed; undefined where it cannot be kept. Errors are the system's. */
  open(path: string): number | undefined {
    if (!MAY_KEEP) return undefined;
    const open = this.#young.get(path) ?? this.#aged(path);
    if (open === undefined) return this.#openAnew(path);
    const { ino, dev } = this.#files.lstatSync(path) ?? {};
    if (ino === open.ino && dev === open.dev) return open.fd;
    this.forget(path);
    return this.#openAnew(path);
  }

  /** For a file that will not be asked for again. */
  forget(path: string): void {
    for (const generation of [this.#young, this.#old]) {
      const open = generation.get(path);
      if (open !== undefined) this.#release(open);
      generation.delete(path);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#age();
    this.#age();
  }

  #aged(path: string): Open | undefined {
    const open = this.#old.get(path);
    if (open === undefined || this.#young.size >= GENERATION) return open;
    this.#old.delete(path);
    this.#keep(path, open);
    return open;
  }

  #openAnew(path: string): number | undefined {
    if (this.#isFull) return undefined;
    let fd: number;
    try {
      fd = this.#files.openSync(path, flags.patch);
    } catch (error) {
      if (NOT_WRITABLE.has(errnoOf(error))) return undefined;
      throw error;
    }
    const found = attempt(() => this.#files.fstatSync(fd));
    if (found?.isFile() && Number.isSafeInteger(found.ino)) {
      this.#keep(path, { fd, ino: found.ino, dev: found.dev });
      keptByAll += 1;
      return fd;
    }
    attempt(() => this.#files.closeSync(fd));
    return undefined;
  }

  get #isFull(): boolean {
    return this.#young.size >= GENERATION || keptByAll >= mostKept();
  }

  #keep(path: string, open: Open): void {
    this.#young.set(path, open);
    this.#timer ??= setTimeout(() => this.#tick(), IDLE).unref();
  }

  #tick(): void {
    this.#age();
    this.#timer = this.#old.size === 0 ? undefined : setTimeout(() => this.#tick(), IDLE).unref();
  }

  #age(): void {
    for (const open of this.#old.values()) this.#release(open);
    this.#old = this.#young;
    this.#young = new Map();
  }

  /** Where somebody else in this process closed it by mistake, its number may be another file's now. */
  #release(open: Open): void {
    keptByAll -= 1;
    this.#files.releaseSync(open.fd, open);
  }
}

/** How many are kept by all stores of this process. */
let keptByAll = 0;
let most: number | undefined;

function mostKept(): number {
  most ??= Math.floor(mostFiles() / PARTS);
  return most;
}

/** How many files this process may open, where the system says so in a file. Node has raised that to what is allowed. */
function mostFiles(): number {
  const limits = attempt(() => readFileSync('/proc/self/limits', 'latin1')) ?? '';
  return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
}
