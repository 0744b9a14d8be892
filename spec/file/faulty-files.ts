import fs from 'node:fs';
import { constants } from 'node:os';
import { attempt, type Files, nodeFiles } from '../../lib/internal/files.js';

export type Fault = 'ENOSPC' | 'EIO' | 'EMFILE' | 'EACCES' | 'EPERM' | 'EBUSY' | 'short';
export const faults: readonly Fault[] = ['ENOSPC', 'EIO', 'EMFILE', 'EACCES', 'EPERM', 'EBUSY', 'short'];

export interface Plan {
  fault: Fault;
  /** The number of the first call that fails, from 1. */
  at: number;
  /** How many calls in a row fail. */
  times: number;
}

type Call = keyof Files | 'readdir' | 'closedir';

/**
 * The file system with a fault. Calls are counted from `arm` on. A failing `close` closes all the same, as Linux does;
 * any other failing call does nothing. A short write writes half of what it was given, and one byte of one.
 */
export class FaultyFiles {
  /** The calls since `arm`, in order. */
  calls: Call[] = [];
  /** Those of them that failed, and their places among all, from 0. */
  failed: Call[] = [];
  failedAt: number[] = [];
  /** Called before each call that does not fail. */
  before: (call: Call) => unknown = () => {};
  #plan: Plan | undefined;

  readonly files: Files = {
    ...nodeFiles,
    findSync: (...args) => this.#sync('findSync', () => nodeFiles.findSync(...args)),
    openSync: (...args) => this.#sync('openSync', () => nodeFiles.openSync(...args)),
    readSync: (...args) => this.#sync('readSync', () => nodeFiles.readSync(...args)),
    writeSync: (fd, text, at) => {
      if (this.#shortens('writeSync', text.length)) return nodeFiles.writeSync(fd, half(text), at);
      return this.#sync('writeSync', () => nodeFiles.writeSync(fd, text, at), { counted: true });
    },
    closeSync: (fd) => this.#sync('closeSync', () => nodeFiles.closeSync(fd), { doneAnyway: true }),
    lstatSync: (...args) => this.#sync('lstatSync', () => nodeFiles.lstatSync(...args)),
    refillSync: (fd, bytes) => {
      if (this.#shortens('refillSync', bytes.length)) return nodeFiles.refillSync(fd, half(bytes));
      return this.#sync('refillSync', () => nodeFiles.refillSync(fd, bytes), { counted: true });
    },
    ftruncateSync: (...args) => this.#sync('ftruncateSync', () => nodeFiles.ftruncateSync(...args)),
    fstatSync: (...args) => this.#sync('fstatSync', () => nodeFiles.fstatSync(...args)),
    unlinkSync: (...args) => this.#sync('unlinkSync', () => nodeFiles.unlinkSync(...args)),
    renameSync: (...args) => this.#sync('renameSync', () => nodeFiles.renameSync(...args)),
    mkdirSync: (...args) => this.#sync('mkdirSync', () => nodeFiles.mkdirSync(...args)),
    rmdirSync: (...args) => this.#sync('rmdirSync', () => nodeFiles.rmdirSync(...args)),
    namesSync: (...args) => this.#sync('namesSync', () => nodeFiles.namesSync(...args)),
    lockSync: (...args) => this.#sync('lockSync', () => nodeFiles.lockSync(...args)),
    lock: async (...args) => this.#sync('lock', () => nodeFiles.lock(...args)),
    readLockSync: (...args) => this.#sync('readLockSync', () => nodeFiles.readLockSync(...args)),
    open: async (...args) => this.#sync('open', () => nodeFiles.open(...args)),
    write: async (fd, bytes) => {
      if (this.#shortens('write', bytes.length)) return nodeFiles.write(fd, half(bytes));
      return this.#sync('write', () => nodeFiles.write(fd, bytes), { counted: true });
    },
    fsync: async (...args) => this.#sync('fsync', () => nodeFiles.fsync(...args)),
    fdatasync: async (...args) => this.#sync('fdatasync', () => nodeFiles.fdatasync(...args)),
    link: async (from, path) => {
      return this.#sync(path.endsWith('.lock') ? 'lock' : 'link', () => nodeFiles.link(from, path));
    },
    rename: async (...args) => this.#sync('rename', () => nodeFiles.rename(...args)),
    unlink: async (...args) => this.#sync('unlink', () => nodeFiles.unlink(...args)),
    opendir: async (...args) => this.#listing(await this.#sync('opendir', () => nodeFiles.opendir(...args))),
    pause: async () => {},
  };

  arm(plan?: Plan): void {
    this.#plan = plan;
    this.calls = [];
    this.failed = [];
    this.failedAt = [];
  }

  disarm(): void {
    this.#plan = undefined;
  }

  #due(): boolean {
    const { at, times } = this.#plan ?? { at: Number.POSITIVE_INFINITY, times: 0 };
    return this.calls.length >= at && this.calls.length < at + times;
  }

  #note(call: Call): void {
    this.failed.push(call);
    this.failedAt.push(this.calls.length - 1);
  }

  #shortens(call: Call, length: number): boolean {
    this.calls.push(call);
    if (this.#plan?.fault !== 'short' || !this.#due() || length < 2) return false;
    this.#note(call);
    return true;
  }

  #sync<T>(call: Call, act: () => T, { doneAnyway = false, counted = false } = {}): T {
    if (!counted) this.calls.push(call);
    const fault = this.#plan?.fault;
    if (fault === undefined || fault === 'short' || !this.#due()) {
      this.before(call);
      return act();
    }
    this.#note(call);
    if (!doneAnyway) throw systemError(fault, call);
    const outcome = act();
    if (!(outcome instanceof Promise)) throw systemError(fault, call);
    return outcome.then(() => {
      throw systemError(fault, call);
    }) as T;
  }

  /** A directory whose every step is a call of its own. */
  #listing(dir: fs.Dir): fs.Dir {
    const step = async <T>(call: Call, act: () => Promise<T>, options = {}) => this.#sync(call, act, options);
    const walk = async function* () {
      try {
        for (;;) {
          const entry = await step('readdir', () => dir.read());
          if (entry === null) return;
          yield entry;
        }
      } finally {
        await step('closedir', () => dir.close(), { doneAnyway: true });
      }
    };
    return { path: dir.path, [Symbol.asyncIterator]: walk } as unknown as fs.Dir;
  }
}

function half<T extends string | Buffer>(whole: T): T {
  return whole.slice(0, Math.floor(whole.length / 2)) as T;
}

export function systemError(code: Exclude<Fault, 'short'>, call: string): NodeJS.ErrnoException {
  const syscall = call.replace(/Sync$/, '');
  return Object.assign(new Error(`${code}: injected, ${syscall}`), { code, syscall, errno: -constants.errno[code] });
}

/** How many files below `dir` this process has open; none where the system does not say. */
export function openFiles(dir: string): number {
  const fds = attempt(() => fs.readdirSync('/proc/self/fd')) ?? [];
  return fds.filter((fd) => attempt(() => fs.readlinkSync(`/proc/self/fd/${fd}`))?.startsWith(dir)).length;
}
