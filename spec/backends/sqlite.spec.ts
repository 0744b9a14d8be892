import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import express5 from 'express';
import session, { type SessionData } from 'express-session';
import express4 from 'express4';
import { SqliteBackend, type SqliteDatabase, SqliteStore, type SqliteStoreOptions } from '../../lib/backends/sqlite.js';
import { openFile } from '../../lib/internal/sqlite-library.js';
import { backendSuite } from '../conformance/backend.js';
import { httpSuite } from '../conformance/http.js';
import { storeSuite } from '../conformance/store.js';

const sqlite = new URL('../../lib/backends/sqlite.ts', import.meta.url).href;

/** A store in a folder of its own, whose file can be reached past it. */
class FolderStore extends SqliteStore {
  readonly path: string;

  constructor(options?: SqliteStoreOptions) {
    const path = newPath();
    super(path, options);
    this.path = path;
  }
}

function newPath(): string {
  return join(mkdtempSync(join(tmpdir(), 'sessile-sqlite-')), 'sessions.db');
}

async function remove(store: FolderStore): Promise<void> {
  await store.closeAsync();
  rmSync(dirname(store.path), { recursive: true });
}

/** Does something to the file through a connection of its own. */
function alter(path: string, sql: string, ...values: string[]): void {
  const database = openFile(path);
  database.prepare(sql).run(...values);
  database.close();
}

/** Every statement of this store fails. */
function withoutTable(options?: SqliteStoreOptions): FolderStore {
  const store = new FolderStore(options);
  alter(store.path, 'DROP TABLE sessions');
  return store;
}

for (const place of ['file', ':memory:'] as const) {
  const paths = new Map<unknown, string>();
  backendSuite({
    title: `SqliteBackend, ${place}`,
    describe,
    it,
    create: () => {
      const path = place === 'file' ? newPath() : place;
      const backend = new SqliteBackend(path);
      paths.set(backend, path);
      return backend;
    },
    destroy: async (backend) => {
      await backend.close();
      if (place === 'file') rmSync(dirname(paths.get(backend) ?? ''), { recursive: true });
    },
    many: 5_000,
    randomIds: 5_000,
  });
}

storeSuite<FolderStore>({
  title: 'SqliteStore',
  describe,
  it,
  create: (options) => new FolderStore(options),
  destroy: remove,
  failing: withoutTable,
  corrupt: (store, sid) => alter(store.path, `UPDATE sessions SET data = '{"cut off' WHERE key = ?`, sid),
  program: (body) => `import { SqliteStore } from '${sqlite}'; const store = new SqliteStore(':memory:'); ${body}`,
  randomIds: 2_000,
});

for (const [version, express] of [
  ['5', express5],
  ['4', express4],
] as const) {
  httpSuite<FolderStore>({
    title: `SqliteStore, Express ${version}`,
    describe,
    it,
    express,
    session,
    create: (options) => new FolderStore(options),
    destroy: remove,
    failing: withoutTable,
  });
}

const visit = { cookie: { originalMaxAge: null, expires: null }, n: 1 } as unknown as SessionData;

describe('SqliteStore', () => {
  it('ends a prune early where its owner closes, and answers how many it removed', async () => {
    const backend = new SqliteBackend(':memory:');
    const dead = { data: '{}', cookie: '', expires: 1 };
    await Promise.all(Array.from({ length: 2_000 }, (_, n) => backend.update(String(n), () => dead)));
    expect(await backend.prune(2, AbortSignal.abort())).to.equal(0);
    const closing = new AbortController();
    const pruning = backend.prune(2, closing.signal);
    setTimeout(() => closing.abort(), 5);
    const removed = await pruning;
    expect(removed).to.be.within(1, 1_999);
    expect(await backend.prune(2)).to.equal(2_000 - removed);
    await backend.close();
  });

  it('brings no session back that ends while a touch waits', async () => {
    let now = 0;
    const backend = new SqliteBackend(':memory:', {}, () => now);
    const entry = { data: '{}', cookie: '', expires: 1_000 };
    await backend.update('a', () => entry);
    const touching = backend.touch('a', { expires: 9_000, cookie: '' }, now);
    now = entry.expires;
    await touching;
    expect(await backend.read('a')).to.deep.equal(entry);
    await backend.close();
  });

  it('calls back in the asynchronous context of each call, though one transaction answers many', async () => {
    const store = new SqliteStore(':memory:');
    const context = new AsyncLocalStorage<string>();
    const seen: Record<string, unknown> = {};
    const calls: Record<string, (done: () => void) => void> = {
      set: (done) => store.set('a', { cookie: { originalMaxAge: null } } as SessionData, done),
      get: (done) => store.get('a', done),
      update: (done) => store.update('a', (found) => found, done),
      'set that fails': (done) => store.set('a', 1 as never, done),
      destroy: (done) => store.destroy('a', done),
    };
    const all = Object.entries(calls).map(
      ([name, act]) =>
        new Promise<void>((resolve) => {
          context.run(name, act, () => {
            seen[name] = context.getStore();
            resolve();
          });
        }),
    );
    await Promise.all(all);
    expect(seen).to.deep.equal(Object.fromEntries(Object.keys(calls).map((name) => [name, name])));
    await store.closeAsync();
  });

  const open: { store: SqliteStore; database: SqliteDatabase }[] = [];
  const over = (options?: SqliteStoreOptions, database = openFile(':memory:')) => {
    const store = new SqliteStore(database, options);
    open.push({ store, database });
    return { store, database };
  };

  afterEach(async () => {
    for (const { store, database } of open.splice(0)) {
      await store.closeAsync();
      database.close();
    }
  });

  it('leaves a database open that it was given', async () => {
    const { store, database } = over();
    await store.setAsync('a', visit);
    await store.closeAsync();
    expect({ ...(database.prepare('SELECT key FROM sessions').get() as object) }).to.deep.equal({ key: 'a' });
  });

  it('sees nothing of another table in the same database', async () => {
    const { store, database } = over();
    const second = new SqliteStore(database, { table: 'other' });
    await Promise.all([store.setAsync('a', visit), second.setAsync('b', visit)]);
    expect([await store.idsAsync(), await second.idsAsync()]).to.deep.equal([['a'], ['b']]);
    await store.clearAsync();
    expect(await second.idsAsync()).to.deep.equal(['b']);
    await second.closeAsync();
  });

  it('answers a get that was asked for after a set, before its callback', async () => {
    const { store } = over();
    const set = store.setAsync('a', visit);
    const found = await store.getAsync('a');
    expect(found).to.include({ n: 1 });
    await set;
  });

  it('answers a get that was asked for before a set as if that had not come yet', async () => {
    const { store } = over();
    const get = store.getAsync('a');
    const set = store.setAsync('a', visit);
    expect(await get).to.equal(undefined);
    await set;
    expect(await store.getAsync('a')).to.include({ n: 1 });
  });

  it('waits for a transaction that the owner of the database has open', async () => {
    const { store, database } = over();
    database.exec('BEGIN');
    const set = store.setAsync('a', visit);
    await new Promise((resolve) => setTimeout(resolve, 5));
    database.exec('ROLLBACK');
    await set;
    expect(await store.getAsync('a')).to.include({ n: 1 });
  });

  it('counts, lists and prunes many sessions, some of them dead, in several slices', async () => {
    let now = 1_000_000;
    const { store } = over({ now: () => now, ttl: 1_000, pruneInterval: 0 });
    const put = (from: number, to: number) =>
      Promise.all(Array.from({ length: to - from }, (_, i) => store.setAsync(`id-${from + i}`, visit)));
    await put(0, 1_500);
    now += 500;
    await put(1_500, 4_000);
    now += 500;
    expect(await store.lengthAsync()).to.equal(2_500);
    expect((await store.idsAsync()).length).to.equal(2_500);
    expect(await store.pruneAsync()).to.equal(1_500);
    expect(await store.pruneAsync()).to.equal(0);
    expect(await store.lengthAsync()).to.equal(2_500);
  });

  for (const [what, database, options] of [
    ['no database', undefined, {}],
    ['an empty path', '', {}],
    ['an object that is no database', {}, {}],
    ['an unknown option', ':memory:', { tabel: 'x' }],
    ['a table that is SQL', ':memory:', { table: 'x"; DROP TABLE users; --' }],
    ['another synchronous', ':memory:', { synchronous: 'off' }],
    ['a lockTimeout that is none', ':memory:', { lockTimeout: -1 }],
    ['an unknown adopt', ':memory:', { adopt: 'connect-redis' }],
    ['an adopt of its own table', ':memory:', { adopt: 'connect-sqlite3', table: 'Sessions' }],
    ['an adopt of what is no table', ':memory:', { adopt: { from: 'connect-sqlite3', table: 'a b' } }],
    ['an unknown name in adopt', ':memory:', { adopt: { from: 'connect-sqlite3', tabel: 'a' } }],
    ['a wrong ttl', ':memory:', { ttl: 'x' }],
  ] as const) {
    it(`refuses ${what}`, () => {
      const make = () => new SqliteStore(database as string, options as SqliteStoreOptions);
      expect(make).to.throw(TypeError).with.property('code', 'SESSILE_MISUSE');
    });
  }
});
