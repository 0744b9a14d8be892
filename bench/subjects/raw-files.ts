import fs from 'node:fs';
import { join } from 'node:path';
import type { SessionData } from 'express-session';
import type { Opened, StoreFace, Subject } from '../contract.js';
import { deadline, textOnce, withDeadline } from './raw-memory.js';

const only = ['set', 'get', 'touch', 'miss'];

/** What the file system can do at best: the bare calls, with texts that are ready, no JSON and no checks. */
export const rawFiles: readonly Subject[] = [
  {
    name: 'raw-files',
    kind: 'file',
    role: 'raw',
    about:
      'asynchronous calls. set: open temporary, write, close, rename; get: open, read, close; touch: open, pwrite, close',
    synced: { save: 'no', touch: 'no' },
    only,
    open: async ({ directory }) => openedOf(asynchronous(directory, false)),
  },
  {
    name: 'raw-files-fsync',
    kind: 'file',
    role: 'raw',
    about: 'the same, with fsync of the file in set and touch, and of the directory after the rename',
    synced: { save: 'file + directory', touch: 'file' },
    only,
    open: async ({ directory }) => openedOf(asynchronous(directory, true)),
  },
  {
    name: 'raw-files-sync-calls',
    kind: 'file',
    role: 'raw',
    about: 'the calls of raw-files made synchronously: they hold the event loop, so this is no model for a store',
    synced: { save: 'no', touch: 'no' },
    only,
    open: async ({ directory }) => openedOf(synchronous(directory)),
  },
];

/** The deadline comes first and is always 13 digits long, until the year 2286. */
const DEADLINE_AT = '{"expires":'.length;
const LONGEST = 1 << 20;

let temporaries = 0;

type Texts = WeakMap<SessionData, string>;

function asynchronous(directory: string, fsync: boolean): StoreFace {
  const texts: Texts = new WeakMap();
  const folder = fsync ? fs.openSync(directory, 'r') : undefined;
  return {
    get(sid, callback) {
      fs.open(pathOf(directory, sid), 'r', (error, fd) => {
        if (error) return callback(error.code === 'ENOENT' ? null : error);
        const buffer = Buffer.allocUnsafe(4_096);
        fs.read(fd, buffer, 0, buffer.length, 0, (failed, length) => {
          fs.close(fd, (unclosed) => callback(failed ?? unclosed, buffer.subarray(0, length)));
        });
      });
    },
    set(sid, session, callback) {
      const temporary = temporaryOf(directory);
      const renamed = (error: unknown) => {
        if (error || folder === undefined) callback(error);
        else fs.fsync(folder, callback);
      };
      fs.open(temporary, 'wx', 0o600, (error, fd) => {
        if (error) return callback(error);
        write({ fd, text: textOf(texts, session), position: null, fsync }, (failed) => {
          if (failed) callback(failed);
          else fs.rename(temporary, pathOf(directory, sid), renamed);
        });
      });
    },
    touch(sid, session, callback) {
      fs.open(pathOf(directory, sid), 'r+', (error, fd) => {
        if (error) return callback(error.code === 'ENOENT' ? null : error);
        write({ fd, text: String(deadline(session)), position: DEADLINE_AT, fsync }, callback);
      });
    },
  };
}

interface Writing {
  fd: number;
  text: string;
  position: number | null;
  fsync: boolean;
}

/** Writes, syncs if wished, and closes. */
function write({ fd, text, position, fsync }: Writing, callback: (error?: unknown) => void): void {
  fs.write(fd, text, position, 'utf8', (error) => {
    if (error) return callback(error);
    if (!fsync) return fs.close(fd, callback);
    fs.fsync(fd, (failed) => (failed ? callback(failed) : fs.close(fd, callback)));
  });
}

function synchronous(directory: string): StoreFace {
  const texts: Texts = new WeakMap();
  const buffer = Buffer.allocUnsafe(LONGEST);
  return {
    get(sid, callback) {
      const fd = openIfThere(pathOf(directory, sid), 'r');
      if (fd === undefined) return callback();
      const length = fs.readSync(fd, buffer, 0, LONGEST, 0);
      fs.closeSync(fd);
      callback(null, buffer.subarray(0, length));
    },
    set(sid, session, callback) {
      const temporary = temporaryOf(directory);
      const fd = fs.openSync(temporary, 'wx', 0o600);
      fs.writeSync(fd, textOf(texts, session));
      fs.closeSync(fd);
      fs.renameSync(temporary, pathOf(directory, sid));
      callback();
    },
    touch(sid, session, callback) {
      const fd = openIfThere(pathOf(directory, sid), 'r+');
      if (fd === undefined) return callback();
      fs.writeSync(fd, String(deadline(session)), DEADLINE_AT);
      fs.closeSync(fd);
      callback();
    },
  };
}

function openIfThere(path: string, flags: string): number | undefined {
  try {
    return fs.openSync(path, flags);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function openedOf(store: StoreFace): Opened {
  return {
    store,
    unpack: (found) => {
      const { expires, session } = JSON.parse((found as Buffer).toString()) as {
        expires: number;
        session: SessionData;
      };
      return withDeadline(session, expires);
    },
  };
}

function textOf(texts: Texts, session: SessionData): string {
  return `{"expires":${deadline(session)},"session":${textOnce(texts, session)}}`;
}

function pathOf(directory: string, sid: string): string {
  return join(directory, `${sid}.json`);
}

function temporaryOf(directory: string): string {
  temporaries += 1;
  return join(directory, `temporary-${temporaries}`);
}
