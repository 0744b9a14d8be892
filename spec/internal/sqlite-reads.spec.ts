import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { openFile, type SqliteDatabase, type SqliteStatement } from '../../lib/internal/sqlite-library.js';
import { GroupRead } from '../../lib/internal/sqlite-reads.js';
import { folder } from '../sqlite/children.js';

interface Watched extends SqliteDatabase {
  /** BEGIN and COMMIT, as they were run. */
  readonly ran: string[];
  failing: string | undefined;
}

function watch(database: SqliteDatabase): Watched {
  const prepare = (sql: string): SqliteStatement => {
    const statement = database.prepare(sql);
    const run = (...values: Parameters<SqliteStatement['run']>) => {
      watched.ran.push(sql);
      if (watched.failing === sql) throw new Error(`${sql} failed`);
      return statement.run(...values);
    };
    return { run, get: (...values) => statement.get(...values), all: (...values) => statement.all(...values) };
  };
  const { exec, close } = database;
  const watched: Watched = {
    ran: [],
    failing: undefined,
    prepare,
    exec: exec.bind(database),
    close: close.bind(database),
  };
  return watched;
}

describe('GroupRead', () => {
  const made = folder();
  let database: Watched;
  let other: SqliteDatabase;
  let reads: GroupRead;

  beforeEach(() => {
    database = watch(openFile(join(made.path, 'a.db')));
    database.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (x INTEGER); INSERT INTO t VALUES (1)');
    other = openFile(join(made.path, 'a.db'));
    reads = new GroupRead(database);
  });
  afterEach(() => {
    database.close();
    other.close();
  });

  const add = (act: () => unknown) => reads.add(act, undefined);
  const look = () => (database.prepare('SELECT max(x) AS x FROM t').get() as { x: number }).x;
  const settled = (...answers: unknown[]) => Promise.allSettled(answers);
  const fulfilled = (...values: unknown[]) => values.map((value) => ({ status: 'fulfilled', value }));

  it('begins no transaction for a read that is alone', async () => {
    for (let time = 0; time < 3; time += 1) expect(await add(look)).to.equal(1);
    expect(database.ran).to.deep.equal([]);
  });

  it('runs those of one turn in one transaction, when the turn ends', async () => {
    const answers = [add(look)];
    await undefined;
    process.nextTick(() => answers.push(add(look)));
    await new Promise((resolve) => process.nextTick(resolve));
    expect(database.ran).to.deep.equal([]);
    await nextTurn();
    expect(database.ran).to.deep.equal(['BEGIN', 'COMMIT']);
    expect(await Promise.all(answers)).to.deep.equal([1, 1]);
  });

  it('shows each read what was committed before it was asked for', async () => {
    const early = [add(look), add(look)];
    other.exec('INSERT INTO t VALUES (2)');
    const late = add(look);
    expect(await Promise.all([...early, late])).to.deep.equal([2, 2, 2]);
  });

  it('shows a read that is asked for while a group runs what was committed by then', async () => {
    let nested: unknown;
    const commitAndAsk = () => {
      const seen = look();
      other.exec('INSERT INTO t VALUES (2)');
      nested = add(look);
      return seen;
    };
    const answers = [add(look), add(commitAndAsk), add(look)];
    expect(await Promise.all(answers)).to.deep.equal([1, 1, 1]);
    expect(await nested).to.equal(2);
  });

  it('lets a read fail alone, and go on later', async () => {
    const fails = () => {
      throw new Error('damaged');
    };
    const answers = [look, fails, () => Promise.resolve(7), look].map((each) => add(each));
    const [first, second, third, fourth] = await settled(...answers);
    expect([first, third, fourth]).to.deep.equal(fulfilled(1, 7, 1));
    expect(second).to.have.nested.property('reason.message', 'damaged');
    expect(database.ran).to.deep.equal(['BEGIN', 'COMMIT']);
  });

  it("reads inside a transaction of the connection's owner, and leaves it open", async () => {
    database.exec('BEGIN; INSERT INTO t VALUES (5)');
    expect(await settled(add(look), add(look), add(look))).to.deep.equal(fulfilled(5, 5, 5));
    expect(database.ran).to.deep.equal(['BEGIN']);
    database.exec('ROLLBACK');
    expect(look()).to.equal(1);
  });

  it('leaves no transaction open where the end of one fails', async () => {
    database.failing = 'COMMIT';
    expect(await settled(add(look), add(look), add(look))).to.deep.equal(fulfilled(1, 1, 1));
    database.exec('BEGIN; COMMIT');
  });
});
