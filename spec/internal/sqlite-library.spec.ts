import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  checkVersion,
  isDatabase,
  type Libraries,
  libraries,
  openFile,
  type SqliteStatement,
  single,
} from '../../lib/internal/sqlite-library.js';
import { folder } from '../sqlite/children.js';

function missing(name: string): never {
  throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' });
}

/** A Node without node:sqlite that has this version of better-sqlite3, which must not be loaded. */
function withAddOn(node: string, version: string, load = (): unknown => expect.fail('it was loaded')): Libraries {
  return { node, builtIn: () => undefined, require: (name) => (name.endsWith('package.json') ? { version } : load()) };
}

function codeOf(act: () => unknown): { code: string; message: string } {
  try {
    act();
  } catch (error) {
    return error as { code: string; message: string };
  }
  return expect.fail('it did not throw');
}

describe('single', () => {
  /** A statement that answers in the way that it was last told to, as those of the two libraries do. */
  function statement(ways: object, row: unknown): SqliteStatement {
    let way = (found: unknown) => found;
    const firstOf = (found: unknown) => found && Object.values(found as object)[0];
    const set = {
      pluck: () => {
        way = firstOf;
      },
      setReturnArrays: (on: boolean) => {
        if (on) way = (found) => found && Object.values(found as object);
      },
    };
    const own = Object.fromEntries(Object.keys(ways).map((name) => [name, set[name as keyof typeof set]]));
    return {
      ...own,
      run: () => ({ changes: 0 }),
      get: (value) => (value === 'a' ? way(row) : undefined),
      all: () => [],
    };
  }

  for (const ways of [{}, { pluck: true }, { setReturnArrays: true }]) {
    it(`answers the one column, or undefined, with ${Object.keys(ways)[0] ?? 'objects alone'}`, () => {
      const look = single(statement(ways, { text: 'found' }));
      expect([look('a'), look('b')]).to.deep.equal(['found', undefined]);
    });
  }

  it('does so with the library of this Node', () => {
    const database = openFile(':memory:');
    const look = single(database.prepare("SELECT upper(x) FROM (SELECT ? AS x) WHERE x <> 'b'"));
    expect([look('a'), look('b')]).to.deep.equal(['A', undefined]);
    database.close();
  });
});

describe('openFile', () => {
  const made = folder();

  it('opens a file through a library that this Node has', () => {
    const database = openFile(join(made.path, 'a.db'));
    expect(isDatabase(database)).to.equal(true);
    database.close();
  });

  it('takes node:sqlite where there is one, without looking for better-sqlite3', () => {
    class DatabaseSync {
      exec() {}
      prepare(): never {
        throw new Error();
      }
      close() {}
    }
    const from: Libraries = { node: '24.0.0', builtIn: () => ({ DatabaseSync }), require: missing };
    expect(openFile(':memory:', from)).to.be.instanceOf(DatabaseSync);
  });

  it('says what to install where there is neither', () => {
    const error = codeOf(() => openFile(':memory:', { node: '20.19.0', builtIn: () => undefined, require: missing }));
    expect(error.code).to.equal('SESSILE_NO_SQLITE');
    expect(error.message).to.match(/npm install better-sqlite3@12/);
  });

  it('does not load better-sqlite3 13 on Node 20, which it would crash', () => {
    const error = codeOf(() => openFile(':memory:', withAddOn('20.20.2', '13.0.1')));
    expect(error.code).to.equal('SESSILE_NO_SQLITE');
    expect(error.message).to.match(/13\.0\.1 does not run on Node 20\.20\.2/);
  });

  it('says so where better-sqlite3 cannot be loaded, with the reason as its cause', () => {
    const cause = new Error('compiled against another Node.js version');
    const broken = withAddOn('20.20.2', '12.0.0', () => {
      throw cause;
    });
    const error = codeOf(() => openFile(':memory:', broken));
    expect(error).to.include({ code: 'SESSILE_NO_SQLITE', cause });
  });

  it('makes a file that its owner alone can read, and so its log', () => {
    const path = join(made.path, 'a.db');
    const umask = process.umask(0);
    const database = openFile(path);
    process.umask(umask);
    database.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)');
    const files = readdirSync(made.path);
    expect(files.sort()).to.deep.equal(['a.db', 'a.db-shm', 'a.db-wal']);
    for (const file of files) expect((statSync(join(made.path, file)).mode & 0o777).toString(8)).to.equal('600');
    database.close();
  });

  it('leaves the mode of a file that is there', () => {
    const path = join(made.path, 'a.db');
    writeFileSync(path, '');
    chmodSync(path, 0o640);
    openFile(path).close();
    expect((statSync(path).mode & 0o777).toString(8)).to.equal('640');
  });

  it('takes a path that looks like a URI as a path', () => {
    const before = process.cwd();
    process.chdir(made.path);
    openFile('file:x.db?mode=memory').close();
    process.chdir(before);
    expect(readdirSync(made.path)).to.deep.equal(['file:x.db?mode=memory']);
  });

  it('refuses a path whose folder is missing, or that is a folder', () => {
    mkdirSync(join(made.path, 'folder'));
    for (const path of [join(made.path, 'none', 'a.db'), join(made.path, 'folder')]) {
      expect(codeOf(() => openFile(path)).code).to.equal('SESSILE_BAD_PATH');
    }
  });

  it('loads the libraries of this Node as it says', () => {
    expect(libraries.node).to.equal(process.versions.node);
    expect(libraries.builtIn() !== undefined || Number.parseInt(libraries.node, 10) < 23).to.equal(true);
  });
});

describe('checkVersion', () => {
  const warnings = (version: string): number => {
    let count = 0;
    checkVersion(version, () => {
      count += 1;
    });
    return count;
  };

  it('refuses a SQLite without STRICT tables', () => {
    expect(codeOf(() => checkVersion('3.36.0')).code).to.equal('SESSILE_NO_SQLITE');
    expect(warnings('3.37.0')).to.equal(1);
  });

  for (const version of ['3.44.5', '3.45.0', '3.50.6', '3.51.0', '3.51.2']) {
    it(`warns of ${version}`, () => {
      expect(warnings(version)).to.equal(1);
    });
  }

  for (const version of ['3.44.6', '3.50.7', '3.51.3', '3.53.2', '4.0.0']) {
    it(`is content with ${version}`, () => {
      expect(warnings(version)).to.equal(0);
    });
  }

  it('warns of it once in a process', async () => {
    const seen: Error[] = [];
    const see = (warning: Error) => seen.push(warning);
    process.on('warning', see);
    checkVersion('3.51.2');
    checkVersion('3.51.2');
    await new Promise(setImmediate);
    process.off('warning', see);
    expect(seen.map((warning) => (warning as Error & { code?: string }).code)).to.deep.equal(['SESSILE_OLD_SQLITE']);
  });
});
