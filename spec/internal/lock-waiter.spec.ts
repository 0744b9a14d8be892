import { unlinkSync } from 'node:fs';
import { expect } from 'chai';
import { nodeFiles } from '../../lib/internal/files.js';
import { pause, Waiter } from '../../lib/internal/lock-waiter.js';
import { newTurn } from '../../lib/internal/owner.js';
import { failureOf, systemError } from '../support/folder.js';
import { lockPlace } from '../support/locks.js';

describe('Waiter', () => {
  const place = lockPlace();
  const { come, names, put } = place;

  const open = (timeout: number, staleAge: number, files = nodeFiles) =>
    new Waiter({ files, writers: place.writers }, place.stem, { timeout, staleAge });

  it('has its turn at once where there is no lock, even when its time is over', async () => {
    await open(-1, 1).turn();
  });

  it('has its turn from time to time while there is one, and leaves it', async () => {
    put(newTurn(come()));
    const waiter = open(60_000, 60_000);
    for (let turn = 0; turn < 20; turn += 1) await waiter.turn();
    expect(names()).to.deep.equal(['X.lock']);
  });

  it('gives up after the timeout, even where the lock changes hands', async () => {
    const owner = come();
    put(newTurn(owner));
    const waiter = open(20, 60_000);
    const failure = await failureOf(async () => {
      for (;;) {
        await waiter.turn();
        unlinkSync(`${place.stem}.lock`);
        put(newTurn(owner));
      }
    });
    expect(failure).to.have.property('code', 'SESSILE_LOCK_TIMEOUT');
  });

  it('takes the lock away that one owner was seen to have for the stale age, who is revoked', async () => {
    const owner = newTurn(come());
    put(owner);
    const waiter = open(60_000, 20);
    while (names().length > 0) {
      expect(place.writers.isIn(owner)).to.equal(true);
      await waiter.turn();
    }
    expect(place.writers.isIn(owner)).to.equal(false);
  });

  it('takes the lock away whose owner is dead or was revoked, as soon as it is looked into', async () => {
    const revoked = newTurn(come());
    place.writers.revoke(revoked);
    for (const owner of [newTurn(come(place.dead())), revoked]) {
      put(owner);
      const waiter = open(60_000, 1e9);
      while (names().length > 0) await waiter.turn();
    }
  });

  it('does not look into a lock that is held for a moment only', async () => {
    put(newTurn(place.dead()));
    const waiter = open(60_000, 0);
    await waiter.turn();
    expect(names()).to.deep.equal(['X.lock']);
  });

  it('has a coded error where the lock cannot be looked at', async () => {
    const readLockSync = () => {
      throw systemError('EIO', 'readlink');
    };
    const waiter = open(1, 1, { ...nodeFiles, readLockSync });
    expect(await failureOf(() => waiter.turn())).to.have.property('code', 'SESSILE_IO');
  });

  it('pauses for a moment, however long it has waited', async () => {
    for (const waited of [0, 1_000, Number.POSITIVE_INFINITY]) await pause(waited);
  });
});
