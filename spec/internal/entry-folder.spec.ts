import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Desk, NoRoom, Revoked } from '../../lib/internal/desk.js';
import { EntryFolder } from '../../lib/internal/entry-folder.js';
import { NotAnEntry } from '../../lib/internal/entry-text.js';
import { type Files, nodeFiles } from '../../lib/internal/files.js';
import { failureOf, folders, namesIn, systemError } from '../support/folder.js';

describe('EntryFolder', () => {
  const entry = { sid: 'a', data: '{"n":1}', cookie: '{"path":"/"}', expires: 5_000 };
  const fresh = folders();
  let dir: string;
  let path: string;
  let reports: Error[];
  /** Where whoever has the turn stands. */
  let ground: Desk;

  beforeEach(() => {
    dir = fresh();
    path = join(dir, 'ours.json');
    reports = [];
    mkdirSync(join(dir, '.writers'));
    ground = new Desk(join(dir, '.writers'));
  });

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
    await folder.write(path, entry, { ground, replaces: false });
    expect(folder.read({ path, sid: 'a' })).to.deep.equal(entry);
    expect(folder.has(path)).to.equal(true);
    await folder.remove(path, 'a', ground);
    expect(folder.read({ path, sid: 'a' })).to.equal(undefined);
    expect(folder.has(path)).to.equal(false);
  });

  it('stamps a new deadline, and leaves to a rewrite what only that can do', async () => {
    const folder = open();
    await folder.write(path, entry, { ground, replaces: false });
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
    expect(await folder.settle({ path, sid: 'a' }, ground)).to.equal(undefined);
    expect(namesIn(dir)).to.deep.equal(['ours.corrupt']);
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
    await folder.write(place, { ...entry, sid: 'b' }, { ground, replaces: false });
    expect(folder.read({ path: place, sid: 'b' })?.data).to.equal(entry.data);
    expect(reports.map((error) => 'code' in error && error.code)).to.deep.equal(['SESSILE_IO']);
  });

  it('keeps one finding for each name, and more where one cannot take the place of another', async () => {
    const folder = open();
    for (const text of ['one', 'two']) {
      writeFileSync(path, text);
      expect(await folder.settle({ path, sid: 'a' }, ground)).to.equal(undefined);
    }
    expect(namesIn(dir)).to.deep.equal(['ours.corrupt']);
    expect(readFileSync(join(dir, 'ours.corrupt'), 'utf8')).to.equal('two');
    mkdirSync(path);
    await folder.settle({ path, sid: 'a' }, ground);
    expect(namesIn(dir)).to.have.length(2);
    for (const name of namesIn(dir)) expect(name).to.match(/^ours(\.[\da-f-]{36})?\.corrupt$/);
    expect(reports).to.have.length(3);
  });

  it('reports nothing that was gone before it could be moved', async () => {
    const rename: Files['rename'] = async (from, to) => {
      if (from === path) rmSync(path);
      await nodeFiles.rename(from, to);
    };
    writeFileSync(path, 'not an entry');
    expect(await open({ ...nodeFiles, rename }).settle({ path, sid: 'a' }, ground)).to.equal(undefined);
    expect(reports).to.deep.equal([]);
  });

  it('settles for what is there, and looks no further', async () => {
    const folder = open();
    await folder.write(path, entry, { ground, replaces: false });
    expect(await folder.settle({ path, sid: 'a' }, ground)).to.deep.equal(entry);
    expect(reports).to.deep.equal([]);
  });

  it('writes, removes and moves nothing for one whose desk was taken away', async () => {
    const folder = open();
    await folder.write(path, entry, { ground, replaces: false });
    rmSync(ground.path, { recursive: true });
    const next = { ...entry, expires: 6_000 };
    expect(await failureOf(() => folder.write(path, next, { ground, replaces: true }))).to.be.instanceOf(Revoked);
    expect(await failureOf(() => folder.remove(path, 'a', ground))).to.be.instanceOf(Revoked);
    expect(folder.read({ path, sid: 'a' })).to.deep.equal(entry);
    writeFileSync(path, 'not an entry');
    expect(await failureOf(() => folder.settle({ path, sid: 'a' }, ground))).to.be.instanceOf(Revoked);
    expect(namesIn(dir)).to.deep.equal(['ours.json']);
    expect(reports).to.deep.equal([]);
  });

  it('removes and moves on a full disk, and tells why it does not write', async () => {
    const folder = open();
    await folder.write(path, entry, { ground, replaces: false });
    const full = new NoRoom(systemError('ENOSPC', 'mkdir'));
    const failure = await failureOf(() => folder.write(path, entry, { ground: full, replaces: true }));
    expect(failure).to.have.property('code', 'SESSILE_IO');
    await folder.remove(path, 'a', full);
    expect(namesIn(dir)).to.deep.equal([]);
    writeFileSync(path, 'not an entry');
    expect(await folder.settle({ path, sid: 'a' }, full)).to.equal(undefined);
    expect(namesIn(dir)).to.deep.equal(['ours.corrupt']);
  });
});
