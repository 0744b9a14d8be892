import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { SessileError } from '../../lib/errors.js';
import { nodeFiles } from '../../lib/internal/files.js';
import { coded, expectDirectory, ioError, isDiskFull, ShortWrite } from '../../lib/internal/io-error.js';
import { failureOf, folders, systemError } from '../support/folder.js';

describe('io-error', () => {
  const folder = folders();

  it('codes what the system says, and keeps it as the cause', () => {
    const cause = systemError('EIO');
    const error = ioError('Reading', cause) as SessileError;
    expect(error).to.be.instanceOf(SessileError);
    expect(error).to.include({ code: 'SESSILE_IO', message: 'Reading a session file failed: EIO', cause });
  });

  it('codes a short write', () => {
    const cause = new ShortWrite(10, 20);
    expect(ioError('Writing', cause)).to.include({ code: 'SESSILE_IO', cause });
    expect(cause.message).to.equal('only 10 of 20 bytes could be written');
  });

  it('takes a missing name in a path for a missing directory', () => {
    for (const errno of ['ENOENT', 'ENOTDIR']) {
      expect(ioError('Locking', systemError(errno)), errno).to.have.property('code', 'SESSILE_BAD_PATH');
    }
  });

  it('leaves any other error as it is, though it has a code', () => {
    const theirs = Object.assign(new Error('mine'), { code: 'ENOENT' });
    const ours = new SessileError('SESSILE_FORMAT', 'ours');
    for (const error of [theirs, ours, new Error('plain')]) expect(ioError('Reading', error)).to.equal(error);
  });

  it('answers what was done, and codes what was thrown', async () => {
    expect(coded('Reading', () => 7)).to.equal(7);
    const failure = await failureOf(() =>
      coded('Reading', () => {
        throw systemError('EMFILE');
      }),
    );
    expect(failure).to.have.property('code', 'SESSILE_IO');
  });

  it('is content with a directory, and with nothing else in its place', async () => {
    const root = folder();
    const dir = join(root, 'dir');
    const cause = systemError('ENOENT');
    mkdirSync(dir);
    expectDirectory(nodeFiles, join(dir, 'name'), cause);
    rmSync(dir, { recursive: true });
    expect(await failureOf(() => expectDirectory(nodeFiles, join(dir, 'name'), cause))).to.include({
      code: 'SESSILE_BAD_PATH',
      cause,
    });
    symlinkSync(root, dir);
    expect(await failureOf(() => expectDirectory(nodeFiles, join(dir, 'name'), cause))).to.include({
      code: 'SESSILE_BAD_PATH',
    });
  });

  it('codes what the system says about the directory', async () => {
    const files = {
      ...nodeFiles,
      lstatSync: () => {
        throw systemError('EIO', 'lstat');
      },
    };
    expect(await failureOf(() => expectDirectory(files, '/a/name', undefined))).to.include({ code: 'SESSILE_IO' });
  });

  it('knows a full disk by the cause', () => {
    const full = (errno: string) => isDiskFull(ioError('Locking', systemError(errno)));
    expect([full('ENOSPC'), full('EDQUOT'), full('EIO')]).to.deep.equal([true, true, false]);
    expect([isDiskFull(undefined), isDiskFull(new Error('plain'))]).to.deep.equal([false, false]);
  });
});
