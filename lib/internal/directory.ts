import { accessSync, constants, mkdirSync, realpathSync } from 'node:fs';
import { SessileError } from '../errors.js';
import { errnoOf } from './files.js';

/**
 * Makes the directory for its owner alone if it is missing, and sees that it can be used.
 * @returns its path without links
 * @throws SessileError `SESSILE_BAD_PATH` that says what is wrong with the directory
 */
export function openDirectory(dir: string): string {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
    return realpathSync(dir);
  } catch (cause) {
    const errno = errnoOf(cause);
    const reason =
      errno === 'EEXIST' || errno === 'ENOTDIR'
        ? 'it, or a part of it, is no directory'
        : `it cannot be used (${errno})`;
    throw new SessileError('SESSILE_BAD_PATH', `FileStore: ${dir} cannot hold sessions: ${reason}`, { cause });
  }
}
