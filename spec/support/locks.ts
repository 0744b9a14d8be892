import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { nodeFiles } from '../../lib/internal/files.js';
import { lockOf } from '../../lib/internal/lock-file.js';
import { formatOwner, newOwner, type Owner } from '../../lib/internal/owner.js';
import { Writers } from '../../lib/internal/writers.js';
import { folders, namesIn } from './folder.js';

/** A fresh directory for each test of the suite that calls this, with writers of every kind in it and their locks. */
export function lockPlace() {
  const folder = folders();
  let deadPid: number;
  const place = {
    dir: '',
    /** What is guarded; X in `names`. */
    stem: '',
    writers: undefined as unknown as Writers,
    dead: (): Owner => ({ ...newOwner(), pid: deadPid, start: '' }),
    foreign: (): Owner => ({ ...newOwner(), place: '0123456789ab' }),
    /** With its folder. */
    come: (owner: Owner = newOwner()): Owner => {
      place.writers.open(owner);
      return owner;
    },
    names: () => namesIn(place.dir).map((name) => name.replace('a'.repeat(64), 'X')),
    /** What lies in the folder of all writers; undefined where there is none. */
    inside: () =>
      readdirSync(place.dir).includes('.writers') ? readdirSync(join(place.dir, '.writers')).sort() : undefined,
    put: (owner: Owner | string, path = lockOf(place.stem)): string => {
      const record = typeof owner === 'string' ? owner : formatOwner(owner);
      symlinkSync(record, path);
      return record;
    },
  };

  before(async () => {
    const child = spawn(process.execPath, ['--eval', '']);
    deadPid = child.pid as number;
    await once(child, 'exit');
  });

  beforeEach(() => {
    place.dir = folder();
    place.stem = join(place.dir, 'a'.repeat(64));
    place.writers = new Writers(nodeFiles, place.dir);
  });

  return place;
}
