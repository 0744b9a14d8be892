import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import express from 'express';
import session, { type SessionData, type Store } from 'express-session';
import original from 'generic-session';
import { adopt } from '../lib/backends/foreign.js';
import { MemoryStore } from '../lib/backends/memory.js';
import { type AnyStore, callbackify, promisify } from '../lib/bridge.js';
import type { SessionStore } from '../lib/store.js';
import { call } from './conformance/calls.js';
import { httpSuite } from './conformance/http.js';
import { storeSuite } from './conformance/store.js';
import { failureOf } from './support/folder.js';
import { Kept, waysToAnswer } from './support/promise-stores.js';

type Done = (error?: unknown, value?: unknown) => void;
type Loose = Record<string, (...args: never[]) => unknown>;

const failure = new Error('no');
const enoent = Object.assign(new Error('gone'), { code: 'ENOENT' });
const data = { n: 1, cookie: { originalMaxAge: null } } as unknown as SessionData;

/** A store whose every method calls back with what is named, and some other methods. */
function storeWith(methods: Loose): AnyStore {
  const nothing = (_sid: string, done: Done) => done();
  const set = (_sid: string, _session: object, done: Done) => done();
  return { get: nothing, set, destroy: nothing, ...methods } as unknown as AnyStore;
}

const getting = (get: (sid: string, done: Done) => unknown) => promisify(storeWith({ get })).getAsync('a');

describe('promisify', () => {
  it("gives promises over express-session's own store", async () => {
    const store = promisify(new session.MemoryStore());
    await store.setAsync('a', data);
    expect(await store.getAsync('a')).to.deep.equal(data);
    expect(await store.lengthAsync?.()).to.equal(1);
    expect({ ...(await store.allAsync?.()) }).to.deep.equal({ a: data });
    const later = { ...data, cookie: { originalMaxAge: 60_000, expires: new Date(Date.now() + 60_000) } };
    await store.touchAsync?.('a', later as never);
    expect((await store.getAsync('a'))?.cookie.originalMaxAge).to.equal(60_000);
    await store.destroyAsync('a');
    expect(await store.getAsync('a')).to.equal(undefined);
    await store.setAsync('b', data);
    await store.clearAsync?.();
    expect(await store.lengthAsync?.()).to.equal(0);
  });

  it('has just the methods that the store has', () => {
    const three = ['getAsync', 'setAsync', 'destroyAsync'];
    expect(promisify(storeWith({}))).to.have.all.keys(three);
    expect(promisify(storeWith({ touch: 'no method' as never }))).to.have.all.keys(three);
    const whole = storeWith({ touch() {}, clear() {}, length() {}, all() {}, ids() {} });
    const six = ['touchAsync', 'clearAsync', 'lengthAsync', 'allAsync', 'idsAsync'];
    expect(promisify(whole)).to.have.all.keys([...three, ...six]);
  });

  it("gives promises over generic-session's own store, for `ttl` on the clock `now`", async () => {
    let now = Date.UTC(2030, 0, 1);
    const store = promisify(original.MemoryStore(), { ttl: 1_000, now: () => now });
    const cookie = { originalMaxAge: 500, expires: new Date(now + 500) };
    await store.setAsync('a', { n: 1, cookie } as never);
    expect(await store.getAsync('a')).to.include({ n: 1 });
    now += 500;
    expect(await store.getAsync('a')).to.equal(undefined);
    await store.setAsync('b', data);
    await store.touchAsync?.('b', { cookie } as never);
    expect(await store.getAsync('b'), 'touched with a date that has passed').to.equal(undefined);
    expect(() => promisify(original.MemoryStore(), { ttl: 0 })).to.throw(TypeError, 'ttl');
  });

  it('answers a store of ours as it is', () => {
    const store = new MemoryStore();
    expect(promisify(store)).to.equal(store);
  });

  it('calls methods of a prototype with the store as this, and the session as it is', async () => {
    class Kept extends EventEmitter {
      readonly seen: SessionData[] = [];
      get(_sid: string, done: (error: unknown, found?: SessionData) => void): void {
        done(null, this.seen[0]);
      }
      set(_sid: string, given: SessionData, done: Done): void {
        this.seen.push(given);
        done(null, 'something that set answers');
      }
      destroy(_sid: string, done: Done): void {
        done(null, 1);
      }
    }
    const store = promisify(new Kept());
    expect(await store.setAsync('a', data)).to.equal(undefined);
    expect(await store.getAsync('a')).to.equal(data);
    expect(await store.destroyAsync('a')).to.equal(undefined);
  });

  describe('a miss', () => {
    for (const miss of [undefined, null, false, '', 0, 'text', 7]) {
      it(`may be ${JSON.stringify(miss)}`, async () => {
        expect(await getting((_sid, done) => done(null, miss))).to.equal(undefined);
      });
    }

    it('may be ENOENT, by the callback, thrown or rejected', async () => {
      const throwing = () => {
        throw enoent;
      };
      expect(await getting((_sid, done) => done(enoent))).to.equal(undefined);
      expect(await getting(throwing)).to.equal(undefined);
      expect(await getting(async (_sid, _done) => throwing())).to.equal(undefined);
    });

    it('is no error of touch and destroy either, but ENOENT of set, clear, length, all and ids is', async () => {
      const fail = (...args: unknown[]) => (args.at(-1) as Done)(enoent);
      const methods = ['set', 'touch', 'destroy', 'clear', 'length', 'all', 'ids'];
      const store = promisify(storeWith(Object.fromEntries(methods.map((name) => [name, fail]))));
      await store.touchAsync?.('a', data);
      await store.destroyAsync('a');
      expect(await failureOf(() => store.setAsync('a', data))).to.equal(enoent);
      for (const name of ['clearAsync', 'lengthAsync', 'allAsync', 'idsAsync'] as const) {
        expect(await failureOf(() => store[name]?.()), name).to.equal(enoent);
      }
    });
  });

  it('survives a store that calls back twice, throws, answers late or with a promise as well', async () => {
    const twice = (_sid: string, done: Done) => {
      done(null, data);
      done(failure);
    };
    const both = async (_sid: string, done: Done) => {
      done(null, data);
      return null;
    };
    const ahead = async (_sid: string, done: Done) => void setImmediate(done, null, data);
    for (const get of [twice, both, ahead]) expect(await getting(get)).to.equal(data);
    const throwing = () => {
      throw failure;
    };
    expect(await failureOf(() => getting(throwing))).to.equal(failure);
    expect(await failureOf(() => getting(async (_sid, _done) => throwing()))).to.equal(failure);
    expect(await failureOf(() => getting((_sid, done) => done(failure)))).to.equal(failure);
  });

  it('gives up a store that does not answer after timeout ms, with SESSILE_TIMEOUT', async () => {
    const methods = ['get', 'set', 'destroy', 'touch', 'clear', 'length', 'all', 'ids'];
    const mute = Object.fromEntries(methods.map((name) => [name, () => {}]));
    const store = promisify(storeWith(mute), { timeout: 5 });
    const acts: Record<string, () => unknown> = {
      get: () => store.getAsync('a'),
      set: () => store.setAsync('a', data),
      destroy: () => store.destroyAsync('a'),
      touch: () => store.touchAsync?.('a', data),
      clear: () => store.clearAsync?.(),
      length: () => store.lengthAsync?.(),
      all: () => store.allAsync?.(),
      ids: () => store.idsAsync?.(),
    };
    for (const name of methods) {
      const error = await failureOf(acts[name] as () => unknown);
      expect(error, name).to.have.property('code', 'SESSILE_TIMEOUT');
      expect(error.message).to.include(name);
    }
  });

  it('gives all by id of an array whose sessions tell theirs, and no error for other numbers', async () => {
    const store = promisify(
      storeWith({
        all: ((done: Done) => done(null, [{ id: 'a', n: 1 }])) as never,
        length: ((done: Done) => done(null, '3')) as never,
        ids: ((done: Done) => done(null, ['a'])) as never,
      }),
    );
    expect({ ...(await store.allAsync?.()) }).to.deep.equal({ a: { n: 1 } });
    expect(await store.lengthAsync?.()).to.equal(3);
    expect(await store.idsAsync?.()).to.deep.equal(['a']);
  });

  it('gives ids of a store that lists files named by them, and none of another list', async () => {
    const list = ((done: Done) => done(null, ['a.json', 'b.c.json', '.json'])) as never;
    const named = Object.assign(storeWith({ list }), { options: { fileExtension: '.json' } });
    expect(await promisify(named).idsAsync?.()).to.deep.equal(['a', 'b.c', '']);
    expect(promisify(storeWith({ list }))).not.to.have.property('idsAsync');
  });

  for (const [name, act] of Object.entries({
    'no store': () => promisify(undefined as never),
    'a store without destroy': () => promisify({ get() {}, set() {} } as never),
    'timeout: 0': () => promisify(storeWith({}), { timeout: 0 }),
    "timeout: '1'": () => promisify(storeWith({}), { timeout: '1' as never }),
    'an unknown option': () => promisify(storeWith({}), { timeOut: 1 } as never),
  })) {
    it(`refuses ${name}`, () => {
      expect(act).to.throw(TypeError).with.property('code', 'SESSILE_MISUSE');
    });
  }
});

const realNow = Date.now;

/** What no store can do of which nothing is known but its promises. */
const plain = {
  ttl: false,
  update: false,
  entries: false,
  prune: false,
  close: false,
  promises: false,
  merge: false,
  codes: false,
  pruneInterval: false,
};

storeSuite<Store>({
  title: "callbackify(promisify(express-session's MemoryStore))",
  describe,
  it,
  create: ({ now, ttl }) => {
    Date.now = now;
    return callbackify(promisify(new session.MemoryStore()), { now, ttl });
  },
  destroy: () => {
    Date.now = realNow;
  },
  failing: () => callbackify(promisify(storeWith(failing))),
  supports: { ...plain, ids: false },
});

const failing = Object.fromEntries(
  ['get', 'set', 'destroy', 'touch', 'clear', 'length', 'all'].map((name) => [
    name,
    (...args: unknown[]) => void setImmediate(args.at(-1) as Done, failure),
  ]),
);

for (const way of ['promises', 'generators'] as const) {
  const storeOf = waysToAnswer[way];
  const whole = way === 'promises';
  storeSuite<Store>({
    title: `callbackify(a store of ${way})`,
    describe,
    it,
    create: ({ now, ttl }) => callbackify(storeOf(new Kept()), { now, ttl }),
    destroy: () => {},
    skip: whole ? {} : { 'set/read-at-once': 'this store reads at once and writes later' },
    supports: { ...plain, clock: false, touch: whole, all: whole, length: whole, clear: whole, ids: whole },
  });

  storeSuite<SessionStore>({
    title: `adopt(callbackify(a store of ${way}))`,
    describe,
    it,
    create: (options) => adopt(callbackify(storeOf(new Kept()), { now: options.now }), options),
    destroy: (store) => store.closeAsync(),
    supports: whole ? {} : { all: false, ids: false, length: false, entries: false, prune: false, clear: false },
  });
}

httpSuite<SessionStore>({
  title: 'adopt(callbackify(a store of generators))',
  describe,
  it,
  express,
  session,
  create: (options) => adopt(callbackify(waysToAnswer.generators(new Kept())), options),
  destroy: (store) => store.closeAsync(),
});

describe('callbackify', () => {
  it('answers a store of ours as it is: it has callbacks', () => {
    const store = new MemoryStore();
    expect(callbackify(promisify(store))).to.equal(store);
  });

  it('passes on the events of a store whose promises promisify gave', () => {
    const store = Object.assign(new EventEmitter(), storeWith({}));
    const face = callbackify(promisify(store));
    const heard: string[] = [];
    face.on('disconnect', () => heard.push('disconnect'));
    store.emit('disconnect');
    expect(heard).to.deep.equal(['disconnect']);
  });

  for (const [way, storeOf] of Object.entries(waysToAnswer)) {
    it(`keeps, finds and ends sessions of a store of ${way}, and has a touch only if that one has`, async () => {
      const store = callbackify(storeOf(new Kept()));
      const given = { n: 1, cookie: { originalMaxAge: null, expires: null } };
      await call((done) => store.set('a', given as never, done));
      expect(await call((done) => store.get('a', done))).to.deep.equal(given);
      await call((done) => store.destroy('a', done));
      expect(await call((done) => store.get('a', done))).to.equal(undefined);
      expect('touch' in store).to.equal(way === 'promises');
    });
  }

  it('tells the store the life span in its unit: until the date of the cookie, or ttl', async () => {
    const now = () => 1_700_000_000_000;
    const cases: [unit: 'ms' | 's', left: number | null, told: number][] = [
      ['ms', 60_000, 60_000],
      ['s', 60_000, 60],
      ['s', 1, 1],
      ['s', 1_001, 2],
      ['ms', null, 5_000],
      ['s', null, 5],
    ];
    for (const [unit, left, told] of cases) {
      const kept = new Kept();
      const store = callbackify(waysToAnswer.promises(kept), { unit, now, ttl: 5_000 });
      const expires = left === null ? null : new Date(now() + left);
      await call((done) => store.set('a', { cookie: { originalMaxAge: left, expires } } as never, done));
      expect(kept.lifetimes.get('a')).to.equal(told);
      await call((done) => store.touch?.('a', { cookie: { originalMaxAge: left, expires } } as never, done));
      expect(kept.lifetimes.get('a')).to.equal(told);
    }
  });

  it('gives what a store of koa-session holds a cookie, by _expire and _maxAge', async () => {
    const expires = new Date(Date.now() + 60_000);
    const held = { user: 'ada', _expire: expires.getTime(), _maxAge: 60_000 };
    const store = callbackify({ get: async () => held, set() {}, destroy() {} });
    expect(await call((done) => store.get('a', done))).to.deep.equal({
      user: 'ada',
      cookie: { originalMaxAge: 60_000, expires, httpOnly: true, path: '/' },
    });
  });

  for (const [name, act] of Object.entries({
    'no store': () => callbackify(undefined as never),
    'a store without set': () => callbackify({ get() {}, destroy() {} } as never),
    'another unit': () => callbackify({ get() {}, set() {}, destroy() {} }, { unit: 'm' as never }),
    'ttl: 0': () => callbackify({ get() {}, set() {}, destroy() {} }, { ttl: 0 }),
    'an unknown option': () => callbackify({ get() {}, set() {}, destroy() {} }, { timeout: 1 } as never),
  })) {
    it(`refuses ${name}`, () => {
      expect(act).to.throw(TypeError).with.property('code', 'SESSILE_MISUSE');
    });
  }
});
