import { expect } from 'chai';
import fc from 'fast-check';
import { keyOf, sidOf } from '../../lib/internal/sqlite-key.js';
import { openFile } from '../../lib/internal/sqlite-library.js';

/** Any code units: lone surrogates, NUL, quotes, and the JSON text of other ids. */
const anyId = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)), maxLength: 12 }),
  fc.string({ unit: fc.constantFrom('"', '\\', '\0', '\ud800', '\udc00', 'a', 'u0000'), maxLength: 8 }),
);
const idOrItsJson = fc.oneof(
  anyId,
  anyId.map((id) => JSON.stringify(id)),
);

describe('keyOf and sidOf', () => {
  it('keep an ordinary id as it is', () => {
    expect(keyOf('mCuFvXwOyWvV7kJ1Qd0aPp3c9nBq5hTz')).to.equal('mCuFvXwOyWvV7kJ1Qd0aPp3c9nBq5hTz');
    expect(keyOf('user:Bj\u00f6rn/\ud83d\ude00')).to.equal('user:Bj\u00f6rn/\ud83d\ude00');
  });

  it('are each other’s reverse, for any id', () => {
    fc.assert(
      fc.property(idOrItsJson, (id) => sidOf(keyOf(id)) === id),
      { numRuns: 5_000 },
    );
  });

  it('make keys that UTF-8 can hold and that have no NUL', () => {
    fc.assert(
      fc.property(idOrItsJson, (id) => keyOf(id).isWellFormed() && !keyOf(id).includes('\0')),
      { numRuns: 5_000 },
    );
  });

  it('go through SQLite unchanged, and two ids stay two', () => {
    const database = openFile(':memory:');
    database.exec('CREATE TABLE t (key TEXT PRIMARY KEY NOT NULL) STRICT');
    const insert = database.prepare('INSERT INTO t VALUES (?) ON CONFLICT DO NOTHING');
    const ids = new Set(fc.sample(idOrItsJson, 5_000));
    for (const id of ids) insert.run(keyOf(id));
    const keys = database.prepare('SELECT key FROM t').all() as { key: string }[];
    expect(keys.length).to.equal(ids.size);
    expect(keys.every(({ key }) => ids.has(sidOf(key)))).to.equal(true);
    database.close();
  });
});
