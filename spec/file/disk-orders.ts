import type { Backend, Entry } from '../../lib/backend.js';

/** What the process that fills a disk has to tell. */
export interface DiskReport {
  saved: number;
  /** How many saves were refused, by code and cause. */
  refused: Record<string, number>;
  removed: number;
  /** What must not be. */
  wrong: string[];
}

/** Paths that a traced process looks for to say where it is. */
export const MARK_BEGIN = '/sessile-spec/begins';
export const MARK_END = '/sessile-spec/called-back';

export const NOW = 1_700_000_000_000;
export const OLD: Entry = { data: `{"who":"old ${'o'.repeat(9_000)}"}`, cookie: '{"path":"/"}', expires: NOW + 1_000 };
export const NEW: Entry = { data: `{"who":"new ${'n'.repeat(9_000)}"}`, cookie: '{"path":"/"}', expires: NOW + 2_000 };
export const DEAD: Entry = { data: '{"who":"dead"}', cookie: '', expires: NOW - 1 };
const OTHER_COOKIE = '{"path":"/other"}';

interface Operation {
  run: (backend: Backend) => unknown;
  /** Which entry it changes and to what. */
  sid: 'mine' | 'dead' | 'absent';
  next: Entry | undefined;
  /** The system calls without which it cannot be done, by who writes alone and by who does not. */
  needs: string[];
  needsBeside: string[];
}

const making = {
  needs: ['openat', 'pwrite64', 'close', 'rename'],
  needsBeside: ['link', 'openat', 'write', 'rename'],
};
const writing = { needs: [...making.needs, 'link'], needsBeside: making.needsBeside };
const removing = { needs: ['rename', 'unlink'], needsBeside: ['link', 'rename', 'unlink'] };
const touching = ['openat', 'pwrite64'];

/** What is done to a directory with OLD under `mine` and DEAD under `dead`. */
export const operations: Record<string, Operation> = {
  set: { run: (it) => it.update('mine', () => NEW), sid: 'mine', next: NEW, ...writing },
  'set of a new session': { run: (it) => it.update('absent', () => NEW), sid: 'absent', next: NEW, ...making },
  touch: {
    run: (it) => it.touch('mine', { expires: NEW.expires, cookie: OLD.cookie }, NOW),
    sid: 'mine',
    next: { ...OLD, expires: NEW.expires },
    needs: touching,
    needsBeside: touching,
  },
  'touch with another cookie': {
    run: (it) => it.touch('mine', { expires: NEW.expires, cookie: OTHER_COOKIE }, NOW),
    sid: 'mine',
    next: { ...OLD, expires: NEW.expires, cookie: OTHER_COOKIE },
    ...writing,
  },
  destroy: {
    run: (it) => it.update('mine', () => undefined),
    sid: 'mine',
    next: undefined,
    ...removing,
  },
  update: {
    run: (it) => it.update('mine', (entry) => entry && { ...entry, data: NEW.data }),
    sid: 'mine',
    next: { ...OLD, data: NEW.data },
    ...writing,
  },
  prune: { run: (it) => it.prune(NOW), sid: 'dead', next: undefined, ...removing },
};
