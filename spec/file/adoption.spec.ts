import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect } from 'chai';
import express from 'express';
import session from 'express-session';
import request from 'supertest';
import { FileBackend, FileStore, type FileStoreOptions } from '../../lib/backends/file.js';
import type { SessileError } from '../../lib/errors.js';
import { nameOf } from '../../lib/internal/entry-text.js';
import { nodeFiles } from '../../lib/internal/files.js';
import { folders, namesIn, snapshot } from '../support/folder.js';

type Fields = Record<string, unknown>;
type Peer = session.Store & { options: Fields };
type PeerClass = new (options: Fields) => Peer;

const PeerStore = (createRequire(import.meta.url)('session-file-store') as (s: typeof session) => PeerClass)(session);
const HOUR = 3_600_000;
const MAX_AGE = 60_000;
const COOKIE = { originalMaxAge: MAX_AGE, expires: new Date('2100-01-01'), httpOnly: true, path: '/' };

describe('FileStore that adopts what session-file-store left', () => {
  const folder = folders();
  let dir: string;
  let peer: Peer;
  let stores: FileStore[];
  let errors: SessileError[];

  beforeEach(() => {
    dir = folder();
    [stores, errors] = [[], []];
    peer = peerWith({});
  });
  afterEach(() => Promise.all(stores.map((store) => store.closeAsync())));

  const peerWith = (options: Fields) =>
    new PeerStore({ path: dir, reapInterval: -1, retries: 0, logFn: () => {}, ...options });

  function open(options: FileStoreOptions = {}): FileStore {
    const store = new FileStore(dir, { adopt: 'session-file-store', pruneInterval: 0, ...options });
    store.on('error', (error: SessileError) => errors.push(error));
    stores.push(store);
    return store;
  }

  /** Has the peer write a session, and answers the moment from which its life counts. */
  async function leave(sid: string, data: Fields = {}, by = peer): Promise<number> {
    const given: Fields & { __lastAccess: number } = { cookie: COOKIE, ...data, __lastAccess: 0 };
    await promisify(by.set.bind(by) as (s: string, d: unknown, cb: (e: unknown) => void) => void)(sid, given);
    return given.__lastAccess;
  }

  const ofPeer = (sid: string, by = peer) =>
    new Promise<Fields | null | undefined>((resolve) =>
      by.get(sid, (_, found) => resolve(found as Fields | null | undefined)),
    );
  const names = () => namesIn(dir);
  const ours = (sid: string, suffix = 'json') => `${nameOf(sid)}.${suffix}`;

  it('keeps those logged in who logged in before the store was switched, over HTTP', async () => {
    const app = (store: session.Store) =>
      express()
        .use(session({ store, secret: 's', resave: false, saveUninitialized: false, cookie: { maxAge: MAX_AGE } }))
        .get('/login', (req, res) => {
          Object.assign(req.session, { user: 'ada', visits: 0 });
          res.end();
        })
        .get('/visit', (req, res) => {
          const fields = req.session as unknown as { visits: number };
          fields.visits += 1;
          res.json(req.session);
        })
        .get('/read', (req, res) => void res.json(req.session))
        .get('/logout', (req, res) => req.session.destroy(() => res.end()));
    const login = await request(app(peer)).get('/login').expect(200);
    const cookie = String(login.headers['set-cookie']).split(';')[0] as string;
    const [theirs] = names();

    const store = open();
    const switched = request(app(store));
    const visited = await switched.get('/visit').set('cookie', cookie).expect(200);
    expect(visited.body).to.include({ user: 'ada', visits: 1 }).and.not.have.property('__lastAccess');
    expect(names(), 'carried over').to.have.lengthOf(1).and.not.include(theirs);
    expect((await switched.get('/read').set('cookie', cookie)).body).to.include({ user: 'ada', visits: 1 });
    await switched.get('/logout').set('cookie', cookie).expect(200);
    expect((await switched.get('/read').set('cookie', cookie)).body).not.to.have.property('user');
    expect(names()).to.deep.equal([]);
    expect(errors).to.deep.equal([]);
  });

  it('reads without writing, and hands out what the peer was given', async () => {
    await leave('id', { user: 'Zoë 😀', list: [1, { deep: null }] });
    const before = readFileSync(join(dir, 'id.json'), 'utf8');
    const found = await open().getAsync('id');
    expect(found).to.deep.include({ user: 'Zoë 😀', list: [1, { deep: null }] });
    expect(found?.cookie.expires).to.be.an.instanceOf(Date);
    expect(found?.cookie).to.deep.include({ originalMaxAge: MAX_AGE, path: '/', httpOnly: true });
    expect(names()).to.deep.equal(['id.json']);
    expect(readFileSync(join(dir, 'id.json'), 'utf8')).to.equal(before);
  });

  it('carries over with a touch, data and all', async () => {
    const at = await leave('id', { user: 'ada' });
    const store = open();
    const expires = new Date(at + 10 * MAX_AGE);
    await store.touchAsync('id', { cookie: { ...COOKIE, expires } });
    expect(names()).to.deep.equal([ours('id')]);
    expect(await store.getAsync('id')).to.deep.equal({ user: 'ada', cookie: { ...COOKIE, expires } });
  });

  it('ends one of theirs by destroy, and by an update to nothing', async () => {
    const store = open();
    await leave('a');
    await leave('b');
    await store.destroyAsync('a');
    await store.updateAsync('b', () => undefined);
    expect(names()).to.deep.equal([]);
    await store.touchAsync('a', { cookie: COOKIE });
    expect(await store.getAsync('a')).to.equal(undefined);
  });

  for (const [kind, data, options, life] of [
    ['its maxAge', {}, {}, MAX_AGE],
    ['an hour by default', { cookie: { originalMaxAge: null, expires: null } }, {}, HOUR],
    ['an hour without a cookie', { cookie: undefined }, {}, HOUR],
    ['the ttl that the peer had', { cookie: { originalMaxAge: null, expires: null } }, { ttl: 5_000 }, 5_000],
  ] as const) {
    it(`expires in the same millisecond as there: ${kind}`, async () => {
      let now = 0;
      const by = peerWith({ ttl: life / 1_000 });
      const adopt = { from: 'session-file-store' as const, ...options };
      const store = open({ adopt, now: () => now });
      const at = await leave('id', { ...data, user: 'ada' });
      for (const after of [-1, 0, 1]) {
        now = at + life + after;
        const alive = after <= 0;
        expect(await withClock(now, () => ofPeer('id', by)), `theirs ${after}`).to[alive ? 'include' : 'equal'](
          (alive ? { user: 'ada' } : null) as never,
        );
        expect((await store.getAsync('id')) !== undefined, `ours ${after}`).to.equal(alive);
        expect(await store.lengthAsync()).to.equal(alive ? 1 : 0);
        expect(await store.pruneAsync()).to.equal(alive ? 0 : 1);
      }
      expect(names()).to.deep.equal([]);
    });
  }

  it('counts, lists, prunes and clears theirs like ours', async () => {
    let now = Date.now();
    const store = open({ now: () => now });
    for (const sid of ['a', 'b', 'c']) await leave(sid, { sid });
    now = Date.now();
    await store.setAsync('c', { cookie: { ...COOKIE, expires: new Date(now + HOUR), originalMaxAge: HOUR } });
    await store.setAsync('d', { cookie: { ...COOKIE, expires: new Date(now + HOUR), originalMaxAge: HOUR } });
    expect((await store.idsAsync()).sort()).to.deep.equal(['a', 'b', 'c', 'd']);
    expect(Object.keys(await store.allAsync()).sort()).to.deep.equal(['a', 'b', 'c', 'd']);
    expect(await store.lengthAsync()).to.equal(4);
    now += MAX_AGE + 1_000;
    expect((await store.idsAsync()).sort()).to.deep.equal(['c', 'd']);
    expect(await store.pruneAsync()).to.equal(2);
    expect(names()).to.deep.equal([ours('c'), ours('d')].sort());
    await leave('e');
    await store.clearAsync();
    expect(names()).to.deep.equal([]);
  });

  it('yields a session once that is carried over in the middle of a walk', async () => {
    const sids = Array.from({ length: 40 }, (_, n) => `id-${n}`);
    for (const sid of sids) await leave(sid);
    const backend = new FileBackend(
      dir,
      { adopt: 'session-file-store' },
      { files: { ...nodeFiles, opendir: openSlowly } },
    );
    const seen: string[] = [];
    for await (const [sid, entry] of backend.entries()) {
      seen.push(sid);
      await backend.update(sid, () => ({ ...entry }));
    }
    expect(seen.sort()).to.deep.equal(sids.sort());
  });

  it('takes ours where an id is there in both forms, and leaves none of theirs behind when it writes', async () => {
    const store = open();
    await leave('id', { from: 'theirs' });
    const theirs = readFileSync(join(dir, 'id.json'));
    await store.setAsync('id', { cookie: COOKIE, from: 'ours' } as never);
    writeFileSync(join(dir, 'id.json'), theirs);
    expect(await store.getAsync('id')).to.include({ from: 'ours' });
    expect(await store.idsAsync()).to.deep.equal(['id']);
    expect(await store.lengthAsync()).to.equal(1);
    await store.setAsync('id', { cookie: COOKIE, from: 'ours again' } as never);
    expect(names()).to.deep.equal([ours('id')]);
    writeFileSync(join(dir, 'id.json'), theirs);
    await store.destroyAsync('id');
    expect(names()).to.deep.equal([]);
  });

  it('adopts ids that look like names of ours', async () => {
    const sid = nameOf('some id');
    await leave(sid, { user: 'ada' });
    const store = open();
    await store.setAsync('other', { cookie: COOKIE });
    expect(await store.pruneAsync()).to.equal(0);
    expect((await store.idsAsync()).sort()).to.deep.equal([sid, 'other'].sort());
    await store.touchAsync(sid, { cookie: COOKIE });
    expect(names()).to.deep.equal([ours(sid), ours('other')].sort());
    expect(await store.getAsync(nameOf('other')), 'the name of a file of ours is no id').to.equal(undefined);
    expect(errors).to.deep.equal([]);
  });

  it('takes a damaged one for a miss, reports it, and keeps it aside', async () => {
    const store = open();
    const damaged = (sid: string) => writeFileSync(join(dir, `${sid}.json`), '{"user":"secret word');
    damaged('got');
    expect(await store.getAsync('got')).to.equal(undefined);
    damaged('walked');
    expect(await store.lengthAsync()).to.equal(0);
    damaged('touched');
    await store.touchAsync('touched', { cookie: COOKIE });
    damaged('set');
    await store.setAsync('set', { cookie: COOKIE });
    mkdirSync(join(dir, 'folder.json'));
    expect(await store.getAsync('folder')).to.equal(undefined);
    expect(names()).to.deep.equal(
      ['folder.corrupt', 'got.corrupt', 'set.corrupt', 'touched.corrupt', 'walked.corrupt', ours('set')].sort(),
    );
    await nextTurn();
    expect(errors.map(({ code }) => code)).to.deep.equal(Array(5).fill('SESSILE_CORRUPT'));
    for (let error: Error | undefined = errors[0]; error; error = error.cause as Error) {
      expect(error.message).not.to.contain('secret');
    }
  });

  it('leaves JSON alone that session-file-store did not write, or wrote encrypted, and says so once', async () => {
    await leave('sealed', { user: 'ada' }, peerWith({ secret: 'a passphrase of some length' }));
    writeFileSync(join(dir, 'package.json'), '{"name":"not ours"}');
    const before = snapshot(dir);
    const store = open();
    for (const sid of ['package', 'sealed']) {
      expect(await store.getAsync(sid)).to.equal(undefined);
      await store.touchAsync(sid, { cookie: COOKIE });
      await store.destroyAsync(sid);
    }
    await store.setAsync('package', { cookie: COOKIE });
    await store.clearAsync();
    await store.pruneAsync();
    expect(names()).to.deep.equal(
      Object.keys(before)
        .filter((name) => name !== '.')
        .sort(),
    );
    await nextTurn();
    expect(errors.map(({ code }) => code)).to.deep.equal(['SESSILE_CORRUPT']);
  });

  it('never leaves the directory, whatever the id', async () => {
    const root = folder();
    dir = join(root, 'sessions');
    peer = peerWith({});
    await leave('id', { user: 'inside' });
    const session = readFileSync(join(dir, 'id.json'));
    for (const name of ['outside.json', 'broken.json'])
      writeFileSync(join(root, name), session.subarray(name.length % 2));
    mkdirSync(join(dir, 'inner'));
    writeFileSync(join(dir, 'inner', 'deep.json'), session);
    symlinkSync(join(root, 'outside.json'), join(dir, 'link.json'));
    writeFileSync(join(dir, '.json'), session);
    writeFileSync(join(dir, '\ufffd.json'), session);
    const outside = () => ({ ...snapshot(join(dir, 'inner')), root: namesIn(root).join() });
    const [before, text] = [outside(), readFileSync(join(root, 'outside.json'), 'utf8')];
    const store = open();
    const hostile = [
      '../outside',
      '../broken',
      `${root}/outside`,
      'inner/deep',
      './id',
      'inner/../id',
      'link',
      '',
      '\ud800',
    ].concat(['id.json\0', 'id\0', '..\\outside', 'x'.repeat(251), 'é'.repeat(126), '..', '.']);
    for (const sid of hostile) {
      expect(await store.getAsync(sid), sid).to.equal(undefined);
      await store.touchAsync(sid, { cookie: COOKIE });
      await store.setAsync(sid, { cookie: COOKIE });
      await store.destroyAsync(sid);
    }
    expect(outside()).to.deep.equal(before);
    expect(readFileSync(join(root, 'outside.json'), 'utf8')).to.equal(text);
    expect(await store.getAsync('id')).to.include({ user: 'inside' });
    expect(await store.getAsync('\ufffd')).to.include({ user: 'inside' });
    expect(namesIn(dir)).to.include('.json');
  });

  it('reads another file extension where that is said', async () => {
    peer = peerWith({ fileExtension: '.sess' });
    await leave('id', { user: 'ada' });
    expect(await open().getAsync('id')).to.equal(undefined);
    const store = open({ adopt: { from: 'session-file-store', fileExtension: '.sess' } });
    expect(await store.idsAsync()).to.deep.equal(['id']);
    await store.touchAsync('id', { cookie: COOKIE });
    expect(names()).to.deep.equal([ours('id')]);
  });

  it('runs beside the peer: a session of ours survives its reaping, one of theirs ours', async () => {
    const store = open();
    await store.setAsync('ours', { cookie: COOKIE, user: 'o' } as never);
    await leave('theirs', { user: 't' });
    const { reap } = createRequire(import.meta.url)('session-file-store/lib/session-file-helpers.js') as {
      reap: (options: Fields, cb: (error: unknown) => void) => void;
    };
    expect(await new Promise((resolve) => reap(peer.options, resolve))).to.equal(undefined);
    await store.pruneAsync();
    expect(await store.getAsync('ours')).to.include({ user: 'o' });
    expect(await ofPeer('theirs')).to.include({ user: 't' });
    await leave('theirs', { user: 'later' });
    expect(await store.getAsync('theirs'), 'what it writes is seen until we write').to.include({ user: 'later' });
  });

  it('loses nothing when two stores carry one session over at once', async () => {
    await leave('id', { count: 0 });
    const [a, b] = [open(), open()];
    const add = (store: FileStore) =>
      store.updateAsync('id', (s) => ({ ...(s as session.SessionData), count: (s?.count ?? -99) + 1 }));
    await Promise.all(Array.from({ length: 40 }, (_, n) => add(n % 2 ? a : b)));
    expect((await a.getAsync('id'))?.count).to.equal(40);
  });

  for (const wrong of ['connect-sqlite3', true, null, {}, { from: 'x' }, { from: 'session-file-store', tll: 1 }]) {
    it(`refuses adopt: ${JSON.stringify(wrong)}`, () => {
      expect(() => new FileStore(dir, { adopt: wrong as never })).to.throw(TypeError, /adopt/);
    });
  }

  for (const fileExtension of ['', '.', 'json', '.lock', '.tmp', '.break', '.corrupt', '/../x.json', 5]) {
    it(`refuses the file extension ${JSON.stringify(fileExtension)}`, () => {
      const adopt = { from: 'session-file-store', fileExtension } as never;
      expect(() => new FileStore(dir, { adopt })).to.throw(TypeError, /fileExtension/);
    });
  }
});

/** Listed name by name, so that a walk sees what is made while it goes on. */
const openSlowly: typeof nodeFiles.opendir = async (path) =>
  (await import('node:fs/promises')).opendir(path, { bufferSize: 1 });

/** The peer reads the clock itself. */
async function withClock<T>(now: number, act: () => Promise<T>): Promise<T> {
  const RealDate = globalThis.Date;
  globalThis.Date = class extends RealDate {
    constructor() {
      super(now);
    }
  } as DateConstructor;
  try {
    return await act();
  } finally {
    globalThis.Date = RealDate;
  }
}
