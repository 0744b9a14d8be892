import { sep } from 'node:path';
import type { Entry } from '../backend.js';
import { misuse, SessileError } from '../errors.js';
import type { EntryFiles, FoundEntry } from './entry-files.js';
import { isFileName, NotAnEntry } from './entry-text.js';
import { type Files, removeSync } from './files.js';
import { coded } from './io-error.js';
import { checkDuration, checkNames, describe } from './options.js';
import { parseSession } from './session-file-store-text.js';

/** What session-file-store was told, where that was not the default. */
export interface SessionFileStoreOptions {
  /** The package, for which there is no other name here. */
  from: 'session-file-store';
  /** Its `ttl`, here in ms. Default: one hour, as there. */
  ttl?: number;
  /** Default: `.json`, as there. */
  fileExtension?: string;
}

/** The package whose sessions are taken over, alone where its options were the default. */
export type Adoption = 'session-file-store' | SessionFileStoreOptions;

const ONE_HOUR = 3_600_000;
const LONGEST_NAME = 255;
/** In an id these make it no file name, or one of another directory. */
const NO_NAME = /[\0/\\]/;
const EXTENSION = /^(?!\.(?:corrupt|lock|tmp|break)$)\.\w+$/;

/**
 * The sessions that session-file-store 1.5 left, unencrypted, in a directory that is now ours: a file per session, named
 * by the id itself. What is no JSON is damaged; JSON without its mark is somebody else's file and is left alone.
 */
export class SessionFileStoreFiles {
  readonly #dir: string;
  readonly #files: Files;
  readonly #entryFiles: EntryFiles;
  readonly #ttl: number;
  readonly #extension: string;
  readonly #report: (error: Error) => void;
  #complained = false;

  /** @throws TypeError `SESSILE_MISUSE` */
  constructor(
    dir: string,
    adopt: Adoption,
    { files, entryFiles, report }: { files: Files; entryFiles: EntryFiles; report: (error: Error) => void },
  ) {
    const { ttl, fileExtension } = checkAdoption(adopt);
    this.#dir = dir;
    this.#files = files;
    this.#entryFiles = entryFiles;
    this.#ttl = ttl;
    this.#extension = fileExtension;
    this.#report = report;
  }

  /** Where the session `sid` would be; undefined where that cannot be a file of this directory. */
  pathOf(sid: string): string | undefined {
    const name = sid + this.#extension;
    const isName = sid !== '' && sid.isWellFormed() && !NO_NAME.test(sid) && Buffer.byteLength(name) <= LONGEST_NAME;
    return isName ? this.#dir + sep + name : undefined;
  }

  /** @throws NotAnEntry; SessileError `SESSILE_IO`, `SESSILE_BAD_PATH` */
  read(sid: string): FoundEntry | undefined {
    const path = this.pathOf(sid);
    if (path === undefined) return undefined;
    const found = this.#load(path);
    // What has a name of our form and is not theirs is ours, of another id.
    if (found === null && !isFileName(sid + this.#extension)) this.#complainOnce();
    return found ? { sid, ...found } : undefined;
  }

  /** Whether anything is there under the name that `sid` would have. */
  has(sid: string): boolean {
    const path = this.pathOf(sid);
    return path !== undefined && this.#entryFiles.has(path);
  }

  /** Removes the session `sid`, and nothing that is no session. */
  remove(sid: string): void {
    const path = this.pathOf(sid);
    if (path === undefined || !this.#isSession(path)) return;
    coded('Removing', () => removeSync(this.#files, path));
  }

  /** The id of a file by its name. A name of our form is theirs only if a session of theirs is inside. */
  sidOf(name: string): string | undefined {
    const sid = name.endsWith(this.#extension) ? name.slice(0, -this.#extension.length) : '';
    const path = this.pathOf(sid);
    if (path === undefined || (isFileName(name) && !this.#isSession(path))) return undefined;
    return sid;
  }

  #isSession(path: string): boolean {
    try {
      return Boolean(this.#load(path));
    } catch (error) {
      if (error instanceof NotAnEntry) return false;
      throw error;
    }
  }

  /** Null for what is there and is somebody else's. */
  #load(path: string): Entry | null | undefined {
    return this.#entryFiles.parse(path, (bytes) => parseSession(bytes.toString(), this.#ttl) ?? null);
  }

  #complainOnce(): void {
    if (this.#complained) return;
    this.#complained = true;
    const message =
      'A file that has the name of a session was not written by session-file-store, or is encrypted; it was left alone';
    this.#report(new SessileError('SESSILE_CORRUPT', message));
  }
}

function checkAdoption(adopt: Adoption): { ttl: number; fileExtension: string } {
  const given = adopt === 'session-file-store' ? { from: adopt } : adopt;
  if (given?.from !== 'session-file-store') {
    throw misuse(`FileStore: adopt must be 'session-file-store' or { from: 'session-file-store', … }`);
  }
  checkNames('FileStore: adopt', given, ['from', 'ttl', 'fileExtension']);
  const { ttl = ONE_HOUR, fileExtension = '.json' } = given;
  if (typeof fileExtension === 'string' && EXTENSION.test(fileExtension)) {
    return { ttl: checkDuration('FileStore', 'adopt.ttl', ttl, 0), fileExtension };
  }
  throw misuse(`FileStore: adopt.fileExtension must be a dot and a word, as in .json, not ${describe(fileExtension)}`);
}
