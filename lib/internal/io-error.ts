import { dirname } from 'node:path';
import { SessileError } from '../errors.js';
import { errnoOf, type Files, NO_ROOM } from './files.js';

/** The system wrote less than it was given, as a disk that is almost full does, and called that a success. */
export class ShortWrite extends Error {
  constructor(written: number, wanted: number) {
    super(`only ${written} of ${wanted} bytes could be written`);
  }
}

/**
 * A coded error for what the system refused, with its name in the message; anything else as it is. Where a session file
 * alone can be missing, `ENOENT` means nothing; where it is an error, the directory is what is missing.
 */
export function ioError(doing: string, error: unknown): unknown {
  const errno = errnoOf(error) ?? (error instanceof ShortWrite ? error.message : undefined);
  if (errno === undefined) return error;
  if (errno === 'ENOENT' || errno === 'ENOTDIR') {
    return new SessileError('SESSILE_BAD_PATH', `${doing} a session file failed: its directory is gone`, {
      cause: error,
    });
  }
  return new SessileError('SESSILE_IO', `${doing} a session file failed: ${errno}`, { cause: error });
}

/** What `act` answers; what the system refuses it is thrown as {@link ioError}. */
export function coded<T>(doing: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw ioError(doing, error);
  }
}

/** As {@link coded}, for what answers later. */
export async function codedAsync<T>(doing: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw ioError(doing, error);
  }
}

/**
 * A missing file is a missing session only as long as its directory is there, and no link to another one is in its place.
 * @param cause what the system said about the file
 * @throws SessileError `SESSILE_BAD_PATH`, `SESSILE_IO`
 */
export function expectDirectory(files: Files, path: string, cause: unknown): void {
  const directory = dirname(path);
  if (coded('Looking for', () => files.lstatSync(directory))?.isDirectory()) return;
  throw new SessileError('SESSILE_BAD_PATH', `The session directory ${directory} is gone or is none any more`, {
    cause,
  });
}

/** Whether an error was met because the disk, or the owner's share of it, is full. */
export function isDiskFull(error: unknown): boolean {
  return NO_ROOM.has(errnoOf(Object((error as Error | undefined)?.cause)));
}
