import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { EntryFolder } from '../../lib/internal/entry-folder.js';
import { NotAnEntry } from '../../lib/internal/entry-text.js';
import { nodeFiles } from '../../lib/internal/files.js';
import { type HeldLock, PathLock } from '../../lib/internal/path-lock.js';

describe('EntryFolder', () => {
  const entry = { sid: 'a', data: '{"n":1}', cookie: '{"path":"/"}', expires: 5_000 };
  let dir: string;
  let path: string;
  let reports: Error[];
  let lock: HeldLock;

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'sessile-folder-'));
    path = join(dir, 'ours.json');
    reports = [];
    const locks = new PathLock(nodeFiles, { timeout: 1_000, staleAge: 500 });
    lock = (await locks.tryAcquire(join(dir, 'a'))) as HeldLock;
  });

  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  function open(files = nodeFiles): EntryFolder {
    return new EntryFolder(dir, {
      files,
      fsync: false,
      adopt: 'session-file-store',
      report: (error) => reports.push(error),
    });
  }

  it('reads what it wrote, and nothing once it is removed', async () => {
    const folder = open();
    await folder.write(path, entry, lock);
    expect(folder.read({ path, sid: 'a' })).to.deep.equal(entry);
    expect(folder.has(path)).to.equal(true);
    await folder.remove(path, 'a');
    expect(folder.read({ path, sid: 'a' })).to.equal(undefined);
    expect(folder.has(path)).to.equal(false);
  });

  it('stamps a new deadline, and leaves to a rewrite what only that can do', async () => {
    const folder = open();
    await folder.write(path, entry, lock);
    expect(folder.stamp(path, 'a', { expires: 9_000, cookie: entry.cookie }, 1)).to.equal(true);
    expect(folder.read({ path, sid: 'a' })?.expires).to.equal(9_000);
    expect(folder.stamp(path, 'a', { expires: 9_000, cookie: '{}' }, 1)).to.equal(false);
    writeFileSync(path, 'not an entry');
    expect(folder.stamp(path, 'a', { expires: 9_000, cookie: entry.cookie }, 1)).to.equal(false);
  });

  it('moves aside what is no entry, reports it, and settles for nothing', async () => {
    symlinkSync('/nowhere', path);
    const folder = open();
    expect(() => folder.read({ path, sid: 'a' })).to.throw(NotAnEntry);
    expect(await folder.settle({ path, sid: 'a' })).to.equal(undefined);
    expect(readdirSync(dir)).to.include('ours.corrupt').and.not.include('ours.json');
    expect(reports.map((error) => 'code' in error && error.code)).to.deep.equal(['SESSILE_CORRUPT']);
  });

  it('writes although what session-file-store left cannot be removed, and reports that', async () => {
    const refusing = () => {
      throw Object.assign(new Error('refused'), { code: 'EACCES', syscall: 'unlink' });
    };
    const theirs = { cookie: { originalMaxAge: 60_000 }, __lastAccess: Date.now() };
    writeFileSync(join(dir, 'b.json'), JSON.stringify(theirs));
    const place = join(dir, 'ours.json');
    const folder = open({ ...nodeFiles, unlinkSync: refusing });
    await folder.write(place, { ...entry, sid: 'b' }, lock);
    expect(folder.read({ path: place, sid: 'b' })?.data).to.equal(entry.data);
    expect(reports.map((error) => 'code' in error && error.code)).to.deep.equal(['SESSILE_IO']);
  });
});
