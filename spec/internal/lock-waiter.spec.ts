import { readdirSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { nodeFiles } from '../../lib/internal/files.js';
import { lockOf } from '../../lib/internal/lock-file.js';
import { pause, Waiter } from '../../lib/internal/lock-waiter.js';
import { formatOwner, newOwner } from '../../lib/internal/owner.js';
import { failureOf, folders, systemError } from '../support/folder.js';

describe('Waiter', () => {
  const folder = folders();
  let stem: string;

  beforeEach(() => {
    stem = join(folder(), 'a'.repeat(64));
  });

  const put = () => symlinkSync(formatOwner(newOwner()), lockOf(stem));
  const open = (timeout: number, staleAge: number) => new Waiter(nodeFiles, stem, { timeout, staleAge });

  it('has its turn at once where there is no lock', async () => {
    await open(1, 1).turn();
  });

  it('has its turn from time to time while there is one, and leaves it', async () => {
    put();
    const waiter = open(60_000, 60_000);
    for (let turn = 0; turn < 10; turn += 1) await waiter.turn();
    expect(readdirSync(join(stem, '..'))).to.have.length(1);
  });

  it('gives up after the timeout, even where the lock changes hands', async () => {
    put();
    const waiter = open(20, 60_000);
    const failure = await failureOf(async () => {
      for (;;) {
        await waiter.turn();
        unlinkSync(lockOf(stem));
        put();
      }
    });
    expect(failure).to.have.property('code', 'SESSILE_LOCK_TIMEOUT');
  });

  it('takes the lock away that one owner was seen to have for the stale age', async () => {
    put();
    const waiter = open(60_000, 20);
    while (readdirSync(join(stem, '..')).length > 0) await waiter.turn();
  });

  it('has a coded error where the lock cannot be looked at', async () => {
    const readLockSync = () => {
      throw systemError('EIO', 'readlink');
    };
    const waiter = new Waiter({ ...nodeFiles, readLockSync }, stem, { timeout: 1, staleAge: 1 });
    expect(await failureOf(() => waiter.turn())).to.have.property('code', 'SESSILE_IO');
  });

  it('pauses for a moment, however long it has waited', async () => {
    for (const waited of [0, 1_000, Number.POSITIVE_INFINITY]) await pause(waited);
  });
});
