import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Entry } from '../../lib/backend.js';
import { RecordTable } from '../../lib/internal/record-table.js';
import type { SqliteDatabase } from '../../lib/internal/sqlite-library.js';
import { failureOf, folders } from '../support/folder.js';

const Database = createRequire(import.meta.url)('better-sqlite3') as new (path: string) => SqliteDatabase;
const entry = (n: number, expires = 5_000): Entry => ({ data: `{"n":${n}}`, cookie: '', expires });

describe('RecordTable', () => {
  const folder = folders();
  const opened: { close(): unknown }[] = [];
  const track = <T extends { close(): unknown }>(one: T): T => {
    opened.push(one);
    return one;
  };
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one.close();
  });

  it('puts, finds, replaces and removes', async () => {
    const table = track(new RecordTable(':memory:', 'http_sessions'));
    expect(await table.read('a')).to.equal(undefined);
    await table.update('a', () => entry(1));
    await table.update('a', () => entry(2));
    expect(await table.read('a')).to.deep.equal(entry(2));
    await table.update('b', () => entry(1, 8.64e15));
    expect(await table.read('b')).to.deep.equal(entry(1, 8.64e15));
    await table.update('a', () => undefined);
    await table.update('a', () => undefined);
    expect(await table.read('a')).to.equal(undefined);
  });

  it('reads what was written before, whether or not that is committed', async () => {
    const table = track(new RecordTable(':memory:', 'http_sessions'));
    const written = table.update('a', () => entry(1));
    expect(await table.read('a')).to.deep.equal(entry(1));
    await written;
  });

  it('changes one id one at a time, from two connections too, and passes on what a change throws', async () => {
    const path = join(folder(), 'app.db');
    const tables = [track(new RecordTable(path, 'http_sessions')), track(new RecordTable(path, 'http_sessions'))];
    const more = (found: Entry | undefined) => entry(found ? JSON.parse(found.data).n + 1 : 1);
    await Promise.all(Array.from({ length: 40 }, (_, i) => tables[i % 2]?.update('a', more)));
    expect(await tables[0]?.read('a')).to.deep.equal(entry(40));
    const broken = new Error('of the change');
    const failures = await Promise.allSettled([
      tables[0]?.update('a', () => {
        throw broken;
      }),
      tables[0]?.update('a', more),
    ]);
    expect(failures.map(({ status }) => status)).to.deep.equal(['rejected', 'fulfilled']);
    expect((failures[0] as PromiseRejectedResult).reason).to.equal(broken);
    expect(await tables[1]?.read('a')).to.deep.equal(entry(41));
  });

  it('prunes the dead stretch by stretch, and leaves rows that have no deadline', async () => {
    const database = track(new Database(':memory:'));
    const table = track(new RecordTable(database, 'http_sessions'));
    const ids = Array.from({ length: 450 }, (_, i) => `id-${i}`);
    await Promise.all(
      ids.map((id, i) => table.update(id, () => entry(i, i % 3 === 0 ? 6_000 : i % 3 === 1 ? 5_000 : 8.64e15))),
    );
    expect(await table.prune(5_000)).to.equal(150);
    expect(database.prepare('SELECT count(*) AS n FROM http_sessions').get()).to.deep.equal({ n: 300 });
    expect(await table.prune(5_999)).to.equal(0);
    expect(await table.prune(6_000)).to.equal(150);
  });

  it("leaves an open database's settings alone, and does not close it", async () => {
    const database = track(new Database(join(folder(), 'app.db')));
    const settings = () =>
      ['journal_mode', 'synchronous', 'busy_timeout', 'user_version', 'application_id'].map((name) =>
        JSON.stringify(database.prepare(`PRAGMA ${name}`).get()),
      );
    const before = settings();
    const table = new RecordTable(database, 'http_sessions');
    await table.update('a', () => entry(1));
    await table.close();
    expect(settings()).to.deep.equal(before);
    expect(database.prepare('SELECT id FROM http_sessions').all()).to.deep.equal([{ id: 'a' }]);
  });

  it('tells of a database that fails, with a code', async () => {
    const database = track(new Database(':memory:'));
    const table = new RecordTable(database, 'http_sessions');
    database.exec('DROP TABLE http_sessions');
    expect(await failureOf(() => table.read('a'))).to.include({ code: 'SESSILE_IO' });
    expect(await failureOf(() => table.update('a', () => entry(1)))).to.include({ code: 'SESSILE_IO' });
  });

  it('refuses a table that is another, and what is no database', async () => {
    const database = track(new Database(':memory:'));
    database.exec('CREATE TABLE mine (id TEXT PRIMARY KEY, payload BLOB)');
    expect(await failureOf(() => new RecordTable(database, 'mine'))).to.include({ code: 'SESSILE_BAD_SCHEMA' });
    const wrong = [
      () => new RecordTable('', 'x'),
      () => new RecordTable({} as SqliteDatabase, 'x'),
      () => new RecordTable(database, 'x"; DROP TABLE mine; --'),
    ];
    for (const act of wrong) expect(await failureOf(act)).to.include({ code: 'SESSILE_MISUSE' });
    const missing = join(folder(), 'none', 'app.db');
    expect(await failureOf(() => new RecordTable(missing, 'x'))).to.include({ code: 'SESSILE_BAD_PATH' });
  });
});
