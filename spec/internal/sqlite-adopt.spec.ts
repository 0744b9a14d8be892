import { expect } from 'chai';
import { AdoptedTable, type Adoption, checkAdoption } from '../../lib/internal/sqlite-adopt.js';
import { openFile, type SqliteDatabase } from '../../lib/internal/sqlite-library.js';

const TABLES = {
  'connect-sqlite3': 'CREATE TABLE sessions (sid PRIMARY KEY, expired, sess)',
  'better-sqlite3-session-store':
    'CREATE TABLE sessions (sid TEXT NOT NULL PRIMARY KEY, sess JSON NOT NULL, expire TEXT NOT NULL)',
} as const;
const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

describe('AdoptedTable', () => {
  let database: SqliteDatabase;
  const errors: Error[] = [];

  beforeEach(() => {
    database = openFile(':memory:');
    errors.length = 0;
  });
  afterEach(() => database.close());

  const open = (adopt: Adoption) => AdoptedTable.open(database, checkAdoption(adopt), (error) => errors.push(error));

  for (const [from, deadlines] of [
    ['connect-sqlite3', [AT, AT + 0.4]],
    ['better-sqlite3-session-store', [new Date(AT).toISOString()]],
  ] as const) {
    const column = from === 'connect-sqlite3' ? 'expired' : 'expire';
    const put = (sid: string, deadline: string | number, sess: string) =>
      database.prepare(`INSERT INTO sessions (sid, ${column}, sess) VALUES (?, ?, ?)`).run(sid, deadline, sess);

    it(`reads the rows of ${from}: the deadline of the column, the cookie apart`, () => {
      database.exec(TABLES[from]);
      const cookie = { originalMaxAge: 5, expires: '2030-01-01T00:00:00.000Z', path: '/' };
      deadlines.forEach((deadline, i) => {
        put(`id-${i}`, deadline, JSON.stringify({ cookie, n: i }));
      });
      const table = open(from);
      deadlines.forEach((_, i) => {
        expect(table?.find(`id-${i}`)).to.deep.equal({
          data: JSON.stringify({ n: i }),
          cookie: '{"originalMaxAge":5,"expires":"deadline","path":"/"}',
          expires: AT,
        });
      });
      expect(table?.find('none')).to.equal(undefined);
      table?.remove('id-0');
      expect(table?.find('id-0')).to.equal(undefined);
    });

    it(`takes a deadline of ${from} that cannot be read for one that has passed`, () => {
      database.exec(TABLES[from]);
      put('a', 'no date', '{"cookie":{}}');
      put('b', '', '{"cookie":{}}');
      expect(
        open(from)
          ?.page(undefined)
          .map(({ expires }) => expires),
      ).to.deep.equal([0, 0]);
    });

    it(`reports what is no session in the table of ${from}, and leaves it`, () => {
      database.exec(TABLES[from]);
      for (const [sid, sess] of Object.entries({ cut: '{"a', list: '[1]', text: '"x"', none: 'null' }))
        put(sid, 5, sess);
      const table = open(from);
      for (const sid of ['cut', 'list', 'text', 'none']) expect(table?.find(sid), sid).to.equal(undefined);
      expect(errors.map((error) => (error as Error & { code: string }).code)).to.deep.equal(
        Array(4).fill('SESSILE_CORRUPT'),
      );
      expect(table?.page(undefined)).to.have.length(4);
    });
  }

  it('is nothing where there is no such table', () => {
    expect(open('connect-sqlite3')).to.equal(undefined);
  });

  it('refuses a table of the other package', () => {
    database.exec(TABLES['better-sqlite3-session-store']);
    expect(() => open('connect-sqlite3'))
      .to.throw(/no sid, sess, expired/)
      .with.property('code', 'SESSILE_BAD_SCHEMA');
  });

  for (const adopt of [null, 5, '', 'connect-redis', {}, { from: 'x' }, { from: 'connect-sqlite3', table: 'a"b' }]) {
    it(`refuses to adopt ${JSON.stringify(adopt)}`, () => {
      expect(() => checkAdoption(adopt as Adoption))
        .to.throw(TypeError)
        .with.property('code', 'SESSILE_MISUSE');
    });
  }
});
