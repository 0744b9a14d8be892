import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import express from 'express';
import session, { type SessionData } from 'express-session';
import { createClient } from 'redis';
import request from 'supertest';
import { RedisStore, type RedisStoreOptions } from '../../lib/backends/redis.js';
import { failureOf } from '../support/folder.js';
import { needRedis, type RedisServer, redisServer } from '../support/redis-server.js';
import { SpoilingProxy } from './proxy.js';

const cookie = { originalMaxAge: null, expires: null, path: '/' } as unknown as SessionData['cookie'];
type Marked = SessionData & { marks?: string[] };

/** An update that leaves a mark of its own: whether it was done, and how often, is seen in the end. */
async function mark(store: RedisStore, sid: string, name: string): Promise<void> {
  await store.updateAsync(sid, (found) => {
    const marks = [...((found as Marked | undefined)?.marks ?? []), name];
    return { cookie, marks } as Marked;
  });
}

async function marksOf(store: RedisStore, sid: string): Promise<string[]> {
  return ((await store.getAsync(sid)) as Marked | undefined)?.marks ?? [];
}

function clientOf(url: string) {
  const client = createClient({ url, socket: { reconnectStrategy: () => 10 } });
  client.on('error', () => {});
  return client;
}

describe('RedisStore under faults', function () {
  this.timeout(300_000);
  let server: RedisServer;
  let closing: (() => unknown)[];

  before(async function () {
    needRedis(this);
    server = await redisServer(['--appendonly', 'yes', '--appendfsync', 'always']);
  });

  after(() => server?.remove());

  beforeEach(() => {
    closing = [];
  });

  afterEach(async () => {
    for (const close of closing.reverse()) await close();
  });

  async function open(url: string, options: Partial<RedisStoreOptions> = {}): Promise<RedisStore> {
    const client = clientOf(url);
    await client.connect();
    const store = new RedisStore({ client, timeout: 10_000, ...options });
    closing.push(async () => {
      await store.closeAsync();
      client.destroy();
    });
    return store;
  }

  async function proxied(options?: Partial<RedisStoreOptions>): Promise<{ proxy: SpoilingProxy; store: RedisStore }> {
    const proxy = await SpoilingProxy.open(server.port);
    closing.push(() => proxy.close());
    return { proxy, store: await open(proxy.url, options) };
  }

  it('killed and started again during load: each acknowledged update is there once, none of the others twice', async () => {
    const store = await open(server.url, { prefix: 'kill:' });
    const acknowledged: string[] = [];
    const codes = new Set<unknown>();
    let serial = 0;
    let goesOn = true;
    const lane = async (sid: string) => {
      while (goesOn) {
        const name = `${sid} ${serial++}`;
        try {
          await mark(store, sid, name);
          acknowledged.push(name);
        } catch (error) {
          codes.add((error as { code?: unknown }).code);
        }
      }
    };
    const sids = ['a', 'b', 'c'];
    const lanes = [...sids, ...sids].map(lane);
    for (let round = 1; round <= 3; round += 1) {
      while (acknowledged.length < 60 * round) await pause(5);
      await server.kill();
      await server.start();
      const before = acknowledged.length;
      while (acknowledged.length === before) await pause(5);
    }
    goesOn = false;
    await Promise.all(lanes);
    const marks = (await Promise.all(sids.map((sid) => marksOf(store, sid)))).flat();
    expect(new Set(marks).size, 'marks that are there twice').to.equal(marks.length);
    const kept = new Set(marks);
    expect(acknowledged.filter((name) => !kept.has(name))).to.deep.equal([]);
    expect([...codes].filter((code) => code !== 'SESSILE_IO')).to.deep.equal([]);
  });

  for (const [fault, done] of [
    ['is cut before it arrives', []],
    ['is cut before its answer arrives', ['one']],
  ] as const) {
    it(`an update of which the write ${fault} fails with a code, is not repeated, and the next one works`, async () => {
      const prefix = `${fault}:`;
      const { proxy, store } = await proxied({ prefix });
      // The scripts are known to the server from here on: the write is one command.
      await mark(store, 'warm', 'up');
      await mark(store, 'warm', 'up');
      const met = proxy.next('EVALSHA', fault);
      const failure = await failureOf(() => mark(store, 'a', 'one'));
      await met;
      expect(failure).to.have.property('code', 'SESSILE_IO');
      expect(failure.message).to.include('may or may not have been done');
      await mark(store, 'a', 'two');
      expect(await marksOf(store, 'a')).to.deep.equal([...done, 'two']);
    });
  }

  it('a set, a touch and a destroy that are cut fail with a code, and are not repeated', async () => {
    const { proxy, store } = await proxied({ prefix: 'cut:' });
    const direct = await open(server.url, { prefix: 'cut:' });
    await mark(store, 'a', 'one');
    await store.touchAsync('a', { cookie });
    const acts: [string, () => Promise<void>][] = [
      ['SET', () => store.setAsync('a', { cookie })],
      ['EVALSHA', () => store.touchAsync('a', { cookie })],
      ['UNLINK', () => store.destroyAsync('a')],
    ];
    for (const [word, act] of acts) {
      const met = proxy.next(word, 'is cut before it arrives');
      expect(await failureOf(act), word).to.have.property('code', 'SESSILE_IO');
      await met;
      await store.getAsync('a');
      expect(await marksOf(direct, 'a'), word).to.deep.equal(['one']);
    }
  });

  it('a server too slow to read from: the update fails in time and writes nothing, also later', async () => {
    const { proxy, store } = await proxied({ prefix: 'slow read:', timeout: 300 });
    const direct = await open(server.url, { prefix: 'slow read:' });
    await mark(direct, 'a', 'one');
    const met = proxy.next('GET', 'is answered when released');
    const failure = await failureOf(() => mark(store, 'a', 'two'));
    await met;
    expect(failure).to.have.property('code', 'SESSILE_IO');
    expect(failure.message).to.include('did not answer within 300 ms');
    await mark(direct, 'a', 'three');
    proxy.release();
    await direct.getAsync('b');
    expect(await marksOf(direct, 'a')).to.deep.equal(['one', 'three']);
  });

  it('a server too slow to answer a write: the update fails in time, and was done once', async () => {
    const { proxy, store } = await proxied({ prefix: 'slow write:', timeout: 2_000 });
    const direct = await open(server.url, { prefix: 'slow write:' });
    await mark(direct, 'a', 'one');
    const met = proxy.next('EVAL', 'is answered when released');
    const [failure, behind] = await Promise.all([
      failureOf(() => mark(store, 'a', 'two')),
      failureOf(() => mark(store, 'a', 'behind')),
    ]);
    await met;
    expect([failure, behind].map((error) => (error as { code?: unknown }).code)).to.deep.equal([
      'SESSILE_IO',
      'SESSILE_IO',
    ]);
    proxy.release();
    await pause(0);
    expect(await marksOf(direct, 'a')).to.deep.equal(['one', 'two']);
  });

  it('a paused server: everything that is asked of it fails with a code, nothing hangs', async () => {
    const own = await redisServer(['--appendonly', 'yes', '--appendfsync', 'always']);
    closing.push(() => own.remove());
    const [patient, store] = [await open(own.url), await open(own.url, { timeout: 200 })];
    await mark(patient, 'a', 'one');
    const admin = clientOf(own.url);
    await admin.connect();
    await admin.sendCommand(['CLIENT', 'PAUSE', '600000', 'ALL']);
    admin.destroy();
    const outcomes = await Promise.allSettled([
      store.getAsync('a'),
      store.setAsync('b', { cookie }),
      store.touchAsync('a', { cookie }),
      mark(store, 'a', 'two'),
      mark(store, 'a', 'three'),
      store.destroyAsync('c'),
      store.lengthAsync(),
      store.idsAsync(),
      store.clearAsync(),
    ]);
    const codes = outcomes.map((one) => (one.status === 'rejected' ? one.reason.code : 'answered'));
    expect(codes).to.deep.equal(outcomes.map(() => 'SESSILE_IO'));
    await own.kill();
    await own.start();
    expect(await marksOf(patient, 'a')).to.deep.equal(['one']);
  });

  it('gone and back: says so to express-session, which goes on without sessions and finds them again', async () => {
    const own = await redisServer(['--appendonly', 'yes', '--appendfsync', 'always']);
    closing.push(() => own.remove());
    const store = await open(own.url);
    const app = express();
    app.use(session({ store, secret: 'spec', resave: false, saveUninitialized: false }));
    app.get('/', (req, res) => {
      const data = req.session as (SessionData & { user?: string }) | undefined;
      if (data && req.query['user']) data.user = String(req.query['user']);
      res.json({ has: data !== undefined, user: data?.user ?? null });
    });
    const agent = request.agent(app);
    await agent.get('/?user=ada').expect(200);
    const gone = once(store, 'disconnect');
    await own.kill();
    await gone;
    expect((await agent.get('/').expect(200)).body).to.deep.equal({ has: false, user: null });
    const back = once(store, 'connect');
    await own.start();
    await back;
    expect((await agent.get('/').expect(200)).body).to.deep.equal({ has: true, user: 'ada' });
  });

  it('not there for long: a call waits for it only so long, and is not made up for when it is back', async () => {
    const own = await redisServer();
    closing.push(() => own.remove());
    const store = await open(own.url, { timeout: 1_000 });
    const gone = once(store, 'disconnect');
    await own.kill();
    await gone;
    const failures = await Promise.all([
      failureOf(() => store.setAsync('a', { cookie })),
      failureOf(() => mark(store, 'b', 'one')),
    ]);
    expect(failures.map(({ message }) => message.includes('could not be reached'))).to.deep.equal([true, true]);
    const back = once(store, 'connect');
    await own.start();
    await back;
    expect(await store.idsAsync()).to.deep.equal([]);
  });
});
