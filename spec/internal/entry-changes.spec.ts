import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Entry } from '../../lib/backend.js';
import { EntryChanges } from '../../lib/internal/entry-changes.js';
import { EntryFolder } from '../../lib/internal/entry-folder.js';
import { type Files, nodeFiles } from '../../lib/internal/files.js';
import { type HeldLock, PathLock } from '../../lib/internal/path-lock.js';
import { failureOf, folders, systemError, watched } from '../support/folder.js';

describe('EntryChanges', () => {
  const folder = folders();
  const entry: Entry = { data: '{"n":1}', cookie: '{"path":"/"}', expires: 5_000 };

  function given({ fsync = false, changes = {} }: { fsync?: boolean; changes?: Partial<Files> } = {}) {
    const dir = folder();
    const files = watched(changes);
    const reports: Error[] = [];
    const report = (error: Error) => void reports.push(error);
    const locks = new PathLock(files, { timeout: 5_000, staleAge: 4_000 });
    const entries = new EntryFolder(dir, { files, fsync, adopt: undefined, report });
    const made = new EntryChanges({ files, folder: entries, locks, report });
    return { dir, files, reports, locks, entries, changes: made, place: { path: join(dir, 'x.json'), sid: 'a' } };
  }

  it('reads, changes and writes under the lock, and lets go of it', async () => {
    const { dir, files, changes, place, entries } = given();
    let seen: unknown = 'nothing';
    await changes.make(place, (found) => {
      seen = found;
      expect(readdirSync(dir)).to.deep.equal(['x.lock']);
      return entry;
    });
    expect(seen).to.equal(undefined);
    expect(entries.read(place)).to.deep.equal({ ...entry, sid: 'a' });
    expect(readdirSync(dir)).to.deep.equal(['x.json']);
    expect(files.calls.filter((call) => !/Sync$/.test(call))).to.deep.equal([
      'lock',
      'open',
      'write',
      'rename',
      'unlink',
    ]);
  });

  it('removes what the change makes nothing of, and writes nothing where it leaves things', async () => {
    const { dir, files, changes, place } = given();
    await changes.make(place, () => entry);
    files.calls.length = 0;
    await changes.make(place, (found) => found);
    expect(files.calls).to.not.include.oneOf(['open', 'rename']);
    await changes.make(place, () => undefined);
    expect(readdirSync(dir)).to.deep.equal([]);
  });

  it('waits while another one has the lock', async () => {
    const { dir, changes, place, locks } = given();
    const lock = (await locks.tryAcquire(join(dir, 'x'))) as HeldLock;
    let isIn = false;
    const waiting = changes.make(place, () => {
      isIn = true;
      return entry;
    });
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(isIn).to.equal(false);
    await lock.release();
    await waiting;
    expect(isIn).to.equal(true);
  });

  it('lets go of the lock where the change throws', async () => {
    const { dir, changes, place } = given();
    const failure = await failureOf(() =>
      changes.make(place, () => {
        throw new Error('mine');
      }),
    );
    expect(failure.message).to.equal('mine');
    expect(readdirSync(dir)).to.deep.equal([]);
  });

  it('removes without a lock where the disk is too full for one, and refuses to write', async () => {
    let isFull = false;
    const lock: Files['lock'] = async (path, record) => {
      if (isFull) throw systemError('ENOSPC', 'symlink');
      return nodeFiles.lock(path, record);
    };
    const { dir, changes, place } = given({ changes: { lock } });
    await changes.make(place, () => entry);
    isFull = true;
    expect(await failureOf(() => changes.make(place, () => ({ ...entry })))).to.have.property('code', 'SESSILE_IO');
    expect(readdirSync(dir)).to.deep.equal(['x.json']);
    await changes.make(place, () => undefined);
    expect(readdirSync(dir)).to.deep.equal([]);
  });

  it('has written what it wrote, whatever becomes of the lock, and reports that', async () => {
    const unlink = async (path: string) => {
      if (path.endsWith('.lock')) throw systemError('EIO', 'unlink');
      await nodeFiles.unlink(path);
    };
    const { changes, place, entries, reports } = given({ changes: { unlink: unlink as Files['unlink'] } });
    await changes.make(place, () => entry);
    expect(entries.read(place)).to.deep.equal({ ...entry, sid: 'a' });
    expect(reports.map((error) => 'code' in error && error.code)).to.deep.equal(['SESSILE_IO']);
  });

  it('waits with fsync until it lasts; a look does not', async () => {
    const { files, changes, place } = given({ fsync: true });
    await changes.look(place, (found) => found);
    expect(files.calls).to.not.include('fsync');
    await changes.make(place, (found) => found);
    expect(files.calls.filter((call) => call === 'fsync')).to.have.length(1);
  });
});
