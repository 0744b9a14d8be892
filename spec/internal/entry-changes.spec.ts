import { readdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Entry } from '../../lib/backend.js';
import { EntryChanges } from '../../lib/internal/entry-changes.js';
import { EntryFolder } from '../../lib/internal/entry-folder.js';
import { formatEntry } from '../../lib/internal/entry-text.js';
import { type Files, nodeFiles } from '../../lib/internal/files.js';
import { formatOwner, newOwner, newTurn, parseOwner } from '../../lib/internal/owner.js';
import { Turns } from '../../lib/internal/turns.js';
import { Writers } from '../../lib/internal/writers.js';
import { failureOf, folders, namesIn, systemError, watched } from '../support/folder.js';

describe('EntryChanges', () => {
  const folder = folders();
  const entry: Entry = { data: '{"n":1}', cookie: '{"path":"/"}', expires: 5_000 };

  function given({ fsync = false, changes = {} }: { fsync?: boolean; changes?: Partial<Files> } = {}) {
    const dir = folder();
    const files = watched(changes);
    const reports: Error[] = [];
    const report = (error: Error) => void reports.push(error);
    const turns = new Turns({ files, dir, locks: { timeout: 5_000, staleAge: 4_000 }, report });
    const entries = new EntryFolder(dir, { files, fsync, adopt: undefined, report });
    const made = new EntryChanges(entries, turns);
    return { dir, files, reports, entries, changes: made, place: { path: join(dir, 'x.json'), sid: 'a' } };
  }

  /** Somebody else who writes there too. */
  function beside(dir: string) {
    const [writers, owner] = [new Writers(nodeFiles, dir), newOwner()];
    writers.open(owner);
    return { writers, owner };
  }

  it('reads, changes and writes under the lock where others write, and lets go of it', async () => {
    const { dir, files, changes, place, entries } = given();
    beside(dir);
    let seen: unknown = 'nothing';
    await changes.make(place, (found) => {
      seen = found;
      expect(namesIn(dir)).to.deep.equal(['x.lock']);
      return entry;
    });
    expect(seen).to.equal(undefined);
    expect(entries.read(place)).to.deep.equal({ ...entry, sid: 'a' });
    expect(namesIn(dir)).to.deep.equal(['x.json']);
    expect(files.calls.filter((call) => !/Sync$/.test(call))).to.deep.equal([
      'link',
      'open',
      'write',
      'rename',
      'rename',
    ]);
  });

  it('needs no lock where nobody else writes, and writes the next file into one that it replaced', async () => {
    const { dir, files, changes, place, entries } = given();
    const other = { path: join(dir, 'y.json'), sid: 'b' };
    const calls = () => files.calls.splice(0).filter((call) => !/Sync$/.test(call));
    await changes.make(place, () => entry);
    expect(calls()).to.deep.equal(['open', 'write', 'rename']);
    await changes.make(place, (found) => ({ ...(found as Entry), data: '{"n":2}' }));
    expect(calls()).to.deep.equal(['link', 'open', 'write', 'rename']);
    await changes.make(other, () => ({ ...entry, data: '{"m":1}' }));
    expect(calls()).to.deep.equal(['rename']);
    expect(entries.read(place)).to.include({ sid: 'a', data: '{"n":2}' });
    expect(entries.read(other)).to.include({ sid: 'b', data: '{"m":1}' });
    expect(namesIn(dir)).to.deep.equal(['x.json', 'y.json']);
  });

  it('reads and changes again where another process took over before the write', async () => {
    const { dir, changes, place, entries } = given();
    const writers = new Writers(nodeFiles, dir);
    const seen: unknown[] = [];
    await changes.make(place, () => entry);
    await changes.make(place, (found) => {
      seen.push(found?.data);
      if (seen.length > 1) return { ...entry, data: '{"n":8}' };
      for (const name of readdirSync(join(dir, '.writers'))) {
        const owner = parseOwner(name);
        if (owner !== undefined) writers.revoke(owner);
      }
      // What that one wrote.
      writeFileSync(place.path, formatEntry('a', { ...entry, data: '{"n":7}' }));
      return { ...entry, data: '{"lost":1}' };
    });
    expect(seen).to.deep.equal(['{"n":1}', '{"n":7}']);
    expect(entries.read(place)?.data).to.equal('{"n":8}');
    expect(namesIn(dir)).to.deep.equal(['x.json']);
  });

  it('removes what the change makes nothing of, and writes nothing where it leaves things', async () => {
    const { dir, files, changes, place } = given();
    await changes.make(place, () => entry);
    files.calls.length = 0;
    await changes.make(place, (found) => found);
    expect(files.calls).to.not.include.oneOf(['open', 'rename']);
    await changes.make(place, () => undefined);
    expect(namesIn(dir)).to.deep.equal([]);
  });

  it('finds nothing where something else than an entry is, and writes beside what it moved aside', async () => {
    const { dir, changes, place, entries, reports } = given();
    writeFileSync(place.path, 'not an entry');
    let seen: unknown = 'nothing';
    await changes.make(place, (found) => {
      seen = found;
      return entry;
    });
    expect(seen).to.equal(undefined);
    expect(entries.read(place)).to.include({ sid: 'a' });
    expect(namesIn(dir)).to.deep.equal(['x.corrupt', 'x.json']);
    expect(reports.map((error) => 'code' in error && error.code)).to.deep.equal(['SESSILE_CORRUPT']);
  });

  it('waits while another one has the lock', async () => {
    const { dir, changes, place } = given();
    const { owner } = beside(dir);
    nodeFiles.lockSync(join(dir, 'x.lock'), formatOwner(newTurn(owner)));
    let isIn = false;
    const waiting = changes.make(place, () => {
      isIn = true;
      return entry;
    });
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(isIn).to.equal(false);
    unlinkSync(join(dir, 'x.lock'));
    await waiting;
    expect(isIn).to.equal(true);
  });

  it('lets go of the lock where the change throws', async () => {
    const { dir, changes, place } = given();
    beside(dir);
    const failure = await failureOf(() =>
      changes.make(place, () => {
        throw new Error('mine');
      }),
    );
    expect(failure.message).to.equal('mine');
    expect(namesIn(dir)).to.deep.equal([]);
  });

  it('removes without a lock where the disk is too full for one, and refuses to write', async () => {
    let isFull = false;
    const link: Files['link'] = async (from, to) => {
      if (isFull) throw systemError('ENOSPC', 'link');
      await nodeFiles.link(from, to);
    };
    const lock: Files['lock'] = async (path, record) => {
      if (isFull) throw systemError('ENOSPC', 'symlink');
      return nodeFiles.lock(path, record);
    };
    const { dir, changes, place } = given({ changes: { link, lock } });
    beside(dir);
    await changes.make(place, () => entry);
    isFull = true;
    expect(await failureOf(() => changes.make(place, () => ({ ...entry })))).to.have.property('code', 'SESSILE_IO');
    expect(namesIn(dir)).to.deep.equal(['x.json']);
    await changes.make(place, () => undefined);
    expect(namesIn(dir)).to.deep.equal([]);
  });

  it('has written what it wrote, whatever becomes of the lock, and reports that', async () => {
    const rename: Files['rename'] = async (from, to) => {
      if (String(from).endsWith('.lock')) throw systemError('EIO', 'rename');
      await nodeFiles.rename(from, to);
    };
    const { dir, changes, place, entries, reports } = given({ changes: { rename } });
    beside(dir);
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
