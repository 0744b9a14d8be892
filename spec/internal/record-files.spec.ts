import { type PathLike, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Files, nodeFiles } from '../../lib/internal/files.js';
import { formatOwner, newOwner } from '../../lib/internal/owner.js';
import { RecordFiles } from '../../lib/internal/record-files.js';
import { failureOf, folders, namesIn, program, systemError, watched } from '../support/folder.js';

const entry = { data: '{"x":1}', cookie: '', expires: 5_000 };
const TEXT = '{"data":{"x":1},"expiresAt":5}';

describe('RecordFiles', () => {
  const folder = folders();

  it('writes one file per id, for the owner alone, and leaves nothing beside it', async () => {
    const dir = join(folder(), 'new');
    const files = new RecordFiles(dir);
    await files.update('one', () => entry);
    expect(namesIn(dir)).to.deep.equal(['one.json']);
    expect(readFileSync(join(dir, 'one.json'), 'utf8')).to.equal(TEXT);
    expect([dir, join(dir, 'one.json')].map((path) => statSync(path).mode & 0o777)).to.deep.equal([0o700, 0o600]);
    expect(await files.read('one')).to.deep.equal(entry);
    await files.update('one', () => undefined);
    expect(namesIn(dir)).to.deep.equal([]);
  });

  it('does not write what does not change', async () => {
    const dir = folder();
    const io = watched();
    const files = new RecordFiles(dir, io);
    await files.update('one', () => entry);
    io.calls.length = 0;
    await files.update('one', (current) => current);
    expect(io.calls).not.to.include('rename');
  });

  it('changes one id one at a time, between processes too', async function () {
    this.timeout(180_000);
    const dir = folder();
    const body = `
      const { RecordFiles } = await import(lib('internal/record-files.js'));
      const files = new RecordFiles(${JSON.stringify(dir)});
      const more = (found) => ({ data: '{"n":' + ((found ? JSON.parse(found.data).n : 0) + 1) + '}', cookie: '', expires: 5000 });
      await Promise.all(Array.from({ length: 25 }, () => files.update('one', more)));
    `;
    await Promise.all([program(body), program(body), program(body)]);
    expect(await new RecordFiles(dir).read('one')).to.include({ data: '{"n":75}' });
    expect(namesIn(dir)).to.deep.equal(['one.json']);
  });

  it('keeps the former file where writing fails, and says so with a code', async () => {
    const dir = folder();
    await new RecordFiles(dir).update('one', () => entry);
    for (const changes of [
      { write: async () => 3 },
      {
        rename: async (from: PathLike, to: PathLike) => {
          if (String(to).endsWith('.json')) throw systemError('EIO', 'rename');
          await nodeFiles.rename(from, to);
        },
      },
      { link: () => Promise.reject(systemError('EIO', 'link')) },
    ] as Partial<Files>[]) {
      const files = new RecordFiles(dir, watched(changes));
      const failure = await failureOf(() => files.update('one', () => ({ ...entry, data: '{"y":1}' })));
      expect(failure).to.include({ code: 'SESSILE_IO' });
      expect(namesIn(dir)).to.deep.equal(['one.json']);
      expect(readFileSync(join(dir, 'one.json'), 'utf8')).to.equal(TEXT);
    }
  });

  it('tells that its directory is gone, and does not take that for a missing session', async () => {
    const dir = folder();
    const files = new RecordFiles(dir);
    rmSync(dir, { recursive: true });
    for (const act of [() => files.read('one'), () => files.update('one', () => entry), () => files.prune(0)])
      expect(await failureOf(act)).to.include({ code: 'SESSILE_BAD_PATH' });
  });

  it('follows no link: it is set aside like anything that is no record', async () => {
    const dir = folder();
    const outside = join(folder(), 'outside.json');
    writeFileSync(outside, TEXT);
    symlinkSync(outside, join(dir, 'one.json'));
    const files = new RecordFiles(dir);
    const reported: unknown[] = [];
    files.report = (error) => reported.push((error as { code?: unknown }).code);
    expect(await files.read('one')).to.equal(undefined);
    expect(reported).to.deep.equal(['SESSILE_CORRUPT']);
    expect(readFileSync(outside, 'utf8')).to.equal(TEXT);
    await files.update('one', () => entry);
    expect(readFileSync(outside, 'utf8')).to.equal(TEXT);
  });

  it('says so where what is no record cannot be set aside', async () => {
    const dir = folder();
    writeFileSync(join(dir, 'one.json'), '{');
    const files = new RecordFiles(dir, watched({ rename: () => Promise.reject(systemError('EIO', 'rename')) }));
    expect(await failureOf(() => files.read('one'))).to.include({ code: 'SESSILE_IO' });
  });

  it('prunes the dead and what dead writers left, and nothing else', async () => {
    const dir = folder();
    const files = new RecordFiles(dir);
    await files.update('dead', () => entry);
    await files.update('alive', () => ({ ...entry, expires: 5_001 }));
    symlinkSync(formatOwner({ ...newOwner(), start: '1' }), join(dir, `${'ab'.repeat(32)}.lock`));
    for (const name of ['theirs.txt', 'a b.json']) writeFileSync(join(dir, name), '');
    expect(await files.prune(5_000)).to.equal(1);
    expect(namesIn(dir)).to.deep.equal(['a b.json', 'alive.json', 'theirs.txt']);
    files.close();
  });

  it('reports a leftover that cannot be removed, and goes on', async () => {
    const dir = folder();
    symlinkSync(formatOwner({ ...newOwner(), start: '1' }), join(dir, `${'ab'.repeat(32)}.lock`));
    const unlinkSync = () => {
      throw systemError('EACCES', 'unlink');
    };
    const files = new RecordFiles(dir, watched({ unlinkSync }));
    const reported: unknown[] = [];
    files.report = (error) => reported.push((error as { code?: unknown }).code);
    expect(await files.prune(5_000)).to.equal(0);
    expect(reported).to.deep.equal(['SESSILE_IO']);
  });
});
