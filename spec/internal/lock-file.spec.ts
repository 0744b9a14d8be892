import { mkdirSync, readlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { type Files, nodeFiles } from '../../lib/internal/files.js';
import { breakLock, LEFTOVER, lockOf, readOwner, removeSync, spoilsOf } from '../../lib/internal/lock-file.js';
import { formatOwner, newOwner } from '../../lib/internal/owner.js';
import { systemError, watched } from '../support/folder.js';
import { lockPlace } from '../support/locks.js';

describe('lock files', () => {
  let stem: string;
  const place = lockPlace();
  const { dead, names, put } = place;

  beforeEach(() => {
    ({ stem } = place);
  });

  function broken(
    record: string,
    { isOld = false, files = nodeFiles }: { isOld?: boolean; files?: Files } = {},
  ): boolean {
    return breakLock(files, lockOf(stem), { stem, record, isOld });
  }

  it('lie next to what they guard, under names that tell them from anything else', () => {
    const owner = newOwner();
    expect(LEFTOVER.exec(`${'a'.repeat(64)}.lock`)?.slice(1)).to.deep.equal(['a'.repeat(64), undefined, 'lock']);
    expect(lockOf(stem)).to.equal(`${stem}.lock`);
    const spoils = spoilsOf('a'.repeat(64), owner);
    expect(LEFTOVER.exec(spoils)?.slice(1)).to.deep.equal(['a'.repeat(64), owner.nonce, 'tmp']);
    expect(LEFTOVER.test(`${'a'.repeat(64)}.json`)).to.equal(false);
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

  it('of the living are not broken, of the dead they are, with what those had prepared', () => {
    const [owner, former] = [newOwner(), dead()];
    expect(broken(put(owner))).to.equal(false);
    expect(names()).to.deep.equal(['X.lock']);
    unlinkSync(lockOf(stem));
    const record = put(former);
    writeFileSync(spoilsOf(stem, former), 'half of it');
    expect(broken(record)).to.equal(true);
    expect(names()).to.deep.equal([]);
  });

  it('of the living and of nobody are broken when they are old, what was prepared first', () => {
    const owner = newOwner();
    const record = put(owner);
    writeFileSync(spoilsOf(stem, owner), 'half of it');
    const removed: string[] = [];
    const unlinkSync_: Files['unlinkSync'] = (path) => {
      removed.push(path);
      nodeFiles.unlinkSync(path);
    };
    expect(broken(record, { isOld: true, files: watched({ unlinkSync: unlinkSync_ }) })).to.equal(true);
    expect(removed.slice(0, 2)).to.deep.equal([spoilsOf(stem, owner), lockOf(stem)]);
    expect(broken(put('garbage'))).to.equal(false);
    expect(broken('garbage', { isOld: true })).to.equal(true);
    expect(names()).to.deep.equal([]);
  });

  it('are left to whoever is at breaking them', () => {
    const owner = dead();
    const record = put(owner);
    put(newOwner(), `${stem}.${owner.nonce}.break`);
    expect(broken(record)).to.equal(false);
    expect(names().sort()).to.deep.equal([`X.${owner.nonce}.break`, 'X.lock']);
  });

  it('are broken after the break file of a dead breaker', () => {
    const owner = dead();
    const record = put(owner);
    put(dead(), `${stem}.${owner.nonce}.break`);
    expect(broken(record)).to.equal(true);
    expect(names()).to.deep.equal([]);
  });

  it('that changed hands while somebody went for the break file are left', () => {
    const next = newOwner();
    const record = put(dead());
    const lockSync: Files['lockSync'] = (path, text) => {
      const made = nodeFiles.lockSync(path, text);
      unlinkSync(lockOf(stem));
      put(next);
      return made;
    };
    expect(broken(record, { files: watched({ lockSync }) })).to.equal(false);
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
      put(owner);
      expect(broken(record)).to.equal(true);
      expect(names()).to.deep.equal([]);
    }
  });
});
