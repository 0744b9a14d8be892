import { mkdirSync, readdirSync, realpathSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { SessileError } from '../../lib/errors.js';
import { openDirectory } from '../../lib/internal/directory.js';
import { folders } from '../support/folder.js';

describe('openDirectory', () => {
  const folder = folders();

  it('makes what is missing, for its owner alone, and answers the path', () => {
    const root = realpathSync(folder());
    expect(openDirectory('FileStore', join(root, 'a', 'b'))).to.equal(join(root, 'a', 'b'));
    for (const made of ['a', 'a/b']) expect(statSync(join(root, made)).mode & 0o777, made).to.equal(0o700);
  });

  it('answers the path without the links in it, so that a link that is changed later leads nowhere else', () => {
    const root = realpathSync(folder());
    mkdirSync(join(root, 'real', 'inner'), { recursive: true });
    symlinkSync(join(root, 'real'), join(root, 'link'));
    expect(openDirectory('FileStore', join(root, 'link'))).to.equal(join(root, 'real'));
    expect(openDirectory('FileStore', join(root, 'link', 'inner'))).to.equal(join(root, 'real', 'inner'));
  });

  it('names the store that it is for, and refuses what is no path', () => {
    const path = join(folder(), 'file');
    writeFileSync(path, '');
    expect(() => openDirectory('fileStore', path)).to.throw(SessileError, /^fileStore: .*file cannot hold sessions/);
    for (const dir of ['', 5, undefined, {}]) {
      expect(() => openDirectory('fileStore', dir))
        .to.throw(TypeError, /^fileStore: dir must be the path of a directory, not /)
        .with.property('code', 'SESSILE_MISUSE');
    }
  });

  it('says what is wrong with a path that cannot hold sessions, and makes nothing', () => {
    const root = folder();
    writeFileSync(join(root, 'file'), '');
    symlinkSync(join(root, 'nothing'), join(root, 'dangling'));
    for (const [path, reason] of [
      ['file', 'it, or a part of it, is no directory'],
      ['file/below', 'it, or a part of it, is no directory'],
      ['dangling', 'cannot'],
      ['x'.repeat(300), 'it cannot be used (ENAMETOOLONG)'],
    ] as const) {
      expect(() => openDirectory('FileStore', join(root, path)), path)
        .to.throw(SessileError, reason)
        .with.property('code', 'SESSILE_BAD_PATH');
    }
    expect(readdirSync(root).sort()).to.deep.equal(['dangling', 'file']);
  });
});
