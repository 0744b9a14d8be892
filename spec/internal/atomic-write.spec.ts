import { existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { AtomicWriter } from '../../lib/internal/atomic-write.js';
import { type Files, nodeFiles } from '../../lib/internal/files.js';
import { ShortWrite } from '../../lib/internal/io-error.js';
import { failureOf, folders, systemError, watched } from '../support/folder.js';

describe('AtomicWriter', () => {
  const folder = folders();

  function given({ durable = false, changes = {} }: { durable?: boolean; changes?: Partial<Files> } = {}) {
    const dir = folder();
    const [target, temporary] = [join(dir, 'target'), join(dir, 'temporary')];
    const files = watched(changes);
    const writer = new AtomicWriter(files, durable);
    writeFileSync(target, 'former');
    const write = (text = 'the next', check = (): void => {}) => writer.write(target, text, { temporary, check });
    return { dir, target, temporary, files, writer, write };
  }

  const fails = (code: string) => () => Promise.reject(systemError(code));

  /** A failing close closes all the same, as Linux does. */
  const failing = (name: string) => (name === 'closeSync' ? closesBadly : fails('EIO'));
  const closesBadly = (fd: number) => {
    nodeFiles.closeSync(fd);
    throw systemError('EIO');
  };

  it('puts the whole text in place, in a new file of mode 0600, and leaves nothing else', async () => {
    for (const durable of [false, true]) {
      const { dir, target, write } = given({ durable });
      const before = statSync(target).ino;
      const text = 'é😀'.repeat(50_000);
      await write(text);
      expect(readFileSync(target, 'utf8')).to.equal(text);
      expect(statSync(target).mode & 0o777).to.equal(0o600);
      expect(statSync(target).ino).to.not.equal(before);
      expect(readdirSync(dir)).to.deep.equal(['target']);
    }
  });

  it('makes these calls in this order', async () => {
    const quick = given();
    await quick.write();
    expect(quick.files.calls).to.deep.equal(['open', 'write', 'closeSync', 'rename']);
    const durable = given({ durable: true });
    await durable.write();
    expect(durable.files.calls).to.deep.equal(['open', 'write', 'fsync', 'closeSync', 'rename']);
  });

  it('asks before each try of the rename whether it may, and leaves the target where it may not', async () => {
    const { dir, target, files, write } = given();
    const failure = await failureOf(() =>
      write('the next', () => {
        throw new Error('no more');
      }),
    );
    expect(failure.message).to.equal('no more');
    expect(files.calls).to.deep.equal(['open', 'write', 'closeSync', 'unlink']);
    expect(readFileSync(target, 'utf8')).to.equal('former');
    expect(readdirSync(dir)).to.deep.equal(['target']);
  });

  it('takes a short write for a failure', async () => {
    const write: Files['write'] = (fd, bytes) => nodeFiles.write(fd, bytes.subarray(0, 3));
    const short = given({ changes: { write } });
    const failure = await failureOf(() => short.write());
    expect(failure).to.be.instanceOf(ShortWrite).with.property('message', 'only 3 of 8 bytes could be written');
    expect(readFileSync(short.target, 'utf8')).to.equal('former');
    expect(readdirSync(short.dir)).to.deep.equal(['target']);
  });

  for (const name of ['open', 'write', 'fsync', 'closeSync', 'rename'] as const) {
    it(`leaves the target and nothing else where ${name} fails, and passes on why`, async () => {
      const { dir, target, write } = given({ durable: true, changes: { [name]: failing(name) } });
      expect(await failureOf(() => write())).to.have.property('code', 'EIO');
      expect(readFileSync(target, 'utf8')).to.equal('former');
      expect(readdirSync(dir)).to.deep.equal(['target']);
    });
  }

  it('never syncs a file again whose sync failed', async () => {
    const { files, write } = given({ durable: true, changes: { fsync: fails('EIO') } });
    await failureOf(() => write());
    expect(files.calls.filter((call) => call === 'fsync')).to.have.length(1);
    expect(files.calls).to.not.include('rename');
  });

  it('tells the first failure where others follow', async () => {
    const changes = { write: fails('ENOSPC'), closeSync: closesBadly, unlink: fails('EACCES') };
    expect(await failureOf(() => given({ changes }).write())).to.have.property('code', 'ENOSPC');
  });

  it('takes no file for its own that is there already, and follows no link', async () => {
    const { dir, target, temporary, write } = given();
    symlinkSync(join(dir, 'elsewhere'), temporary);
    expect(await failureOf(() => write())).to.have.property('code', 'EEXIST');
    expect(existsSync(join(dir, 'elsewhere'))).to.equal(false);
    expect(readFileSync(target, 'utf8')).to.equal('former');
  });

  describe('a rename that is refused', () => {
    for (const code of ['EPERM', 'EACCES', 'EBUSY']) {
      it(`with ${code} is tried again after a pause, for two seconds, and asked about each time`, async () => {
        const pauses: number[] = [];
        let refusals = 5;
        const { target, write } = given({
          changes: {
            pause: async (ms) => void pauses.push(ms),
            rename: async (from, to) => {
              refusals -= 1;
              if (refusals >= 0) throw systemError(code);
              await nodeFiles.rename(from, to);
            },
          },
        });
        let checks = 0;
        await write('the next', () => {
          checks += 1;
        });
        expect(readFileSync(target, 'utf8')).to.equal('the next');
        expect([pauses.length, checks]).to.deep.equal([5, 6]);
      });
    }

    it('for good is a failure after two seconds of pauses', async () => {
      let paused = 0;
      const pause = async (ms: number) => {
        paused += ms;
      };
      const { dir, target, write } = given({ changes: { pause, rename: fails('EBUSY') } });
      expect(await failureOf(() => write())).to.have.property('code', 'EBUSY');
      expect(paused).to.equal(2_000);
      expect(readFileSync(target, 'utf8')).to.equal('former');
      expect(readdirSync(dir)).to.deep.equal(['target']);
    });

    it('for any other reason is not tried again', async () => {
      const { files, write } = given({ changes: { rename: fails('ENOSPC') } });
      await failureOf(() => write());
      expect(files.calls.filter((call) => call === 'rename' || call === 'pause')).to.deep.equal(['rename']);
    });
  });

  describe('remove', () => {
    it('removes the file by one call', async () => {
      const { target, files, writer } = given();
      await writer.remove(target);
      expect(existsSync(target)).to.equal(false);
      expect(files.calls).to.deep.equal(['unlink']);
    });

    it('is no error where the file is gone, and one where it cannot be removed', async () => {
      const { target, writer } = given();
      await writer.remove(target);
      await writer.remove(target);
      const unlink = async () => {
        throw systemError('EACCES');
      };
      const refused = given({ changes: { unlink } });
      expect(await failureOf(() => refused.writer.remove(refused.target))).to.have.property('code', 'EACCES');
      expect(readFileSync(refused.target, 'utf8')).to.equal('former');
    });
  });
});
