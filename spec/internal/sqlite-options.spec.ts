import { expect } from 'chai';
import { openFile } from '../../lib/internal/sqlite-library.js';
import { checkOptions, type SqliteBackendOptions } from '../../lib/internal/sqlite-options.js';

const usual = { table: 'sessions', synchronous: 'normal', lockTimeout: 5_000, adopted: undefined };

describe('the options of SqliteStore', () => {
  it('are completed', () => {
    const connect = { from: 'connect-sqlite3', table: 'sessions' };
    const cases: readonly [SqliteBackendOptions, object][] = [
      [{}, {}],
      [
        { table: 'visits', lockTimeout: 0 },
        { table: 'visits', lockTimeout: 0 },
      ],
      [{ synchronous: 'full' }, { synchronous: 'full' }],
      [{ adopt: 'connect-sqlite3' }, { table: 'sessile_sessions', adopted: connect }],
      [
        { table: 'sessions', adopt: { from: 'connect-sqlite3', table: 'old' } },
        { adopted: { ...connect, table: 'old' } },
      ],
    ];
    for (const [given, wanted] of cases) expect(checkOptions('a.db', given)).to.deep.equal({ ...usual, ...wanted });
    const database = openFile(':memory:');
    expect(checkOptions(database, {})).to.deep.equal(usual);
    database.close();
  });

  for (const [wrong, words] of [
    [{ table: 7 }, 'table'],
    [{ synchronous: 'off' }, "synchronous must be 'normal' or 'full', not a string"],
    [{ lockTimeout: -1 }, 'lockTimeout must be a finite number of milliseconds >= 0, not -1'],
    [{ adopt: 'connect-redis' }, 'adopt must be'],
    [{ adopt: 'connect-sqlite3', table: 'Sessions' }, 'table must be another than that of adopt'],
  ] as const) {
    it(`are refused: ${JSON.stringify(wrong)}`, () => {
      const check = () => checkOptions('a.db', wrong as unknown as SqliteBackendOptions);
      expect(check).to.throw(TypeError, words).with.property('code', 'SESSILE_MISUSE');
    });
  }

  it('come with a path or a database', () => {
    for (const [database, words] of [
      [undefined, 'not undefined'],
      ['', 'not a string'],
      [{}, 'not an object'],
    ] as const) {
      const check = () => checkOptions(database, {});
      expect(check).to.throw(TypeError, words).with.property('code', 'SESSILE_MISUSE');
    }
  });
});
