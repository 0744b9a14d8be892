import { accessSync, constants, mkdirSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { misuse, SessileError } from '../errors.js';
import { errnoOf } from './files.js';
import { describe } from './options.js';

/**
 * Makes the directory for its owner alone if it is missing, and sees that it can be used.
 * @param where the store that it is for, as its user calls it
 * @returns its path, absolute and without links
 * @throws TypeError `SESSILE_MISUSE` for what is no path; SessileError `SESSILE_BAD_PATH` that says what is wrong with it
 */
export function openDirectory(where: string, dir: unknown): string {
  if (typeof dir !== 'string' || dir === '') {
    throw misuse(`${where}: dir must be the path of a directory, not ${dir === '' ? 'empty' : describe(dir)}`);
  }
  const path = resolve(dir);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return realpathSync(path);
  } catch (cause) {
    const errno = errnoOf(cause);
    const reason =
      errno === 'EEXIST' || errno === 'ENOTDIR'
        ? 'it, or a part of it, is no directory'
        : `it cannot be used (${errno})`;
    throw new SessileError('SESSILE_BAD_PATH', `${where}: ${path} cannot hold sessions: ${reason}`, { cause });
  }
}
