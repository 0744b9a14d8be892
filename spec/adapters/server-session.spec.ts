import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect } from 'chai';
import connect from 'connect';
import express from 'express';
import session from 'express-session';
import request from 'supertest';
import {
  fileStore,
  type KeptRecords,
  type MiddlewareOptions,
  memoryStore,
  middleware,
  type RecordStore,
  type ServerSession,
  type SqliteDatabase,
  sqliteStore,
} from '../../lib/adapters/server-session.js';
import { FileStore } from '../../lib/backends/file.js';
import { MemoryStore } from '../../lib/backends/memory.js';
import { failureOf, folders, namesIn } from '../support/folder.js';
import { gate } from '../support/gate.js';
import { Gate } from '../support/visitor.js';

interface Fields {
  views?: number;
  user?: string;
  a?: number;
  b?: number;
  nested?: { list: number[] };
}

type Act = (session: ServerSession<Fields>, req: IncomingMessage, res: ServerResponse) => unknown;

const START = Date.parse('2030-01-02T03:04:05.500Z');
const SECONDS = Math.floor(START / 1_000);
const WEEK = 604_800;
const ID = /^[\da-f]{48}$/;

describe('adapters/server-session', () => {
  const folder = folders();
  const opened: KeptRecords[] = [];
  const clock = { now: START };
  const now = () => clock.now;
  const errors: (Error & { code?: string })[] = [];

  beforeEach(() => {
    clock.now = START;
    errors.length = 0;
  });
  afterEach(() => Promise.all(opened.splice(0).map((store) => store.close())));

  const keep = (store: KeptRecords) => {
    opened.push(store);
    return store.on('error', (error: Error) => errors.push(error));
  };
  const stores: Record<string, () => KeptRecords> = {
    memoryStore: () => keep(memoryStore({ now })),
    fileStore: () => keep(fileStore(folder(), { now })),
    sqliteStore: () => keep(sqliteStore(join(folder(), 'sessions.db'), undefined, { now })),
  };

  /** Answers with what `act` answers; what fails is kept. */
  const serve = (act: Act, options: MiddlewareOptions = {}): RequestListener =>
    middleware<Fields>({ now, ...options }).wrap(
      async (req, res) => {
        const text = await act(req.session, req, res);
        if (!res.writableEnded) res.end(text);
      },
      (error) => errors.push(error as Error),
    );

  for (const [name, open] of Object.entries(stores)) {
    describe(name, () => {
      it('S2 rows 24, 27: get, set, delete and touch; what is handed out is a copy; deadlines are seconds', async () => {
        const store = open();
        expect(await store.get('none')).to.equal(undefined);
        const data = { nested: { list: [1] } };
        await store.set('one', data, SECONDS + 60);
        data.nested.list.push(2);
        const found = await store.get('one');
        expect(found).to.deep.equal({ data: { nested: { list: [1] } }, expiresAt: SECONDS + 60 });
        Object.assign(found?.data ?? {}, { more: true });
        expect(await store.get('one')).to.deep.equal({ data: { nested: { list: [1] } }, expiresAt: SECONDS + 60 });
        await store.set('ever', { a: 1 });
        expect(await store.get('ever')).to.deep.equal({ data: { a: 1 } });
        await store.delete('one');
        await store.delete('one');
        expect(await store.get('one')).to.equal(undefined);
        clock.now += 1e12;
        expect(await store.get('ever')).to.deep.equal({ data: { a: 1 } });
      });

      it('S2 row 28: touch moves the deadline only, creates nothing and revives nothing', async () => {
        const store = open();
        await store.touch('none', SECONDS + 60);
        expect(await store.get('none')).to.equal(undefined);
        await store.set('one', { a: 1 }, SECONDS + 10);
        await store.touch('one', SECONDS + 60);
        expect(await store.get('one')).to.deep.equal({ data: { a: 1 }, expiresAt: SECONDS + 60 });
        await store.set('short', {}, SECONDS + 10);
        clock.now = (SECONDS + 10) * 1_000;
        await store.touch('short', SECONDS + 60);
        expect(await store.get('short')).to.equal(undefined);
      });

      it('S2 row 24: at its deadline a record is gone', async () => {
        const store = open();
        await store.set('one', {}, SECONDS + 10);
        clock.now = (SECONDS + 10) * 1_000 - 1;
        expect(await store.get('one')).not.to.equal(undefined);
        clock.now += 1;
        expect(await store.get('one')).to.equal(undefined);
        clock.now -= 1;
        expect(await store.get('one'), 'removed when it was found dead').to.equal(undefined);
      });

      it('S2 row 25: an id that is no plain word is refused', async () => {
        const store = open();
        for (const id of ['../x', '', 'a/b', 'a.b', 'a\0', 'x'.repeat(129)]) {
          for (const act of [
            () => store.get(id),
            () => store.set(id, {}),
            () => store.delete(id),
            () => store.touch(id),
          ])
            expect(await failureOf(act)).to.include({ code: 'SESSILE_MISUSE' });
        }
      });

      it('S2 row 41: an expired session is a new one, and its record is removed', async () => {
        const store = open();
        const served = serve(count, { store, ttl: 60 });
        const first = await visit(served).expect('1');
        clock.now += 59_000;
        await visit(served, first).expect('2');
        clock.now += 60_000;
        const next = await visit(served, first).expect('1');
        expect(idOf(next)).not.to.equal(idOf(first));
        clock.now = START;
        expect(await store.get(idOf(first))).to.equal(undefined);
      });

      it('requests in parallel keep both their changes, and none brings back what was destroyed', async () => {
        const store = open();
        const made = await visit(serve(count, { store }));
        const meet = gate(2);
        const served = serve(
          async (one, req) => {
            await meet();
            one.set(req.url === '/a' ? 'a' : 'b', 1);
          },
          { store },
        );
        await Promise.all(
          ['/a', '/b'].map((path) => request(served).get(path).set('Cookie', cookieOf(made)).expect(200)),
        );
        expect((await store.get(idOf(made)))?.data).to.deep.equal({ views: 1, a: 1, b: 1 });
        const late = serve(
          async (one) => {
            await store.delete(idOf(made));
            one.set('a', 2);
          },
          { store },
        );
        const answer = await visit(late, made).expect(200);
        expect(setCookies(answer)).to.deep.equal([]);
        expect(await store.get(idOf(made))).to.equal(undefined);
      });

      it('removes the expired with a write, now and then', async () => {
        const store = open();
        await store.set('short', {}, SECONDS + 1);
        await store.set('long', {}, SECONDS + 5_000);
        clock.now += 900_000;
        await store.set('other', {}, SECONDS + 5_000);
        // Its own pruning may be under way; both together remove one.
        await store.prune();
        clock.now = START;
        expect(await store.get('short')).to.equal(undefined);
        expect(await store.get('long')).not.to.equal(undefined);
      });
    });
  }

  it('S2 row 25: fileStore keeps <dir>/<id>.json with data and expiresAt, for its owner alone', async () => {
    const dir = join(folder(), 'made');
    const store = keep(fileStore(dir, { now }));
    const made = await visit(serve(count, { store }));
    expect(namesIn(dir)).to.deep.equal([`${idOf(made)}.json`]);
    const path = join(dir, `${idOf(made)}.json`);
    expect(JSON.parse(readFileSync(path, 'utf8'))).to.deep.equal({ data: { views: 1 }, expiresAt: SECONDS + WEEK });
    writeFileSync(path, JSON.stringify({ data: { views: 41 }, expiresAt: SECONDS + 9 }));
    await visit(serve(count, { store }), made).expect('42');
    clock.now += 2 * WEEK * 1_000;
    expect(await store.get(idOf(made))).to.equal(undefined);
    expect(existsSync(path)).to.equal(false);
  });

  it('S2 row 25: a corrupt file is a miss, told of, and kept aside', async () => {
    const dir = folder();
    const store = keep(fileStore(dir, { now }));
    for (const text of ['{"data":{"a"', '[]', '{"data":[]}', '{"data":{},"expiresAt":"soon"}', '']) {
      writeFileSync(join(dir, 'one.json'), text);
      expect(await store.get('one'), text).to.equal(undefined);
      expect(existsSync(join(dir, 'one.json'))).to.equal(false);
    }
    await turns();
    expect(errors.map(({ code }) => code)).to.deep.equal(Array(5).fill('SESSILE_CORRUPT'));
    expect(namesIn(dir).filter((name) => /^one\..*\.corrupt$/.test(name))).to.have.lengthOf(5);
    await store.set('one', { a: 1 });
    expect(await store.get('one')).to.deep.equal({ data: { a: 1 } });
  });

  for (const [title, path] of [['a path', true] as const, ['an open database', false] as const]) {
    it(`S2 row 26: sqliteStore on ${title} keeps rows (id, payload, expires_at) in http_sessions`, async () => {
      const file = join(folder(), 'app.db');
      const database = openDatabase(file);
      database.exec('CREATE TABLE users (name TEXT)');
      const store = keep(sqliteStore(path ? file : database, undefined, { now }));
      const made = await visit(serve(count, { store }));
      await visit(serve(count, { store }), made).expect('2');
      const rows = database.prepare('SELECT * FROM http_sessions').all();
      expect(rows).to.have.lengthOf(1);
      expect({ ...(rows[0] as object) }).to.deep.equal({
        id: idOf(made),
        payload: '{"views":2}',
        expires_at: SECONDS + WEEK,
      });
      const { sql } = database.prepare("SELECT sql FROM sqlite_schema WHERE name = 'http_sessions'").get() as {
        sql: string;
      };
      expect(sql).to.match(/\(id TEXT PRIMARY KEY, payload TEXT NOT NULL, expires_at INTEGER\)$/);
      await store.close();
      expect(database.prepare('SELECT count(*) AS n FROM users').get()).to.include({ n: 0 });
      database.close();
    });
  }

  it('S2 row 26: sqliteStore takes a table that is named like one, finds what is there, and leaves other tables alone', async () => {
    const database = openDatabase(join(folder(), 'app.db'));
    database.exec('CREATE TABLE mine (id TEXT PRIMARY KEY, payload TEXT NOT NULL, expires_at INTEGER)');
    database.exec(
      `INSERT INTO mine VALUES ('one', '{"a":1}', ${SECONDS + 5}), ('ever', '{}', NULL), ('bad', '{', NULL)`,
    );
    database.exec('CREATE TABLE users (name TEXT)');
    const store = keep(sqliteStore(database, 'mine', { now }));
    expect(await store.get('one')).to.deep.equal({ data: { a: 1 }, expiresAt: SECONDS + 5 });
    expect(await store.get('ever')).to.deep.equal({ data: {} });
    expect(await store.get('bad')).to.equal(undefined);
    await turns();
    expect(errors.map(({ code }) => code)).to.deep.equal(['SESSILE_CORRUPT']);
    for (const table of ['x; DROP TABLE users', 'a"b', '', 'sqlite_x'])
      expect(await failureOf(() => sqliteStore(database, table))).to.include({ code: 'SESSILE_MISUSE' });
    expect(await failureOf(() => sqliteStore(database, 'users'))).to.include({ code: 'SESSILE_BAD_SCHEMA' });
    database.close();
  });

  for (const touches of [false, true]) {
    it(`S2 row 27: a store of one's own with get, set and delete${touches ? ' and touch' : ''} works`, async () => {
      const { store, calls } = ownStore(touches);
      const served = serve(count, { store });
      const made = await visit(served).expect('1');
      await visit(served, made).expect('2');
      await visit(serve(show, { store }), made).expect('2');
      await visit(
        serve((one) => one.destroy(), { store }),
        made,
      ).expect(200);
      const id = idOf(made);
      expect(calls).to.deep.equal([
        ['set', id, { views: 1 }, SECONDS + WEEK],
        ['set', id, { views: 2 }, SECONDS + WEEK],
        ...(touches ? [['touch', id, SECONDS + WEEK]] : []),
        ['delete', id],
      ]);
    });
  }

  it("S2 row 27: a store of one's own: requests at once keep both their changes, and the expired count as absent", async () => {
    const { store } = ownStore(true);
    const made = await visit(serve(count, { store }));
    const meet = gate(5);
    const served = serve(
      async (one, { url = '' }) => {
        await meet();
        one.data[url.slice(1) as 'a'] = 1;
      },
      { store },
    );
    const paths = ['/a', '/b', '/c', '/d', '/e'];
    await Promise.all(paths.map((path) => request(served).get(path).set('Cookie', cookieOf(made)).expect(200)));
    expect((await store.get(idOf(made)))?.data).to.deep.equal({ views: 1, a: 1, b: 1, c: 1, d: 1, e: 1 });
    clock.now += WEEK * 1_000;
    await visit(serve(count, { store }), made).expect('1');
    expect(await store.get(idOf(made))).to.equal(undefined);
  });

  it('S2 row 41: a session that another request renews while its dead record is read is not removed', async () => {
    const { store } = ownStore(true);
    const made = await visit(serve(count, { store }));
    const id = idOf(made);
    let looks = 0;
    const renewing: RecordStore = {
      ...store,
      get: async (one) => {
        const record = await store.get(one);
        looks += 1;
        if (looks === 1) await store.set(id, { views: 7 }, SECONDS + 2 * WEEK);
        return record;
      },
    };
    clock.now += WEEK * 1_000;
    await visit(serve(count, { store: renewing }), made).expect('8');
    expect((await store.get(id))?.data).to.deep.equal({ views: 8 });
  });

  it('S2 row 29: the session is loaded before the handler, and is stored when the response has ended', async () => {
    const store = memoryStore({ now });
    const made = await visit(serve(count, { store }));
    expect((await store.get(idOf(made)))?.data).to.deep.equal({ views: 1 });
    await visit(serve(show, { store }), made).expect('1');
    const inPlace = serve((one) => Object.assign(one.data, { nested: { list: [1] } }) && 'ok', { store });
    await visit(inPlace, made).expect('ok');
    await visit(
      serve((one) => one.data.nested?.list.push(2) && 'ok', { store }),
      made,
    ).expect('ok');
    expect((await store.get(idOf(made)))?.data).to.deep.equal({ views: 1, nested: { list: [1, 2] } });
  });

  it('S2 row 29: nothing is stored when the handler throws, at once or later', async () => {
    for (const broken of [
      (one: ServerSession<Fields>) => {
        one.set('user', 'eve');
        one.regenerate();
        throw new Error('broken');
      },
      async (one: ServerSession<Fields>) => {
        one.clear();
        await turns();
        throw new Error('broken');
      },
    ]) {
      const store = memoryStore({ now });
      const made = await visit(serve(count, { store }));
      const answer = await visit(serve(broken, { store }), made).expect(500, 'Internal Server Error');
      expect(setCookies(answer)).to.deep.equal([]);
      expect((await store.get(idOf(made)))?.data).to.deep.equal({ views: 1 });
      const stranger = await visit(serve(broken, { store })).expect(500);
      expect(setCookies(stranger)).to.deep.equal([]);
    }
    expect(errors.map(({ message }) => message)).to.deep.equal(Array(4).fill('broken'));
  });

  it('S2 row 29: as middleware of plain node:http it waits for the handler and passes on what that throws', async () => {
    const store = memoryStore({ now });
    const sessions = middleware<Fields>({ store, now });
    const served = (act: (one: ServerSession<Fields>) => unknown): RequestListener => {
      return (req, res) => {
        sessions(req, res, async () => {
          await turns();
          res.write(String(act(sessions.of(req))));
          res.end();
        }).catch((error: Error) => {
          res.statusCode = 500;
          res.end(error.message);
        });
      };
    };
    const made = await visit(served(count)).expect('1');
    await visit(served(count), made).expect('2');
    const broken = served((one) => {
      one.set('views', 9);
      throw new Error('broken');
    });
    await visit(broken, made).expect(500, 'broken');
    await visit(served(show), made).expect('2');
  });

  const apps = {
    Connect: () => connect() as unknown as ReturnType<typeof express>,
    Express: () => express().set('env', 'test'),
  };
  for (const [name, create] of Object.entries(apps)) {
    it(`S2 row 29: works in ${name}, where failed keeps nothing of a request that failed`, async () => {
      const store = memoryStore({ now });
      const sessions = middleware<Fields>({ store, now });
      const app = create();
      app.use(sessions);
      app.use('/count', (req, res) => void res.end(count(sessions.of(req))));
      app.use('/broken', (req) => {
        sessions.of(req).set('user', 'eve');
        throw new Error('broken');
      });
      app.use(sessions.failed);
      app.use((error: Error, _req: IncomingMessage, res: ServerResponse, _next: () => void) => {
        res.statusCode = 500;
        res.end(error.message);
      });
      const agent = request.agent(app);
      const made = await agent.get('/count').expect('1');
      await agent.get('/broken').expect(500, 'broken');
      await agent.get('/count').expect('2');
      expect((await store.get(idOf(made)))?.data).to.deep.equal({ views: 2 });
      const failing = failingStore();
      const broken = create();
      broken.use(middleware({ store: failing.store, now }));
      broken.use((_req: IncomingMessage, res: ServerResponse) => void res.end('not reached'));
      broken.use((error: Error, _req: IncomingMessage, res: ServerResponse, _next: () => void) => {
        res.statusCode = 500;
        res.end(error.message);
      });
      failing.fails.add('get');
      await request(broken).get('/').set('Cookie', cookieOf(made)).expect(500, 'get failed');
    });
  }

  it("S2 row 30: the cookie is 'session_id', or named by cookieName", async () => {
    expect(cookieOf(await visit(serve(count)))).to.match(/^session_id=[\da-f]{48}$/);
    expect(cookieOf(await visit(serve(count, { cookieName: 'sid' })))).to.match(/^sid=/);
  });

  it('S2 row 31: ttl is the lifetime of record and cookie, in seconds, a week by default', async () => {
    for (const [ttl, seconds] of [[undefined, WEEK] as const, [90, 90] as const]) {
      const store = memoryStore({ now });
      const made = await visit(serve(count, { store, ...(ttl && { ttl }) }));
      const expires = new Date((SECONDS + seconds) * 1_000).toUTCString();
      expect(attributes(made)).to.include.members([`max-age=${seconds}`, `expires=${expires}`.toLowerCase()]);
      expect((await store.get(idOf(made)))?.expiresAt).to.equal(SECONDS + seconds);
    }
  });

  it('S2 row 32: rolling sends the cookie and saves with every request that has a session; else it is touched', async () => {
    for (const rolling of [true, false]) {
      const { store, calls } = ownStore(true);
      const made = await visit(serve(count, { store, rolling }));
      calls.length = 0;
      clock.now += 10_000;
      const answer = await visit(serve(show, { store, rolling }), made).expect('1');
      expect(setCookies(answer)).to.have.lengthOf(rolling ? 1 : 0);
      expect(calls.map(([name]) => name)).to.deep.equal([rolling ? 'set' : 'touch']);
      expect((await store.get(idOf(made)))?.expiresAt).to.equal(Math.floor(clock.now / 1_000) + WEEK);
      clock.now = START;
    }
    expect(setCookies(await visit(serve(show, { rolling: true })))).to.deep.equal([]);
  });

  it('S2 row 33: the attributes of the cookie', async () => {
    const usual = attributes(await visit(serve(count)));
    expect(usual.filter((one) => !/^(expires|max-age)=/.test(one))).to.deep.equal([
      'httponly',
      'path=/',
      'samesite=lax',
    ]);
    const cookie = { path: '/app', domain: 'a.test', secure: true, httpOnly: false, sameSite: 'None' } as const;
    const own = attributes(await request(serve(count, { cookie })).get('/app'));
    expect(own.filter((one) => !/^(expires|max-age)=/.test(one))).to.deep.equal([
      'domain=a.test',
      'path=/app',
      'samesite=none',
      'secure',
    ]);
  });

  it('S2 row 34: there is no id before the first write, and a request that only reads stores and sends nothing', async () => {
    const { store, calls } = ownStore(true);
    const answer = await visit(
      serve((one) => `${one.id} ${one.get('views')} ${JSON.stringify(one.data)} ${one.isNew}`, { store }),
    ).expect('undefined undefined {} true');
    expect(setCookies(answer)).to.deep.equal([]);
    expect(calls).to.deep.equal([]);
    await visit(serve((one) => one.set('a', 1) ?? one.id, { store })).expect(ID);
  });

  it('S2 row 35: set and get work at once and across requests, and delete sticks', async () => {
    const store = memoryStore({ now });
    const made = await visit(
      serve((one) => one.set('user', 'ada') ?? `${one.get('user')} ${one.data.user}`, { store }),
    );
    expect(made.text).to.equal('ada ada');
    await visit(
      serve((one) => one.get('user'), { store }),
      made,
    ).expect('ada');
    await visit(
      serve((one) => one.delete('user') ?? String(one.get('user')), { store }),
      made,
    ).expect('undefined');
    await visit(
      serve((one) => String(one.get('user')), { store }),
      made,
    ).expect('undefined');
    const untouched = await visit(serve((one) => one.delete('user') ?? String(one.id), { store })).expect('undefined');
    expect(setCookies(untouched)).to.deep.equal([]);
  });

  it('S2 row 35: a key may have any name', async () => {
    const store = memoryStore({ now });
    const sessions = middleware<Record<string, unknown>>({ store, now });
    const keys = ['__proto__', 'constructor', 'cookie', 'toString', ''];
    const writes = sessions.wrap(({ session: one }, res) => {
      for (const key of keys) one.set(key, { [key]: 1 });
      res.end();
    });
    const reads = sessions.wrap(({ session: one }, res) => {
      res.end(JSON.stringify(keys.map((key) => JSON.stringify(one.get(key)))));
    });
    const made = await visit(writes).expect(200);
    const { text } = await visit(reads, made);
    expect(JSON.parse(text)).to.deep.equal(keys.map((key) => JSON.stringify({ [key]: 1 })));
    const { text: none } = await visit(reads);
    expect(JSON.parse(none)).to.deep.equal(keys.map(() => null));
  });

  it('S2 row 36: clear leaves the id and no data, and starts a session that is new', async () => {
    const store = memoryStore({ now });
    const made = await visit(serve(count, { store }));
    await visit(
      serve((one) => one.clear() ?? one.id, { store }),
      made,
    ).expect(idOf(made));
    expect((await store.get(idOf(made)))?.data).to.deep.equal({});
    const fresh = await visit(serve((one) => one.clear() ?? one.id, { store })).expect(ID);
    expect((await store.get(idOf(fresh)))?.data).to.deep.equal({});
  });

  const orders: Record<string, { act: Act; lives: boolean }> = {
    regenerate: { act: (one) => one.regenerate(), lives: true },
    'regenerate, regenerate': { act: (one) => one.regenerate() && one.regenerate(), lives: true },
    'regenerate, destroy': { act: async (one) => one.regenerate() && (await one.destroy()), lives: false },
    'destroy, regenerate': { act: async (one) => (await one.destroy()) ?? one.regenerate(), lives: false },
    'regenerate, set, destroy': {
      act: async (one) => one.regenerate() && (one.set('a', 1) ?? (await one.destroy())),
      lives: false,
    },
  };
  for (const [order, { act, lives }] of Object.entries(orders)) {
    it(`S2 row 37: ${order}: the old id is dead${lives ? ' and the new one has the data' : ', and no other lives'}`, async () => {
      const dir = folder();
      const store = keep(fileStore(dir, { now }));
      const made = await visit(serve(count, { store }));
      const answer = await visit(serve(act, { store }), made).expect(200);
      expect(await store.get(idOf(made))).to.equal(undefined);
      if (lives) {
        expect(answer.text).to.equal(idOf(answer)).and.match(ID).and.not.equal(idOf(made));
        expect((await store.get(idOf(answer)))?.data).to.deep.equal({ views: 1 });
        await visit(serve(count, { store }), answer).expect('2');
      }
      expect(namesIn(dir)).to.deep.equal(lives ? [`${idOf(answer)}.json`] : []);
      await visit(serve(count, { store }), made).expect('1');
    });
  }

  it('S2 row 37: regenerate keeps what others saved meanwhile, and makes nothing of a session that was ended', async () => {
    const store = memoryStore({ now });
    const made = await visit(serve(count, { store }));
    const beside = serve(
      async (one) => {
        await store.update(idOf(made), (record) => record && { ...record, data: { ...record.data, b: 2 } });
        one.set('a', 1);
        return one.regenerate();
      },
      { store },
    );
    const moved = await visit(beside, made);
    expect((await store.get(idOf(moved)))?.data).to.deep.equal({ views: 1, a: 1, b: 2 });
    const ended = serve(async (one) => (await store.delete(idOf(moved))) ?? one.regenerate(), { store });
    const answer = await visit(ended, moved).expect(200);
    expect(setCookies(answer)).to.deep.equal([]);
    expect(await store.get(answer.text)).to.equal(undefined);
  });

  it('S2 row 38: destroy removes the record at once, clears the cookie, and nothing written later is kept', async () => {
    const { store, calls } = ownStore(true);
    const made = await visit(serve(count, { store }));
    calls.length = 0;
    const ended = serve(
      async (one) => {
        await one.destroy();
        await one.destroy();
        const gone = (await store.get(idOf(made))) === undefined;
        one.set('user', 'eve');
        return `${gone} ${one.destroyed} ${one.id}`;
      },
      { store },
    );
    const answer = await visit(ended, made).expect('true true undefined');
    expect(cookieOf(answer)).to.equal('session_id=');
    expect(attributes(answer)).to.include.members(['max-age=0', 'expires=thu, 01 jan 1970 00:00:00 gmt']);
    expect(calls).to.deep.equal([['delete', idOf(made)]]);
    await visit(serve(count, { store }), made).expect('1');
  });

  it('S2 row 38: a logout sticks although the handler fails after it, or does not wait for it', async () => {
    const store = memoryStore({ now });
    const made = await visit(serve(count, { store }));
    const broken = serve(
      async (one) => {
        await one.destroy();
        throw new Error('broken');
      },
      { store },
    );
    const answer = await visit(broken, made).expect(500);
    expect(cookieOf(answer)).to.equal('session_id=');
    expect(await store.get(idOf(made))).to.equal(undefined);
    const next = await visit(serve(count, { store }));
    await visit(
      serve((one) => void one.destroy(), { store }),
      next,
    ).expect(200);
    expect(await store.get(idOf(next))).to.equal(undefined);
  });

  it('S2 row 39: isNew and destroyed', async () => {
    const store = memoryStore({ now });
    const state = (one: ServerSession<Fields>) => `${one.isNew} ${one.destroyed}`;
    const made = await visit(serve((one) => `${state(one)}, ${one.set('a', 1) ?? state(one)}`, { store }));
    expect(made.text).to.equal('true false, true false');
    const loaded = serve(async (one) => `${state(one)}, ${one.regenerate() && state(one)}`, { store });
    const moved = await visit(loaded, made).expect('false false, true false');
    await visit(
      serve(async (one) => (await one.destroy()) ?? state(one), { store }),
      moved,
    ).expect('false true');
  });

  it('S2 row 40: an id of another form is refused and its cookie cleared; an unknown one is not adopted', async () => {
    const { store, calls } = ownStore(true);
    for (const id of ['../../e', 'a.b', 'x'.repeat(129), '%2e%2e']) {
      const answer = await request(serve(show, { store })).get('/').set('Cookie', `session_id=${id}`);
      expect(cookieOf(answer), id).to.equal('session_id=');
      expect(attributes(answer)).to.include('max-age=0');
      const written = await request(serve(count, { store })).get('/').set('Cookie', `session_id=${id}`).expect('1');
      expect(idOf(written)).to.match(ID);
    }
    expect(calls.map(([name]) => name)).to.deep.equal(Array(4).fill('set'));
    const unknown = 'ab'.repeat(24);
    const answer = await request(serve(count, { store })).get('/').set('Cookie', `session_id=${unknown}`).expect('1');
    expect(idOf(answer)).to.match(ID).and.not.equal(unknown);
  });

  it('a change after the response was sent is an error', async () => {
    const late: unknown[] = [];
    const store = memoryStore({ now });
    const served = serve(
      async (one, _req, res) => {
        one.set('a', 1);
        res.end('sent');
        const changes = [
          () => one.set('b', 1),
          () => one.delete('a'),
          () => one.clear(),
          () => one.regenerate(),
          () => one.destroy(),
        ];
        for (const change of changes) late.push((await failureOf(change)).code);
        late.push((await failureOf(() => Object.assign(one.data, { b: 1 }))).name);
      },
      { store },
    );
    const made = await visit(served).expect(200, 'sent');
    expect(late).to.deep.equal([...Array(5).fill('SESSILE_MISUSE'), 'TypeError']);
    expect((await store.get(idOf(made)))?.data).to.deep.equal({ a: 1 });
  });

  it('a handler that fails after it ended the response leaves that, and what is being saved, as they are', async () => {
    const { store } = ownStore(true);
    const failed = new Gate(1);
    const slow: RecordStore = {
      ...store,
      set: async (...args) => {
        await failed.pass();
        return store.set(...args);
      },
    };
    const served = middleware<Fields>({ now, store: slow }).wrap(
      (req, res) => {
        req.session.set('a', 1);
        res.end('sent');
        throw new Error('broken');
      },
      (error) => {
        errors.push(error as Error);
        setImmediate(() => failed.open());
      },
    );
    const made = await visit(served).expect(200, 'sent');
    expect(errors.map(String)).to.deep.equal(['Error: broken']);
    expect((await store.get(idOf(made)))?.data).to.deep.equal({ a: 1 });
  });

  it('once headers have left a session can be changed, but none can begin or get another id', async () => {
    const store = memoryStore({ now });
    const codes: unknown[] = [];
    const streaming = serve(
      async (one, _req, res) => {
        res.write('begun,');
        codes.push((await failureOf(() => one.regenerate())).code);
        if (one.isNew) codes.push((await failureOf(() => one.set('a', 1))).code);
        else one.set('a', 2);
        return 'ended';
      },
      { store },
    );
    await visit(streaming).expect('begun,ended');
    const made = await visit(serve(count, { store }));
    await visit(streaming, made).expect('begun,ended');
    expect(codes).to.deep.equal(Array(3).fill('SESSILE_MISUSE'));
    expect((await store.get(idOf(made)))?.data).to.deep.equal({ views: 1, a: 2 });
    const inPlace = serve(
      (one, _req, res) => {
        res.write('begun');
        one.data.a = 1;
      },
      { store },
    );
    const failure = await visit(inPlace).then(
      () => undefined,
      (error: Error) => error,
    );
    expect(failure, 'the connection is closed').to.be.an('error');
    expect(errors.map(({ code }) => code)).to.deep.equal(['SESSILE_MISUSE']);
  });

  it('a store that fails is answered with 500 and heard of, whether it loads, saves, touches or destroys', async () => {
    const { store, fails } = failingStore();
    const made = await visit(serve(count, { store }));
    const acts: [string, Act][] = [
      ['get', show],
      ['update', (one, _req, res) => res.setHeader('X-Lost', '1') && count(one)],
      ['touch', show],
      ['delete', (one) => void one.destroy().catch(() => {})],
    ];
    for (const [name, act] of acts) {
      fails.add(name);
      const answer = await visit(serve(act, { store }), made).expect(500, 'Internal Server Error');
      expect(answer.headers).not.to.have.property('x-lost');
      fails.clear();
    }
    expect(errors.map(({ message }) => message)).to.deep.equal(acts.map(([name]) => `${name} failed`));
    fails.add('set');
    const stranger = await visit(serve(count, { store })).expect(500);
    expect(setCookies(stranger)).to.deep.equal([]);
    fails.clear();
    await visit(serve(show, { store }), made).expect('1');
  });

  it('what cannot be written as JSON is an error, and nothing is changed', async () => {
    const store = memoryStore({ now });
    const made = await visit(serve(count, { store }));
    const served = serve(
      (one) => {
        const loop: { list: number[]; self?: unknown } = { list: [] };
        loop.self = loop;
        one.set('nested', loop);
      },
      { store },
    );
    await visit(served, made).expect(500);
    expect(errors.map(({ code }) => code)).to.deep.equal(['SESSILE_SERIALIZE']);
    await visit(serve(show, { store }), made).expect('1');
  });

  it("takes a session store for express-session, ours or another's", async () => {
    const files = new FileStore(folder(), { now });
    for (const [store, length] of [
      [new MemoryStore({ now }), undefined],
      [files, undefined],
      [new session.MemoryStore(), 0],
    ] as const) {
      const ttl = 3_600;
      // express-session's own store reads the time of day.
      clock.now = length === 0 ? Date.now() : START;
      const served = serve(count, { store, ttl });
      const made = await visit(served).expect('1');
      clock.now += 1_000;
      await visit(served, made).expect('2');
      await visit(serve(show, { store, ttl }), made).expect('2');
      const meet = gate(2);
      const both = serve(
        async (one, req) => {
          await meet();
          one.set(req.url === '/a' ? 'a' : 'b', 1);
        },
        { store, ttl },
      );
      await Promise.all(['/a', '/b'].map((path) => request(both).get(path).set('Cookie', cookieOf(made))));
      const moved = await visit(
        serve((one) => one.regenerate(), { store, ttl }),
        made,
      );
      await visit(
        serve((one) => JSON.stringify(one.data), { store, ttl }),
        moved,
      ).expect(JSON.stringify({ views: 2, a: 1, b: 1 }));
      await visit(
        serve((one) => one.destroy(), { store, ttl }),
        moved,
      ).expect(200);
      await visit(served, moved).expect('1');
      await visit(served, made).expect('1');
    }
    await files.closeAsync();
  });

  it('is the middleware of a request once, and says so where it was not', async () => {
    const { store, calls } = ownStore(true);
    const sessions = middleware<Fields>({ store, now });
    const app = connect();
    app.use(sessions);
    app.use(sessions);
    app.use((req, res) => void res.end(count(sessions.of(req))));
    await request(app).get('/').expect('1');
    expect(calls).to.have.lengthOf(1);
    let error: Error | undefined;
    await request((req: IncomingMessage, res: ServerResponse) => {
      try {
        sessions.of(req);
      } catch (caught) {
        error = caught as Error;
      }
      res.end();
    }).get('/');
    expect(error).to.include({ code: 'SESSILE_MISUSE' });
  });

  it('refuses wrong options', async () => {
    const wrong: [() => unknown, string][] = [
      [() => middleware({ maxAge: 1 } as MiddlewareOptions), 'unknown option "maxAge"'],
      [() => middleware({ ttl: 0 }), 'ttl'],
      [() => middleware({ rolling: 1 as unknown as boolean }), 'rolling'],
      [() => middleware({ cookieName: 'a=b' }), 'name'],
      [() => middleware({ cookie: { sameSite: 'x' as 'Lax' } }), 'sameSite'],
      [() => middleware({ cookie: { path: ';' } }), 'path'],
      [() => middleware({ cookie: { samesite: 'Lax' } as object }), 'did you mean "sameSite"'],
      [() => middleware({ store: {} as RecordStore }), 'store'],
      [() => middleware({ now: 1 as unknown as () => number }), 'now'],
      [() => memoryStore({ ttl: 1 } as object), 'ttl'],
      [() => fileStore(''), 'dir'],
      [() => sqliteStore(''), 'path'],
      [() => sqliteStore({} as SqliteDatabase), 'database'],
    ];
    for (const [act, words] of wrong) {
      const { code, message } = await failureOf(act);
      expect(code, words).to.equal('SESSILE_MISUSE');
      expect(message).to.include(words);
    }
  });

  it('refuses calls after close', async () => {
    for (const open of Object.values(stores)) {
      const store = open();
      await store.close();
      await store.close();
      expect(await failureOf(() => store.get('one'))).to.include({ code: 'SESSILE_CLOSED' });
    }
  });

  it('says so where the directory of sessions cannot be used', async () => {
    const dir = join(folder(), 'dir');
    mkdirSync(dir);
    writeFileSync(join(dir, 'file'), '');
    chmodSync(join(dir, 'file'), 0o600);
    expect(await failureOf(() => fileStore(join(dir, 'file')))).to.include({ code: 'SESSILE_BAD_PATH' });
  });
});

function count(one: ServerSession<Fields>): string {
  one.set('views', (one.get('views') ?? 0) + 1);
  return String(one.get('views'));
}

function show(one: ServerSession<Fields>): string {
  return String(one.get('views'));
}

/** With the cookie of a former answer, if one is given. */
function visit(served: RequestListener, former?: request.Response): request.Test {
  const test = request(served).get('/');
  return former === undefined ? test : test.set('Cookie', cookieOf(former));
}

function setCookies({ headers }: request.Response): string[] {
  const found: unknown = headers['set-cookie'];
  return Array.isArray(found) ? found : [];
}

function cookieOf(answer: request.Response): string {
  return setCookies(answer)[0]?.split(';')[0] ?? expect.fail('no cookie was set');
}

function idOf(answer: request.Response): string {
  return cookieOf(answer).replace(/^[^=]+=/, '');
}

function attributes(answer: request.Response): string[] {
  return (setCookies(answer)[0] ?? '').toLowerCase().split('; ').slice(1).sort();
}

/** What an app may write itself: three or four methods, and no copies. */
function ownStore(touches: boolean): { store: RecordStore; calls: unknown[][] } {
  const kept = new Map<string, { data: Record<string, unknown>; expiresAt?: number | undefined }>();
  const calls: unknown[][] = [];
  const store: RecordStore = {
    get: async (id) => kept.get(id),
    set: async (id, data, expiresAt) => {
      calls.push(['set', id, data, expiresAt]);
      await turns();
      kept.set(id, { data, expiresAt });
    },
    delete: async (id) => {
      calls.push(['delete', id]);
      kept.delete(id);
    },
  };
  const touch = async (id: string, expiresAt?: number) => {
    calls.push(['touch', id, expiresAt]);
    Object.assign(kept.get(id) ?? {}, { expiresAt });
  };
  return { store: touches ? { ...store, touch } : store, calls };
}

function failingStore(): { store: RecordStore; fails: Set<string> } {
  const real = memoryStore({ now: () => START });
  const fails = new Set<string>();
  const names = ['get', 'set', 'delete', 'touch', 'update'] as const;
  const methods = names.map((name) => [
    name,
    async (...args: unknown[]) => {
      if (fails.has(name)) throw new Error(`${name} failed`);
      return await (real[name] as (...args: unknown[]) => unknown).apply(real, args);
    },
  ]);
  return { store: Object.fromEntries(methods) as RecordStore, fails };
}

function openDatabase(path: string): SqliteDatabase {
  const Database = createRequire(import.meta.url)('better-sqlite3') as new (path: string) => SqliteDatabase;
  const builtIn = process.getBuiltinModule('node:sqlite') as { DatabaseSync: typeof Database } | undefined;
  return new (builtIn?.DatabaseSync ?? Database)(path);
}

/** Some turns of the event loop. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
