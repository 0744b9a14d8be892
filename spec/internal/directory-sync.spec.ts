import { join } from 'node:path';
import { expect } from 'chai';
import { DirectorySync } from '../../lib/internal/directory-sync.js';
import { type Files, nodeFiles } from '../../lib/internal/files.js';
import { openFiles } from '../file/faulty-files.js';
import { failureOf, folders, systemError, watched } from '../support/folder.js';

describe('DirectorySync', () => {
  const folder = folders();

  /** A directory whose syncs end when they are told to; `begun` counts them. */
  function held() {
    const ends: (() => void)[] = [];
    const fsync = ((_fd: number) => new Promise<void>((resolve) => ends.push(resolve))) as Files['fsync'];
    const files = watched({ fsync });
    const until = async (begun: number) => {
      while (ends.length < begun) await new Promise((resolve) => setImmediate(resolve));
    };
    return { sync: new DirectorySync(files, folder()), files, ends, until };
  }

  /** Whether `promise` is settled once everything that could run has run. */
  async function isSettled(promise: Promise<unknown>): Promise<boolean> {
    let settled = false;
    const settle = () => {
      settled = true;
    };
    promise.then(settle, settle);
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    return settled;
  }

  it('opens the directory, syncs that and closes it', async () => {
    const synced: number[] = [];
    const opened: (string | number)[] = [];
    const files = watched({
      openSync: (path, flags) => {
        const fd = nodeFiles.openSync(path, flags);
        opened.push(path, fd);
        return fd;
      },
      fsync: (async (fd: number) => {
        synced.push(fd);
        await nodeFiles.fsync(fd);
      }) as Files['fsync'],
    });
    const dir = folder();
    await new DirectorySync(files, dir).done();
    expect(opened).to.deep.equal([dir, ...synced]);
    expect(files.calls).to.deep.equal(['openSync', 'fsync', 'closeSync']);
  });

  it('serves with one sync all who ask before it begins', async () => {
    const { sync, ends, until } = held();
    const asked = [sync.done(), sync.done(), sync.done()];
    await until(1);
    expect(await Promise.all(asked.map(isSettled))).to.deep.equal([false, false, false]);
    ends[0]?.();
    await Promise.all(asked);
    expect(ends).to.have.length(1);
  });

  it('makes those wait for the next one who ask while one runs, and never runs two', async () => {
    const { sync, ends, until } = held();
    const first = sync.done();
    await until(1);
    const late = [sync.done(), sync.done()];
    expect(await isSettled(late[0] as Promise<void>)).to.equal(false);
    expect(ends, 'syncs while one runs').to.have.length(1);
    ends[0]?.();
    await first;
    await until(2);
    expect(await Promise.all(late.map(isSettled)), 'one that began before they asked counts').to.deep.equal([
      false,
      false,
    ]);
    ends[1]?.();
    await Promise.all(late);
    expect(ends).to.have.length(2);
  });

  it('begins anew for whoever comes when all is done', async () => {
    const files = watched();
    const sync = new DirectorySync(files, folder());
    await sync.done();
    await sync.done();
    expect(files.calls.filter((call) => call === 'fsync')).to.have.length(2);
  });

  it('fails for all who waited for the sync that failed, and for nobody after them', async () => {
    let failures = 1;
    const fsync = (async (fd: number) => {
      failures -= 1;
      if (failures >= 0) throw systemError('EIO', 'fsync');
      await nodeFiles.fsync(fd);
    }) as Files['fsync'];
    const dir = folder();
    const sync = new DirectorySync(watched({ fsync }), dir);
    for (const each of [sync.done(), sync.done()]) {
      const failure = await failureOf(() => each);
      expect(failure).to.have.property('code', 'SESSILE_IO');
      expect(failure.cause).to.have.property('code', 'EIO');
    }
    await sync.done();
    expect(openFiles(dir)).to.equal(0);
  });

  it('tells why the sync failed where closing fails too', async () => {
    const closeSync = (fd: number) => {
      nodeFiles.closeSync(fd);
      throw systemError('EBADF', 'close');
    };
    const fsync = (() => Promise.reject(systemError('EIO', 'fsync'))) as unknown as Files['fsync'];
    const failure = await failureOf(() => new DirectorySync(watched({ fsync, closeSync }), folder()).done());
    expect(failure.cause).to.have.property('code', 'EIO');
  });

  it('says so where the directory is gone', async () => {
    const dir = join(folder(), 'gone');
    const failure = await failureOf(() => new DirectorySync(nodeFiles, dir).done());
    expect(failure).to.have.property('code', 'SESSILE_BAD_PATH');
  });
});
