import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mock } from 'node:test';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { FileStore } from '../../lib/backends/file.js';
import { MemoryStore } from '../../lib/backends/memory.js';
import { SqliteStore } from '../../lib/backends/sqlite.js';
import { nextTurn } from '../../lib/internal/next-turn.js';
import { RedisTouches } from '../../lib/internal/redis-touches.js';
import type { SessionStore } from '../../lib/store.js';
import { folders } from '../support/folder.js';
import { workplace } from '../support/workplace.js';

const stores: Record<string, (dir: string) => SessionStore> = {
  MemoryStore: () => new MemoryStore(),
  FileStore: (dir) => new FileStore(dir),
  SqliteStore: (dir) => new SqliteStore(join(dir, 'a.db')),
};

/** Calls every method of each store, and says which of them are done. */
const callAll = `
const { mock } = require('node:test');
const { FileStore, MemoryStore } = require('sessile');
const { SqliteStore } = require('sessile/sqlite');
const stores = {
  memory: new MemoryStore(),
  file: new FileStore('a'),
  'file, fsync': new FileStore('b', { fsync: true }),
  sqlite: new SqliteStore('a.db'),
};
const calls = ['set', 'touch', 'get', 'update', 'length', 'all', 'ids', 'prune', 'destroy', 'clear', 'close'];
mock.timers.enable({ apis: ['setImmediate'] });
(async () => {
  for (const [name, store] of Object.entries(stores)) {
    for (const call of calls) {
      await store[call + 'Async']('id', call === 'update' ? (found) => found : { cookie: {} });
      console.log(name, call);
    }
  }
})();
`;

describe("an app's fake timers", () => {
  const folder = folders();
  beforeEach(() => mock.timers.enable({ apis: ['setImmediate'] }));
  afterEach(() => mock.timers.reset());

  it('are faked', async () => {
    let isCalled = false;
    setImmediate(() => {
      isCalled = true;
    });
    await new Promise((resolve) => nextTurn(() => nextTurn(resolve)));
    expect(isCalled).to.equal(false);
  });

  for (const [name, open] of Object.entries(stores)) {
    it(`do not hold ${name}`, async () => {
      const store = open(folder());
      const cookie = { originalMaxAge: 60_000, expires: new Date(Date.now() + 60_000) };
      await store.setAsync('a', { cookie, user: 'ada' } as never);
      await store.touchAsync('a', { cookie } as never);
      expect(await store.getAsync('a')).to.include({ user: 'ada' });
      expect(await new Promise((resolve) => store.get('a', (_, found) => resolve(found)))).to.include({ user: 'ada' });
      expect(await store.lengthAsync()).to.equal(1);
      await store.closeAsync();
    });
  }

  it('do not hold what is loaded as CommonJS', async () => {
    const cwd = workplace(folder());
    writeFileSync(join(cwd, 'program.cjs'), callAll);
    const env = { PATH: process.env['PATH'], NODE_V8_COVERAGE: '' };
    const { stdout } = await promisify(execFile)(process.execPath, ['program.cjs'], { cwd, env, timeout: 55_000 });
    const done = stdout.trim().split('\n');
    expect(done.filter((line) => line.endsWith(' close'))).to.deep.equal([
      'memory close',
      'file close',
      'file, fsync close',
      'sqlite close',
    ]);
  });

  it('do not hold a touch of RedisStore', async () => {
    const touches = new RedisTouches(async () => 1, false);
    const redating = { key: 'a', head: '', tail: '', date: '', after: '', lease: '1' };
    expect(await touches.redate(redating)).to.equal(1);
  });
});
