import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { lockOf } from '../../lib/internal/lock-file.js';
import { formatOwner, newOwner, type Owner } from '../../lib/internal/owner.js';
import { folders } from './folder.js';

/** A fresh directory for each test of the suite that calls this, with locks of owners of every kind in it. */
export function lockPlace() {
  const folder = folders();
  let deadPid: number;
  const place = {
    dir: '',
    /** What is guarded; X in `names`. */
    stem: '',
    dead: (): Owner => ({ ...newOwner(), pid: deadPid, start: '' }),
    foreign: (): Owner => ({ ...newOwner(), place: '0123456789ab' }),
    names: () => readdirSync(place.dir).map((name) => name.replace('a'.repeat(64), 'X')),
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
  });

  return place;
}
