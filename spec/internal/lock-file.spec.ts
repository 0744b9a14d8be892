import { lstatSync, mkdirSync, readlinkSync, unlinkSync } from 'node:fs';
import { expect } from 'chai';
import { type Files, nodeFiles, removeSync } from '../../lib/internal/files.js';
import { breakLock, LEFTOVER, lockOf, readOwner } from '../../lib/internal/lock-file.js';
import { abandon, formatOwner, newOwner, newTurn } from '../../lib/internal/owner.js';
import { Writers } from '../../lib/internal/writers.js';
import { systemError, watched } from '../support/folder.js';
import { lockPlace } from '../support/locks.js';

describe('lock files', () => {
  let stem: string;
  const place = lockPlace();
  const { come, dead, foreign, names, put } = place;

  beforeEach(() => {
    ({ stem } = place);
  });

  function broken(
    record: string,
    { isOld = false, files = nodeFiles }: { isOld?: boolean; files?: Files } = {},
  ): boolean {
    return breakLock({ files, writers: new Writers(files, place.dir) }, lockOf(stem), { stem, record, isOld });
  }

  it('lie next to what they guard, under names that tell them from anything else', () => {
    const x = 'a'.repeat(64);
    expect(LEFTOVER.exec(`${x}.lock`)?.slice(1)).to.deep.equal([x, undefined, 'lock']);
    expect(LEFTOVER.exec(`${x}.abc-1.break`)?.slice(1)).to.deep.equal([x, 'abc-1', 'break']);
    expect(lockOf(stem)).to.equal(`${stem}.lock`);
    for (const name of [`${x}.json`, `${x}.tmp`, `${x}a.lock`, 'x.lock']) expect(LEFTOVER.test(name)).to.equal(false);
  });

  it('say who has them; none says nothing', () => {
    expect(readOwner(nodeFiles, lockOf(stem))).to.equal(undefined);
    const record = put(newOwner());
    expect(readOwner(nodeFiles, lockOf(stem))).to.equal(record);
    removeSync(nodeFiles, lockOf(stem));
    removeSync(nodeFiles, lockOf(stem));
    expect(names()).to.deep.equal([]);
    mkdirSync(lockOf(stem));
    expect(() => removeSync(nodeFiles, lockOf(stem)))
      .to.throw()
      .with.property('syscall', 'unlink');
  });

  it('of those who have a folder and may live are not broken', () => {
    for (const owner of [newTurn(come()), newTurn(come(foreign()))]) {
      expect(broken(put(owner))).to.equal(false);
      expect(place.writers.isIn(owner)).to.equal(true);
      expect(names()).to.deep.equal(['X.lock']);
      unlinkSync(lockOf(stem));
    }
  });

  it('of the dead, of the revoked and of the abandoned are broken', () => {
    const revoked = newTurn(come());
    place.writers.revoke(revoked);
    const abandoned = newTurn(come());
    abandon(abandoned);
    for (const owner of [newTurn(come(dead())), newTurn(dead()), revoked, abandoned, newTurn(foreign())]) {
      expect(broken(put(owner))).to.equal(true);
      expect(place.writers.isIn(owner)).to.equal(false);
      expect(names()).to.deep.equal([]);
    }
  });

  it('of the living and of nobody are broken when they are old', () => {
    const owner = newTurn(come());
    expect(broken(put(owner), { isOld: true })).to.equal(true);
    expect(place.writers.isIn(owner)).to.equal(false);
    put('garbage');
    expect(readOwner(nodeFiles, lockOf(stem))).to.equal('');
    expect(broken('')).to.equal(false);
    expect(broken('', { isOld: true })).to.equal(true);
    expect(names()).to.deep.equal([]);
  });

  it('are there until their owner is revoked, so that nobody has them before that', () => {
    const owner = newTurn(come());
    const record = put(owner);
    const seen: unknown[] = [];
    const unlinkSync_: Files['unlinkSync'] = (path) => {
      if (path === lockOf(stem)) seen.push(place.writers.isIn(owner));
      nodeFiles.unlinkSync(path);
    };
    expect(broken(record, { isOld: true, files: watched({ unlinkSync: unlinkSync_ }) })).to.equal(true);
    expect(seen).to.deep.equal([false]);
  });

  it('stay where their owner cannot be revoked', () => {
    const record = put(newTurn(come()));
    const renameSync = () => {
      throw systemError('EIO', 'rename');
    };
    expect(() => broken(record, { isOld: true, files: watched({ renameSync }) }))
      .to.throw()
      .with.property('code', 'EIO');
    expect(names()).to.deep.equal(['X.lock']);
  });

  it('are left to whoever is at breaking them, who needs no folder for that', () => {
    const owner = newTurn(dead());
    const record = put(owner);
    put(newOwner(), `${stem}.${owner.nonce}-${owner.turn}.break`);
    expect(broken(record)).to.equal(false);
    expect(broken(record, { isOld: true })).to.equal(false);
    expect(names().sort()).to.deep.equal([`X.${owner.nonce}-${owner.turn}.break`, 'X.lock']);
  });

  it('are broken after the break file of a dead breaker', () => {
    const owner = dead();
    const record = put(owner);
    put(dead(), `${stem}.${owner.nonce}.break`);
    expect(broken(record)).to.equal(true);
    expect(names()).to.deep.equal([]);
  });

  it('that changed hands while somebody went for the break file are left, and so is their former owner', () => {
    const [owner, next] = [newTurn(come()), newTurn(come())];
    const record = put(owner);
    const lockSync: Files['lockSync'] = (path, text) => {
      const made = nodeFiles.lockSync(path, text);
      unlinkSync(lockOf(stem));
      put(next);
      return made;
    };
    expect(broken(record, { isOld: true, files: watched({ lockSync }) })).to.equal(false);
    expect(readlinkSync(lockOf(stem))).to.equal(formatOwner(next));
    expect([owner, next].map((one) => place.writers.isIn(one))).to.deep.equal([true, true]);
    expect(names()).to.deep.equal(['X.lock']);
  });

  it('that their owner released at the last moment, and somebody else has now, are left', () => {
    const [owner, next] = [newTurn(come()), newTurn(come())];
    const record = put(owner);
    const renameSync: Files['renameSync'] = (from, to) => {
      unlinkSync(lockOf(stem));
      put(next);
      nodeFiles.renameSync(from, to);
    };
    expect(broken(record, { isOld: true, files: watched({ renameSync }) })).to.equal(false);
    expect(readlinkSync(lockOf(stem))).to.equal(formatOwner(next));
    expect(names()).to.deep.equal(['X.lock']);
  });

  it('let go of the break file at the second try, and else hold up nobody of this process', () => {
    for (const refusals of [1, 2]) {
      const owner = dead();
      const record = put(owner);
      let left = refusals;
      const unlinkSync_: Files['unlinkSync'] = (path) => {
        if (path.endsWith('.break') && left-- > 0) throw systemError('EIO', 'unlink');
        nodeFiles.unlinkSync(path);
      };
      const act = () => broken(record, { files: watched({ unlinkSync: unlinkSync_ }) });
      if (refusals === 1) expect(act()).to.equal(true);
      else expect(act).to.throw().with.property('code', 'EIO');
      if (refusals === 1) continue;
      expect(lstatSync(`${stem}.${owner.nonce}.break`).isSymbolicLink()).to.equal(true);
      put(owner);
      expect(broken(record)).to.equal(true);
      expect(names()).to.deep.equal([]);
    }
  });
});
