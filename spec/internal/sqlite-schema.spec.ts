import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { openFile, type SqliteDatabase } from '../../lib/internal/sqlite-library.js';
import { checkTable, columnsOf, first, prepareDatabase } from '../../lib/internal/sqlite-schema.js';
import { folder } from '../sqlite/children.js';

const options = { table: 'sessions', synchronous: 'normal', lockTimeout: 200 } as const;

function errorOf(act: () => unknown): { code: string; message: string } {
  try {
    act();
  } catch (error) {
    return error as { code: string; message: string };
  }
  return expect.fail('it did not throw');
}

describe('prepareDatabase', () => {
  const made = folder();
  const open: SqliteDatabase[] = [];
  const connect = (name = 'a.db'): SqliteDatabase => {
    const database = openFile(name === ':memory:' ? name : join(made.path, name));
    open.push(database);
    return database;
  };

  afterEach(() => {
    for (const database of open.splice(0)) database.close();
  });

  for (const [synchronous, number, sync] of [
    ['normal', 1, 0],
    ['full', 2, 1],
  ] as const) {
    it(`sets every setting on every connection, synchronous ${synchronous}`, () => {
      for (const database of [connect(), connect()]) {
        // What a connection may come with.
        database.exec('PRAGMA synchronous = OFF; PRAGMA busy_timeout = 5000; PRAGMA secure_delete = OFF');
        prepareDatabase(database, { ...options, synchronous });
        const found = ['journal_mode', 'synchronous', 'busy_timeout', 'secure_delete', 'auto_vacuum', 'trusted_schema'];
        const values = found.map((pragma) => first(database, `PRAGMA ${pragma}`));
        expect(values).to.deep.equal(['wal', number, 0, 1, 2, 0]);
        const syncs = ['fullfsync', 'checkpoint_fullfsync'].map((pragma) => first(database, `PRAGMA ${pragma}`));
        expect(syncs).to.deep.equal([sync, sync]);
      }
    });
  }

  it('marks a file that it made, and changes nothing when it is opened again', () => {
    const database = connect();
    prepareDatabase(database, options);
    const state = () =>
      ['application_id', 'user_version', 'schema_version'].map((name) => first(database, `PRAGMA ${name}`));
    const before = state();
    expect(before.slice(0, 2)).to.deep.equal([0x5365736c, 1]);
    prepareDatabase(database, options);
    prepareDatabase(connect(), options);
    expect(state()).to.deep.equal(before);
  });

  it('leaves the version of a database alone that an app has tables in', () => {
    const database = connect();
    database.exec('CREATE TABLE users (id); PRAGMA user_version = 17; PRAGMA application_id = 99');
    prepareDatabase(database, options);
    expect(first(database, 'PRAGMA user_version')).to.equal(17);
    expect(first(database, 'PRAGMA application_id')).to.equal(99);
    expect(columnsOf(database, 'sessions')).to.contain('key TEXT');
  });

  it('refuses a newer format and changes nothing', () => {
    const database = connect();
    prepareDatabase(database, options);
    database.exec('PRAGMA user_version = 2; DROP TABLE sessions');
    const error = errorOf(() => prepareDatabase(database, options));
    expect(error.code).to.equal('SESSILE_FORMAT');
    expect(error.message).to.match(/format 2/);
    expect(columnsOf(database, 'sessions')).to.equal('');
  });

  for (const [kind, sql] of [
    ['a table with other columns', 'CREATE TABLE sessions (sid PRIMARY KEY, expired, sess)'],
    ['a table in other capitals', 'CREATE TABLE Sessions (sid PRIMARY KEY, expired, sess)'],
    ['a view', 'CREATE VIEW sessions AS SELECT 1 AS key'],
  ] as const) {
    it(`refuses ${kind} of that name and leaves it`, () => {
      const database = connect();
      database.exec(sql);
      expect(errorOf(() => prepareDatabase(database, options)).code).to.equal('SESSILE_BAD_SCHEMA');
      expect(first(database, "SELECT sql FROM sqlite_schema WHERE lower(name) = 'sessions'")).to.equal(sql);
    });
  }

  it('refuses a file that is no database and leaves it', () => {
    writeFileSync(
      join(made.path, 'a.db'),
      'no database at all, but long enough to be looked at as if it were'.repeat(100),
    );
    expect(errorOf(() => prepareDatabase(connect(), options)).code).to.equal('SESSILE_BAD_PATH');
  });

  it('refuses what only looks like a database', () => {
    // The asynchronous sqlite3 package answers `get` with the statement.
    const statement = { run: () => statement, get: () => statement, all: () => statement };
    const asynchronous = { exec: () => {}, prepare: () => statement, close: () => {} } as unknown as SqliteDatabase;
    expect(errorOf(() => prepareDatabase(asynchronous, options)).code).to.equal('SESSILE_MISUSE');
  });

  it('refuses a database that is closed, with a code', () => {
    const database = openFile(':memory:');
    database.close();
    expect(errorOf(() => prepareDatabase(database, options)).code).to.equal('SESSILE_IO');
  });

  it('says so where there can be no write-ahead log, as on a network drive', () => {
    const database = connect(':memory:');
    const elsewhere: SqliteDatabase = {
      exec: (sql) => database.exec(sql),
      prepare: (sql) => database.prepare(sql.replace('PRAGMA journal_mode = WAL', "SELECT 'delete'")),
      close: () => {},
    };
    const error = errorOf(() => prepareDatabase(elsewhere, options));
    expect(error.code).to.equal('SESSILE_BAD_PATH');
    expect(error.message).to.match(/journal_mode is delete/);
  });

  it('says so where a setting does not stick', () => {
    const database = connect(':memory:');
    const stubborn: SqliteDatabase = {
      exec: (sql) => (sql.startsWith('PRAGMA synchronous') ? undefined : database.exec(sql)),
      prepare: (sql) => database.prepare(sql),
      close: () => {},
    };
    const error = errorOf(() => prepareDatabase(stubborn, { ...options, synchronous: 'normal' }));
    expect(error.code).to.equal('SESSILE_IO');
  });

  it('gives up with a coded error where another connection keeps the file locked', () => {
    const other = connect();
    other.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (x); BEGIN EXCLUSIVE');
    const error = errorOf(() => prepareDatabase(connect(), { ...options, lockTimeout: 30 }));
    expect(error.code).to.equal('SESSILE_LOCK_TIMEOUT');
    other.exec('ROLLBACK');
  });

  it('opens a prepared file at once while another connection writes to it', () => {
    const other = connect();
    prepareDatabase(other, options);
    other.exec('BEGIN IMMEDIATE');
    prepareDatabase(connect(), { ...options, lockTimeout: 0 });
    other.exec('ROLLBACK');
  });
});

describe('checkTable', () => {
  for (const table of ['sessions', '_x', 'A1', 'select', 'x'.repeat(63)]) {
    it(`takes ${table}`, () => checkTable('table', table));
  }

  for (const table of [
    '',
    '1a',
    'a b',
    'a"b',
    'a;b',
    'a.b',
    'ä',
    'sqlite_x',
    'SQLITE_x',
    'x'.repeat(64),
    5,
    null,
    ['a'],
    'a\n',
  ]) {
    it(`refuses ${JSON.stringify(table)}`, () => {
      expect(errorOf(() => checkTable('table', table)).code).to.equal('SESSILE_MISUSE');
    });
  }
});
