import { expect } from 'chai';
import { SessileError } from '../../lib/errors.js';
import {
  endsTransaction,
  isHeld,
  lockTimeout,
  openError,
  resultOf,
  statementError,
} from '../../lib/internal/sqlite-errors.js';

/** One failure as better-sqlite3 tells it and as node:sqlite does. */
function bothWays(name: string, number: number): [string, Error][] {
  return [
    ['better-sqlite3', Object.assign(new Error('x'), { name: 'SqliteError', code: `SQLITE_${name}` })],
    ['node:sqlite', Object.assign(new Error('x'), { code: 'ERR_SQLITE_ERROR', errcode: number, errstr: 'x' })],
  ];
}

const found = [
  ['BUSY', 5, 'BUSY', 'SESSILE_IO'],
  ['BUSY_SNAPSHOT', 517, 'BUSY', 'SESSILE_IO'],
  ['LOCKED', 6, 'LOCKED', 'SESSILE_IO'],
  ['READONLY_DBMOVED', 1032, 'READONLY', 'SESSILE_IO'],
  ['IOERR_WRITE', 778, 'IOERR', 'SESSILE_IO'],
  ['FULL', 13, 'FULL', 'SESSILE_IO'],
  ['CORRUPT', 11, 'CORRUPT', 'SESSILE_DAMAGED'],
  ['CORRUPT_INDEX', 779, 'CORRUPT', 'SESSILE_DAMAGED'],
  ['NOTADB', 26, 'NOTADB', 'SESSILE_DAMAGED'],
  ['TOOBIG', 18, 'TOOBIG', 'SESSILE_TOO_LARGE'],
  ['ERROR', 1, 'ERROR', 'SESSILE_IO'],
] as const;

describe('errors of SQLite', () => {
  for (const [name, number, result, code] of found) {
    for (const [library, error] of bothWays(name, number)) {
      it(`reads ${name} of ${library} as ${result}, for callers ${code}`, () => {
        expect(resultOf(error)).to.equal(result);
        const coded = statementError(error);
        expect(coded).to.be.instanceOf(SessileError);
        expect(coded.code).to.equal(code);
        expect(coded.cause).to.equal(error);
      });
    }
  }

  it('finds no result where there is none', () => {
    for (const error of [undefined, null, 'SQLITE_BUSY', new TypeError('x'), { code: 'ENOENT' }, { code: 5 }]) {
      expect(resultOf(error)).to.equal(undefined);
      expect(isHeld(error)).to.equal(false);
      expect(endsTransaction(error)).to.equal(false);
    }
  });

  it('tries again where a lock is held, and nowhere else', () => {
    const held = found.filter(([name, number]) => bothWays(name, number).every(([, error]) => isHeld(error)));
    expect(held.map(([name]) => name)).to.deep.equal(['BUSY', 'BUSY_SNAPSHOT', 'LOCKED']);
  });

  it('knows the failures that end a transaction', () => {
    const not = found.filter(([name, number]) => bothWays(name, number).every(([, error]) => !endsTransaction(error)));
    expect(not.map(([name]) => name)).to.deep.equal(['TOOBIG', 'ERROR']);
  });

  it('passes a coded error on as it is', () => {
    const error = new SessileError('SESSILE_BAD_SCHEMA', 'x');
    expect(statementError(error)).to.equal(error);
    expect(openError('it', error)).to.equal(error);
  });

  for (const [name, number, code] of [
    ['NOTADB', 26, 'SESSILE_BAD_PATH'],
    ['READONLY', 8, 'SESSILE_BAD_PATH'],
    ['CANTOPEN_ISDIR', 526, 'SESSILE_BAD_PATH'],
    ['CORRUPT', 11, 'SESSILE_DAMAGED'],
  ] as const) {
    it(`opens with ${code} where SQLite says ${name}`, () => {
      for (const [, error] of bothWays(name, number)) expect(openError('it', error).code).to.equal(code);
    });
  }

  it('says how long a lock was waited for', () => {
    const error = lockTimeout(250, new Error('x'));
    expect(error.code).to.equal('SESSILE_LOCK_TIMEOUT');
    expect(error.message).to.contain('250 ms');
  });
});
