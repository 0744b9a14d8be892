import { expect } from 'chai';
import { openFile, type SqliteDatabase } from '../../lib/internal/sqlite-library.js';
import { EntryRows } from '../../lib/internal/sqlite-rows.js';
import { first, prepareDatabase } from '../../lib/internal/sqlite-schema.js';

describe('EntryRows', () => {
  let database: SqliteDatabase;
  let rows: EntryRows;

  beforeEach(() => {
    database = openFile(':memory:');
    prepareDatabase(database, { table: 'sessions', synchronous: 'normal', lockTimeout: 0 });
    rows = new EntryRows(database, 'sessions');
  });
  afterEach(() => database.close());

  const entry = (expires: number, data = '{}') => ({ data, cookie: '{"c":1}', expires });
  const fill = (count: number, expires: (i: number) => number) => {
    for (let i = 0; i < count; i += 1) rows.insert(`k${String(i).padStart(5, '0')}`, entry(expires(i)));
  };

  it('finds, replaces and removes a row', () => {
    expect(rows.find('a')).to.equal(undefined);
    rows.insert('a', entry(5));
    const { id = 0, entry: found } = rows.find('a') ?? {};
    expect(found).to.deep.equal(entry(5));
    rows.replace(id, entry(6, '{"n":1}'));
    expect(rows.find('a')).to.deep.equal({ id, entry: entry(6, '{"n":1}') });
    rows.remove(id);
    expect(rows.find('a')).to.equal(undefined);
  });

  it('puts over what is there, and where nothing is', () => {
    const odd = { data: '{"a":"\u001f\ud83d\ude00"}', cookie: '', expires: 8.64e15 };
    for (const next of [entry(5), odd, entry(0, '"text"')]) {
      rows.put('a', next);
      expect(rows.read('a')).to.deep.equal(next);
      expect(rows.find('a')).to.deep.equal({ id: 1, entry: next });
    }
    expect(rows.read('b')).to.equal(undefined);
    expect(first(database, 'SELECT count(*) FROM sessions')).to.equal(1);
  });

  it('keeps deadlines from 0 to the end of time, and refuses any other', () => {
    for (const expires of [0, 1, 8.64e15]) {
      rows.insert(`at ${expires}`, entry(expires));
      expect(rows.find(`at ${expires}`)?.entry.expires).to.equal(expires);
    }
    for (const expires of [-1, 8.64e15 + 2, 1.5, Number.NaN]) {
      expect(() => rows.insert(`at ${expires}`, entry(expires))).to.throw();
    }
  });

  it('touches the living alone, and only a cookie that is as expected', () => {
    rows.insert('a', entry(5));
    expect(rows.touch('none', { expires: 9, cookie: '{}' }, 0)).to.equal(false);
    expect(rows.touch('a', { expires: 9, cookie: '{}' }, 5)).to.equal(false);
    expect(rows.touch('a', { expires: 9, cookie: '{}', expected: 'another' }, 4)).to.equal(false);
    expect(rows.find('a')?.entry).to.deep.equal(entry(5));
    expect(rows.touch('a', { expires: 9, cookie: '{}', expected: '{"c":1}' }, 4)).to.equal(true);
    expect(rows.find('a')?.entry).to.deep.equal({ data: '{}', cookie: '{}', expires: 9 });
  });

  it('pages through all keys in their order, the empty one too', () => {
    rows.insert('', entry(1));
    fill(250, () => 1);
    const keys: string[] = [];
    for (let last: string | undefined; ; last = keys.at(-1)) {
      const page = rows.page(last);
      expect(page.length).to.be.at.most(100);
      if (page.length === 0) break;
      keys.push(...page.map(({ key }) => key));
    }
    expect(keys).to.deep.equal(['', ...Array.from({ length: 250 }, (_, i) => `k${String(i).padStart(5, '0')}`)]);
  });

  it('counts stretch by stretch', () => {
    fill(2_300, (i) => (i % 3 === 0 ? 5 : 6));
    const found = { size: 0, alive: 0, stretches: 0 };
    for (let after = 0; ; found.stretches += 1) {
      const { last, size, alive } = rows.stretch(after, 5);
      if (last === undefined) break;
      found.size += size;
      found.alive += alive;
      after = last;
    }
    expect(found).to.deep.equal({ size: 2_300, alive: 1_533, stretches: 3 });
    expect(rows.last()).to.equal(2_300);
  });

  it('removes the dead of a stretch some at a time, and nothing else', () => {
    fill(100, (i) => (i % 2 ? 5 : 6));
    let removed = 0;
    for (let done = false; !done; ) {
      const step = rows.removeDead(20, 80, 5);
      expect(step.removed).to.be.at.most(25);
      removed += step.removed;
      done = step.done;
    }
    expect(removed).to.equal(30);
    expect(first(database, 'SELECT count(*) FROM sessions')).to.equal(70);
    expect(first(database, 'SELECT count(*) FROM sessions WHERE expires = 6')).to.equal(50);
  });

  it('removes everything up to a row, and spares what came later', () => {
    fill(60, () => 5);
    const last = rows.last();
    rows.insert('later', entry(5));
    while (!rows.removeAny(last));
    expect(rows.page(undefined).map(({ key }) => key)).to.deep.equal(['later']);
    expect(new EntryRows(database, 'sessions').last()).to.equal(61);
  });

  it('reads numbers where a connection answers BigInts', () => {
    rows.insert('a', entry(5));
    const big: SqliteDatabase = {
      exec: (sql) => database.exec(sql),
      close: () => {},
      prepare: (sql) => {
        const statement = database.prepare(sql);
        const toBig = (row: unknown) =>
          row && Object.fromEntries(Object.entries(row).map(([k, v]) => [k, typeof v === 'number' ? BigInt(v) : v]));
        return {
          run: (...values) => ({ changes: BigInt(statement.run(...values).changes) }),
          get: (...values) => toBig(statement.get(...values)),
          all: (...values) => statement.all(...values).map(toBig),
        };
      },
    };
    const others = new EntryRows(big, 'sessions');
    expect(others.find('a')?.entry).to.deep.equal(entry(5));
    expect(others.read('none')).to.equal(undefined);
    others.replace(others.find('a')?.id ?? 0, entry(7));
    expect(others.page(undefined)).to.deep.equal([{ key: 'a', entry: entry(7) }]);
    expect(others.stretch(0, 7)).to.deep.equal({ last: 1, size: 1, alive: 0 });
    expect(others.removeDead(0, 1, 7)).to.deep.equal({ removed: 1, done: true });
  });
});
