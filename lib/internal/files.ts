import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const symlink = promisify(fs.symlink) as (target: string, path: string) => Promise<void>;
const write = promisify(fs.write) as (fd: number, bytes: Buffer) => Promise<{ bytesWritten: number }>;

/**
 * The few file-system calls that sessile makes, in one place, so that a spec can make any one of them fail. Calls that
 * the page cache answers in microseconds are synchronous; a round trip through the thread pool costs more than they do.
 * Calls that may wait for the disk are not.
 */
export const nodeFiles = {
  findSync,
  openSync: (path: string, flags: number): number => fs.openSync(path, flags, 0o600),
  readSync: (fd: number, into: Buffer, at: number): number => fs.readSync(fd, into, 0, into.length, at),
  writeSync: (fd: number, text: string, at: number): number => fs.writeSync(fd, text, at, 'latin1'),
  closeSync: (fd: number): void => fs.closeSync(fd),
  lstatSync: (path: string): fs.Stats | undefined => fs.lstatSync(path, { throwIfNoEntry: false }),
  refillSync: (fd: number, bytes: Buffer): number => fs.writeSync(fd, bytes, 0, bytes.length, 0),
  ftruncateSync: (fd: number, length: number): void => fs.ftruncateSync(fd, length),
  fstatSync: (fd: number): fs.Stats => fs.fstatSync(fd),
  unlinkSync: (path: string): void => fs.unlinkSync(path),
  renameSync: (from: string, to: string): void => fs.renameSync(from, to),
  mkdirSync: (path: string): void => fs.mkdirSync(path, 0o700),
  rmdirSync: (path: string): void => fs.rmdirSync(path),
  namesSync: (path: string): string[] => fs.readdirSync(path),
  lockSync,
  lock,
  readLockSync,
  open: promisify(fs.open) as (path: string, flags: number, mode?: number) => Promise<number>,
  write: async (fd: number, bytes: Buffer): Promise<number> => (await write(fd, bytes)).bytesWritten,
  fsync: promisify(fs.fsync),
  fdatasync: promisify(fs.fdatasync),
  link: promisify(fs.link) as (existing: string, path: string) => Promise<void>,
  rename: promisify(fs.rename),
  unlink: promisify(fs.unlink),
  opendir: (path: string): Promise<fs.Dir> => fs.promises.opendir(path, { bufferSize: 256 }),
  /** Before a refused call is made again, in ms: here so that a spec need not wait. */
  pause: async (ms: number): Promise<void> => sleep(ms),
};

export type Files = typeof nodeFiles;

/** What a system or a file system answers that has no links of a kind, or not for everybody. */
export const NO_LINKS = new Set<unknown>([
  'EPERM',
  'EACCES',
  'ENOSYS',
  'ENOTSUP',
  'EOPNOTSUPP',
  'EINVAL',
  'EXDEV',
  'UNKNOWN',
]);

/** What a system answers where something else than a regular file has the name: a directory, link, fifo, socket. */
export const NOT_A_FILE = new Set<unknown>(['EISDIR', 'ELOOP', 'EMLINK', 'EAGAIN', 'ENXIO', 'ESPIPE']);

/**
 * Opens what is there; undefined where nothing has that name, which is an answer like any other: to collect a stack for it
 * takes longer than to find it out, and so does each throw. Whoever freezes what is built in gets a stack.
 *
 * Only its owner may read a file without leaving a trace; for others it is opened as usual.
 */
function findSync(path: string, flags: number): number | undefined {
  const limit = Error.stackTraceLimit;
  Reflect.set(Error, 'stackTraceLimit', 0);
  try {
    return fs.openSync(path, flags);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    if (errnoOf(error) !== 'EPERM' || (flags & O_NOATIME) === 0) throw error;
    return findSync(path, flags & ~O_NOATIME);
  } finally {
    Reflect.set(Error, 'stackTraceLimit', limit);
  }
}

/** Makes the lock file `path` that says `record`, atomically; false where there is one. */
function lockSync(path: string, record: string): boolean {
  try {
    fs.symlinkSync(record, path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    if (!NO_LINKS.has(errnoOf(error))) throw error;
  }
  let fd: number;
  try {
    fd = fs.openSync(path, flags.create, 0o600);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
  try {
    fs.writeSync(fd, record);
  } catch (error) {
    // A lock that says nothing would be waited for until it is old.
    fs.unlinkSync(path);
    throw error;
  } finally {
    fs.closeSync(fd);
  }
  return true;
}

/** As {@link lockSync}, in the thread pool: making a name may wait for the journal of the file system. */
async function lock(path: string, record: string): Promise<boolean> {
  try {
    await symlink(record, path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    if (!NO_LINKS.has(errnoOf(error))) throw error;
    return lockSync(path, record);
  }
}

/** What the lock file `path` says; whatever else has its name says nothing, and is not followed and not waited for. */
function readLockSync(path: string): string {
  try {
    return fs.readlinkSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'EINVAL' && errnoOf(error) !== 'UNKNOWN') throw error;
  }
  let fd: number | undefined;
  try {
    fd = fs.openSync(path, flags.read);
    const bytes = Buffer.alloc(64);
    return bytes.toString('latin1', 0, fs.readSync(fd, bytes, 0, bytes.length, 0));
  } catch (error) {
    if (!NOT_A_FILE.has(errnoOf(error))) throw error;
    return '';
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

// O_NOFOLLOW and O_NONBLOCK do not exist on Windows, where no link, fifo or device of a foreign owner is met this way.
const { O_RDONLY, O_RDWR, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;
// Linux alone has it. Without it the first read after each write or touch makes the system write the time of access.
const { O_NOATIME = 0 } = fs.constants as { O_NOATIME?: number };

export const flags = {
  read: O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME,
  patch: O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOATIME,
  create: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
  refill: O_WRONLY | O_NOFOLLOW,
  directory: O_RDONLY,
} as const;

/** What a system answers where the disk, or the owner's share of it, is full. */
export const NO_ROOM = new Set<unknown>(['ENOSPC', 'EDQUOT']);

export function errnoOf(error: unknown): string | undefined {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return syscall === undefined ? undefined : code;
}

/** Closes `fd` in any case. Why `act` failed is worth more than why closing did. */
export async function closing(files: Files, fd: number, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    attempt(() => files.closeSync(fd));
    throw error;
  }
  files.closeSync(fd);
}

/** For what is tried after a failure, whose error is the one to tell, or where a failure is an answer. */
export function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}

/** What `act` answers; undefined where the system refuses it for this reason alone. */
export function unless<T>(errno: string, act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (errnoOf(error) !== errno) throw error;
    return undefined;
  }
}

/** No error where it is gone already. */
export function removeSync(files: Files, path: string): void {
  unless('ENOENT', () => files.unlinkSync(path));
}
