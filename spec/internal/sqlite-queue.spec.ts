import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { openFile, type SqliteDatabase, type SqliteStatement } from '../../lib/internal/sqlite-library.js';
import { GroupCommit, Thrown } from '../../lib/internal/sqlite-queue.js';
import { first } from '../../lib/internal/sqlite-schema.js';
import { folder } from '../sqlite/children.js';

interface Watched extends SqliteDatabase {
  /** BEGIN and COMMIT, as they were run. */
  readonly ran: string[];
  /** What the next COMMITs throw. */
  readonly commitErrors: Error[];
}

function watch(database: SqliteDatabase): Watched {
  const ran: string[] = [];
  const commitErrors: Error[] = [];
  const prepare = (sql: string): SqliteStatement => {
    const statement = database.prepare(sql);
    const run = (...values: Parameters<SqliteStatement['run']>) => {
      ran.push(sql);
      const error = sql === 'COMMIT' ? commitErrors.shift() : undefined;
      if (error) throw error;
      return statement.run(...values);
    };
    return { run, get: (...values) => statement.get(...values), all: (...values) => statement.all(...values) };
  };
  return { ran, commitErrors, prepare, exec: (sql) => database.exec(sql), close: () => database.close() };
}

const result = (name: string): Error => Object.assign(new Error(name), { code: `SQLITE_${name}` });

async function errorOf(promise: PromiseLike<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('it did not reject'),
    (error: unknown) => error,
  );
}

describe('GroupCommit', () => {
  const made = folder();
  let database: Watched;
  let queue: GroupCommit;

  beforeEach(() => {
    database = watch(openFile(join(made.path, 'a.db')));
    database.exec(
      'PRAGMA busy_timeout = 0; PRAGMA journal_mode = WAL; CREATE TABLE t (x INTEGER PRIMARY KEY CHECK (x > 0)) STRICT',
    );
    queue = new GroupCommit(database, 5_000);
  });
  afterEach(() => database.close());

  const insert = (x: number) => () => database.prepare('INSERT INTO t VALUES (?)').run(x);
  const rows = () =>
    database
      .prepare('SELECT x FROM t ORDER BY x')
      .all()
      .map((row) => (row as { x: number }).x);
  const transactions = () => database.ran.filter((sql) => sql === 'COMMIT').length;

  it('runs the jobs of one turn in one transaction, in their order', async () => {
    const order: number[] = [];
    await Promise.all(Array.from({ length: 200 }, (_, i) => queue.add(() => order.push(i))));
    expect(order).to.deep.equal(Array.from({ length: 200 }, (_, i) => i));
    expect(transactions()).to.equal(1);
  });

  it('costs 1 000 jobs of one turn a commit per 250 or so, with a turn for others in between', async () => {
    let turns = 0;
    let over = false;
    const count = async () => {
      for (; !over; turns += 1) await nextTurn();
    };
    const counted = count();
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => queue.add(insert(i + 1))));
    over = true;
    await counted;
    expect(transactions()).to.be.within(2, 1_000 / 16);
    expect(turns).to.be.at.least(2);
    expect(rows().length).to.equal(1_000);
  });

  it('settles a promise after the commit, not before', async () => {
    const other = openFile(join(made.path, 'a.db'));
    await queue.add(insert(1));
    expect(first(other, 'SELECT count(*) FROM t')).to.equal(1);
    other.close();
  });

  it('lets a failing job fail alone', async () => {
    const jobs = [insert(1), insert(-1), insert(2), insert(2), insert(3)].map((work) => queue.add(work));
    const outcomes = await Promise.allSettled(jobs);
    expect(outcomes.map(({ status }) => status[0])).to.deep.equal(['f', 'r', 'f', 'r', 'f']);
    expect((outcomes[1] as PromiseRejectedResult).reason).to.include({ code: 'SESSILE_IO' });
    expect(rows()).to.deep.equal([1, 2, 3]);
    expect(transactions()).to.equal(1);
  });

  it('passes on what a caller’s function threw, even if it looks like an error that ends transactions', async () => {
    const thrown = result('FULL');
    const jobs = [insert(1), () => Promise.reject, insert(2)].map((work) => queue.add<unknown>(work));
    const failing = queue.add(() => {
      throw new Thrown(thrown);
    });
    expect(await errorOf(failing)).to.equal(thrown);
    await Promise.all(jobs);
    expect(rows()).to.deep.equal([1, 2]);
    expect(transactions()).to.equal(1);
  });

  it('runs every job again alone where the transaction failed as a whole', async () => {
    const full = () => {
      throw result('FULL');
    };
    const outcomes = await Promise.allSettled([insert(1), full, insert(2)].map((work) => queue.add<unknown>(work)));
    expect(outcomes.map(({ status }) => status[0])).to.deep.equal(['f', 'r', 'f']);
    expect((outcomes[1] as PromiseRejectedResult).reason).to.include({ code: 'SESSILE_IO' });
    expect(rows()).to.deep.equal([1, 2]);
  });

  it('answers a commit that failed with an error, and has not kept the change', async () => {
    database.commitErrors.push(result('IOERR_FSYNC'));
    expect(await errorOf(queue.add(insert(1)))).to.include({ code: 'SESSILE_IO' });
    expect(rows()).to.deep.equal([]);
    await queue.add(insert(2));
    expect(rows()).to.deep.equal([2]);
  });

  it('runs a group again where the lock was lost before the commit', async () => {
    database.commitErrors.push(result('BUSY'));
    await Promise.all([queue.add(insert(1)), queue.add(insert(2))]);
    expect(rows()).to.deep.equal([1, 2]);
    expect(transactions()).to.equal(2);
  });

  it('knows what has not been committed yet', async () => {
    expect(queue.awaits('a')).to.equal(false);
    expect(queue.settled()).to.equal(undefined);
    const job = queue.add(insert(1), 'a');
    expect([queue.awaits('a'), queue.awaits('b')]).to.deep.equal([true, false]);
    const settled = queue.settled();
    let over = false;
    void job.then(() => (over = true));
    await settled;
    expect(over).to.equal(true);
    expect(queue.awaits('a')).to.equal(false);
  });

  it('waits until the owner of the connection has ended a transaction of its own', async () => {
    database.exec('BEGIN; INSERT INTO t VALUES (10)');
    const job = queue.add(insert(1));
    await nextTurn();
    await nextTurn();
    database.exec('ROLLBACK');
    await job;
    expect(rows()).to.deep.equal([1]);
  });

  it('gives each job its own lockTimeout, in the order in which they came', async () => {
    const impatient = new GroupCommit(database, 60);
    const other = openFile(join(made.path, 'a.db'));
    other.exec('BEGIN IMMEDIATE');
    const ended: string[] = [];
    const note = (name: string) => (error: unknown) => ended.push(`${name} ${(error as { code: string }).code}`);
    const early = impatient.add(insert(1)).then(undefined, note('early'));
    await new Promise((resolve) => setTimeout(resolve, 30));
    const late = impatient.add(insert(2)).then(undefined, note('late'));
    await early;
    expect(ended).to.deep.equal(['early SESSILE_LOCK_TIMEOUT']);
    await late;
    expect(ended).to.deep.equal(['early SESSILE_LOCK_TIMEOUT', 'late SESSILE_LOCK_TIMEOUT']);
    other.exec('COMMIT');
    other.close();
    await impatient.add(insert(3));
    expect(rows()).to.deep.equal([3]);
  });

  it('fails every waiting job where the connection is gone', async () => {
    const path = join(made.path, 'a.db');
    const gone = openFile(path);
    const orphan = new GroupCommit(gone, 5_000);
    const jobs = [orphan.add(() => 1, 'a'), orphan.add(() => 2)];
    gone.close();
    for (const job of jobs) expect(await errorOf(job)).to.include({ code: 'SESSILE_IO' });
    expect(orphan.awaits('a')).to.equal(false);
  });
});
