import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import session, { type SessionData } from 'express-session';
import { SqliteStore, type SqliteStoreOptions } from '../../lib/backends/sqlite.js';
import { openFile, type SqliteDatabase } from '../../lib/internal/sqlite-library.js';
import { first } from '../../lib/internal/sqlite-schema.js';
import { folder } from './children.js';

const load = createRequire(import.meta.url);

/** What the specs need of the packages that are adopted. */
interface Peer {
  set(sid: string, session: object, callback: (error?: unknown) => void): void;
  touch(sid: string, session: object, callback: (error?: unknown) => void): void;
  get(sid: string, callback: (error?: unknown, session?: object) => void): void;
}

interface Opened {
  readonly peer: Peer;
  close(): Promise<void>;
}

async function connectSqlite3(path: string): Promise<Opened> {
  const Store = load('connect-sqlite3')(session);
  const peer = new Store({ dir: dirname(path), db: path.slice(dirname(path).length + 1) });
  await new Promise<void>((resolve) => peer.client.once('connect', resolve));
  return {
    peer,
    close: () => new Promise<void>((resolve, reject) => peer.db.close((e: unknown) => (e ? reject(e) : resolve()))),
  };
}

async function betterSqlite3SessionStore(path: string): Promise<Opened> {
  const client = new (load('better-sqlite3'))(path);
  const Store = load('better-sqlite3-session-store')(session);
  // Its timer would keep the specs running.
  const { setInterval } = globalThis;
  globalThis.setInterval = ((...given: Parameters<typeof setInterval>) =>
    setInterval(...given).unref()) as typeof setInterval;
  const peer = new Store({ client });
  globalThis.setInterval = setInterval;
  return { peer, close: async () => client.close() };
}

const packages = [
  ['connect-sqlite3', 'sqlite3', connectSqlite3, 'expired'],
  ['better-sqlite3-session-store', 'better-sqlite3', betterSqlite3SessionStore, 'expire'],
] as const;

const HOUR = 3_600_000;

function sessionOf(values: object, maxAge: number | null = HOUR): SessionData {
  const expires = maxAge === null ? null : new Date(Date.now() + maxAge);
  return {
    cookie: { originalMaxAge: maxAge, maxAge, expires, path: '/', httpOnly: true },
    ...values,
  } as unknown as SessionData;
}

const call = <T>(act: (callback: (error?: unknown, value?: T) => void) => void): Promise<T | undefined> =>
  new Promise((resolve, reject) => act((error, value) => (error ? reject(error) : resolve(value))));

for (const [adopt, library, open, column] of packages) {
  describe(`SqliteStore that adopts ${adopt}`, () => {
    const made = folder();
    const path = () => join(made.path, 'old.db');
    const options = { adopt, pruneInterval: 0 } as const;

    before(function () {
      try {
        if (library === 'better-sqlite3') new (load(library))(':memory:').close();
        else load(library);
      } catch (error) {
        console.log(
          `      skipped: ${library} cannot be loaded on Node ${process.version}: ${(error as Error).message.split('\n')[0]}`,
        );
        this.skip();
      }
    });

    /** A file that the other package wrote. */
    async function write(sessions: Record<string, SessionData>): Promise<void> {
      const { peer, close } = await open(path());
      for (const [sid, value] of Object.entries(sessions)) await call((done) => peer.set(sid, value, done));
      await close();
    }

    async function within(use: (store: SqliteStore) => Promise<void>, more: SqliteStoreOptions = {}): Promise<void> {
      const store = new SqliteStore(path(), { ...options, ...more });
      try {
        await use(store);
      } finally {
        await store.closeAsync();
      }
    }

    const rowsOf = (table: string): number => {
      const database: SqliteDatabase = openFile(path());
      const count = Number(first(database, `SELECT count(*) FROM ${table}`));
      database.close();
      return count;
    };

    it('finds what it wrote, as express-session wants it', async () => {
      const written = { a: sessionOf({ user: 'Ann', n: 1 }), b: sessionOf({ user: 'Bob' }, null) };
      await write(written);
      await within(async (store) => {
        const found = await store.getAsync('a');
        expect(found).to.include({ user: 'Ann', n: 1 });
        expect(found?.cookie.originalMaxAge).to.equal(HOUR);
        expect(Number(found?.cookie.expires)).to.be.closeTo(Date.now() + HOUR, 50_000);
        expect((await store.getAsync('b'))?.cookie.expires).to.equal(null);
        expect(await store.getAsync('c')).to.equal(undefined);
        expect(await store.lengthAsync()).to.equal(2);
        expect((await store.idsAsync()).sort()).to.deep.equal(['a', 'b']);
        expect(Object.keys(await store.allAsync()).sort()).to.deep.equal(['a', 'b']);
      });
      expect(rowsOf('sessions')).to.equal(2);
    });

    it('carries a session over when it is written, and only then', async () => {
      await write({ a: sessionOf({ n: 1 }), b: sessionOf({ n: 1 }) });
      await within(async (store) => {
        await store.getAsync('a');
        await store.updateAsync('a', (found) => found && { ...found, n: 2 });
        expect(await store.getAsync('a')).to.include({ n: 2 });
        expect(await store.lengthAsync()).to.equal(2);
      });
      expect([rowsOf('sessions'), rowsOf('sessile_sessions')]).to.deep.equal([1, 1]);
      await within(async (store) => {
        expect(await store.getAsync('a')).to.include({ n: 2 });
        expect(await store.getAsync('b')).to.include({ n: 1 });
      });
    });

    it('carries a session over when it is touched', async () => {
      await write({ a: sessionOf({ n: 1 }) });
      await within(async (store) => {
        await store.touchAsync('a', sessionOf({}, 2 * HOUR));
        const found = await store.getAsync('a');
        expect(found).to.include({ n: 1 });
        expect(Number(found?.cookie.expires)).to.be.closeTo(Date.now() + 2 * HOUR, 50_000);
      });
      expect([rowsOf('sessions'), rowsOf('sessile_sessions')]).to.deep.equal([0, 1]);
    });

    it('ends a session for good', async () => {
      await write({ a: sessionOf({}), b: sessionOf({}), c: sessionOf({}) });
      await within(async (store) => {
        await store.destroyAsync('a');
        await store.setAsync('b', sessionOf({ n: 2 }));
        await store.destroyAsync('b');
        expect(await store.idsAsync()).to.deep.equal(['c']);
      });
      await within(async (store) => {
        expect(await store.idsAsync()).to.deep.equal(['c']);
        await store.clearAsync();
        expect(await store.lengthAsync()).to.equal(0);
      });
      expect(rowsOf('sessions')).to.equal(0);
    });

    it('lets a session expire when it would have, also where only its touch moved the deadline', async () => {
      const { peer, close } = await open(path());
      await call((done) => peer.set('a', sessionOf({}), done));
      await call((done) => peer.set('b', sessionOf({}), done));
      await call((done) => peer.touch('b', sessionOf({}, 3 * HOUR), done));
      await close();
      let now = Date.now();
      await within(
        async (store) => {
          now += HOUR - 10_000;
          expect((await store.idsAsync()).sort()).to.deep.equal(['a', 'b']);
          now += 20_000;
          expect(await store.idsAsync()).to.deep.equal(['b']);
          expect(await store.getAsync('a')).to.equal(undefined);
          expect(Number((await store.getAsync('b'))?.cookie.expires)).to.be.closeTo(Date.now() + 3 * HOUR, 50_000);
          await store.touchAsync('a', sessionOf({}));
          expect(await store.pruneAsync()).to.equal(1);
          now += 2 * HOUR;
          expect(await store.lengthAsync()).to.equal(0);
        },
        { now: () => now },
      );
      expect(rowsOf('sessions')).to.equal(1);
    });

    it('reports what cannot be read and takes it for a miss', async () => {
      await write({ a: sessionOf({}) });
      const database = openFile(path());
      database.exec(`UPDATE sessions SET sess = '{"cut off'`);
      database.close();
      await within(async (store) => {
        const errors: unknown[] = [];
        store.on('error', (error) => errors.push(error));
        expect(await store.getAsync('a')).to.equal(undefined);
        await new Promise(setImmediate);
        expect(errors).to.have.length(1);
        expect(errors[0]).to.include({ code: 'SESSILE_CORRUPT' });
      });
      expect(rowsOf('sessions')).to.equal(1);
    });

    it('keeps a user of an Express session logged in: the carried-over session is a Session', async () => {
      await write({ a: sessionOf({ user: 'Ann' }) });
      await within(async (store) => {
        session({ secret: 'x', store, resave: false, saveUninitialized: false });
        const found = await call<SessionData>((done) => store.load('a', done));
        expect(found).to.be.instanceOf(session.Session);
        expect(found).to.include({ user: 'Ann' });
      });
    });

    it('refuses a table that is not one of that package', async () => {
      const database = openFile(path());
      database.exec('CREATE TABLE sessions (sid, something)');
      database.close();
      expect(() => new SqliteStore(path(), options)).to.throw(new RegExp(`not one of ${adopt}.*${column}`));
    });

    it('finds sessions in a table of another name', async () => {
      await write({ a: sessionOf({ n: 1 }) });
      const database = openFile(path());
      database.exec('ALTER TABLE sessions RENAME TO visits');
      database.close();
      const more = { adopt: { from: adopt, table: 'visits' }, table: 'sessions' };
      await within(async (store) => {
        expect(await store.getAsync('a')).to.include({ n: 1 });
      }, more);
    });

    it('works on a file that the package never wrote to', async () => {
      await within(async (store) => {
        await store.setAsync('a', sessionOf({}));
        expect(await store.idsAsync()).to.deep.equal(['a']);
      });
    });
  });
}

describe('SqliteStore without adopt', () => {
  const made = folder();

  it('refuses the table of another package rather than change it', () => {
    const path = join(made.path, 'old.db');
    const database = openFile(path);
    database.exec('CREATE TABLE sessions (sid PRIMARY KEY, expired, sess)');
    database.close();
    expect(() => new SqliteStore(path))
      .to.throw()
      .with.property('code', 'SESSILE_BAD_SCHEMA');
  });
});
