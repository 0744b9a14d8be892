import { EventEmitter } from 'node:events';
import { mock } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import session, { type SessionData, type Store } from 'express-session';
import memorystore from 'memorystore';
import { AdoptedStore, adopt, ForeignBackend } from '../../lib/backends/foreign.js';
import { MemoryStore } from '../../lib/backends/memory.js';
import { type AnyStore, promisify } from '../../lib/bridge.js';
import type { SessionStore } from '../../lib/store.js';
import { backendSuite } from '../conformance/backend.js';
import { storeSuite } from '../conformance/store.js';
import { failureOf } from '../support/folder.js';

type Done = (error?: unknown, value?: unknown) => void;

const Memory = memorystore(session as never);
const failure = Object.assign(new Error('of the store: sid, data'), { code: 'ENOENT' });

backendSuite({
  title: 'ForeignBackend over memorystore',
  describe,
  it,
  create: () => new ForeignBackend(new Memory({})),
  destroy: () => {},
  many: 1_000,
});

/** A store with every bad habit at once, that is still a store: it keeps what it is given. */
class RudeStore extends EventEmitter {
  readonly kept = new Map<string, SessionData>();

  /** At once, with the very object that it keeps, twice, and once more as a promise; ENOENT for a miss. */
  get(sid: string, done: (error: unknown, found?: SessionData | null) => void): unknown {
    const found = this.kept.get(sid);
    if (found) done(null, found);
    else done(Object.assign(new Error('none'), { code: 'ENOENT' }));
    done(null, null);
    return Promise.resolve({ user: 'somebody else' });
  }

  /** A promise that fulfils before the callback is called. */
  async set(sid: string, given: SessionData, done?: Done): Promise<void> {
    this.kept.set(sid, given);
    setImmediate(() => done?.(undefined, given));
  }

  /** Throws after it has called back. */
  destroy(sid: string, done?: Done): void {
    this.kept.delete(sid);
    done?.();
    throw failure;
  }

  /** Makes what is not there, and forgets the rest. */
  touch(sid: string, { cookie }: SessionData, done?: Done): void {
    this.kept.set(sid, { cookie } as SessionData);
    done?.();
  }

  all(done: Done): void {
    const sessions = [...this.kept].map(([id, found]) => ({ ...found, id }));
    done(null, sessions);
  }
}

/** A store each of whose methods fails in another way, with a message and a code that must not be passed on. */
class BrokenStore extends RudeStore {
  override get(_sid: string, _done: unknown): unknown {
    throw new Error('of the store: sid, data');
  }
  override async set(_sid: string, _given: SessionData, _done?: Done): Promise<void> {
    throw failure;
  }
  override destroy(_sid: string, done?: Done): void {
    done?.('a text');
    done?.(failure);
  }
  override all(done: Done): void {
    setImmediate(done, failure);
  }
}

storeSuite<SessionStore>({
  title: 'adopt(a store with bad habits)',
  describe,
  it,
  create: (options) => adopt(new RudeStore() as unknown as AnyStore, options),
  destroy: (store) => store.closeAsync(),
  failing: (options) => adopt(new BrokenStore() as unknown as AnyStore, options),
});

const sessionOf = (data: object, left: number | null = 60_000, now = Date.now()) =>
  ({
    ...data,
    cookie: { originalMaxAge: left, expires: left === null ? null : new Date(now + left) },
  }) as unknown as SessionData;

/** A store that has just get, set and destroy, and what is added. */
function bareStore(more: object = {}): AnyStore & { readonly calls: string[] } {
  const kept = new Map<string, string>();
  const calls: string[] = [];
  return {
    calls,
    get(sid, done) {
      calls.push(`get ${sid}`);
      const text = kept.get(sid);
      setImmediate(done, null, text === undefined ? undefined : (JSON.parse(text) as SessionData));
    },
    set(sid, given, done) {
      calls.push(`set ${sid}`);
      kept.set(sid, JSON.stringify(given));
      if (done) setImmediate(done);
    },
    destroy(sid, done) {
      calls.push(`destroy ${sid}`);
      kept.delete(sid);
      if (done) setImmediate(done);
    },
    ...more,
  };
}

describe('adopt', () => {
  it('answers a store of ours as it is, whatever copy of this package made it', () => {
    const store = new MemoryStore();
    expect(adopt(store)).to.equal(store);
    const another = Object.assign(new EventEmitter(), { updateAsync() {}, carry() {}, entries() {} });
    expect(adopt(another as never)).to.equal(another);
  });

  it('answers the same store each time, until that is closed, and another one for options', async () => {
    const store = bareStore();
    const first = adopt(store);
    expect(first).to.be.instanceOf(AdoptedStore);
    expect(adopt(store)).to.equal(first);
    expect(adopt(store, { ttl: 1_000 })).not.to.equal(first);
    await first.closeAsync();
    const second = adopt(store);
    expect(second).not.to.equal(first);
    await second.setAsync('a', sessionOf({ n: 1 }));
    expect(await second.getAsync('a')).to.include({ n: 1 });
  });

  it('takes what promisify answered', async () => {
    const adopted = adopt(promisify(bareStore()));
    await adopted.setAsync('a', sessionOf({ n: 1 }));
    expect(await adopted.getAsync('a')).to.include({ n: 1 });
  });

  it('hears what a store says of its connection through what promisify answered', async () => {
    const store = Object.assign(new EventEmitter(), bareStore());
    const adopted = adopt(promisify(store));
    const heard: string[] = [];
    adopted.on('disconnect', () => heard.push('disconnect'));
    store.emit('disconnect');
    await adopted.closeAsync();
    store.emit('disconnect');
    expect([heard, store.eventNames()]).to.deep.equal([['disconnect'], []]);
  });

  it('lets whoever adopted one store stand in one line, also through what promisify answered', async () => {
    const store = bareStore();
    const adopted = [adopt(store), adopt(promisify(store)), adopt(store, { ttl: 1_000 })];
    const increment = (found?: SessionData) => sessionOf({ n: Number(Object(found).n ?? 0) + 1 });
    await Promise.all(Array.from({ length: 60 }, (_, n) => adopted[n % 3]?.updateAsync('a', increment)));
    expect(await adopted[0]?.getAsync('a')).to.include({ n: 60 });
  });

  it('prunes nothing by itself, also where the option is there and undefined', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const asked: Done[] = [];
      const ids = (done: Done) => done(null, [`${asked.push(done)}`]);
      for (const options of [{}, { pruneInterval: undefined }, { pruneInterval: 1_000 }]) {
        const adopted = adopt(bareStore({ ids }), options as object);
        await adopted.setAsync('a', sessionOf({ n: 1 }));
        mock.timers.tick(900_000);
        await nextTurn();
        await adopted.closeAsync();
        expect(asked.length > 0).to.equal(options.pruneInterval !== undefined);
      }
    } finally {
      mock.timers.reset();
    }
  });

  it('lets reads pass each other, and sessions too', async () => {
    const waiting: (() => void)[] = [];
    const store = bareStore({ get: (_sid: string, done: Done) => waiting.push(() => done()) });
    const adopted = adopt(store);
    const reads = ['a', 'a', 'b'].map((sid) => adopted.getAsync(sid));
    await nextTurn();
    expect(waiting).to.have.lengthOf(3);
    for (const release of waiting) release();
    await Promise.all(reads);
  });

  it('touches by writing, without the touch of the store', async () => {
    const store = bareStore({ touch: () => expect.fail('the touch of the store was called') });
    const adopted = adopt(store);
    await adopted.setAsync('a', sessionOf({ n: 1 }));
    await adopted.touchAsync('a', sessionOf({}, 90_000));
    expect((await adopted.getAsync('a'))?.cookie.originalMaxAge).to.equal(90_000);
    await adopted.touchAsync('absent', sessionOf({}));
    expect(store.calls).not.to.include('set absent');
  });

  it('lets a session without a date live for ttl after its last save or touch, and no longer', async () => {
    let time = 1_700_000_000_000;
    const adopted = adopt(bareStore(), { now: () => time, ttl: (_session, sid) => (sid === 'brief' ? 10 : 1_000) });
    for (const sid of ['brief', 'long']) await adopted.setAsync(sid, sessionOf({}, null));
    time += 10;
    expect(await adopted.getAsync('brief')).to.equal(undefined);
    time += 900;
    await adopted.touchAsync('long', sessionOf({}, null));
    time += 999;
    expect(await adopted.getAsync('long')).not.to.equal(undefined);
    time += 1;
    expect(await adopted.getAsync('long')).to.equal(undefined);
  });

  it('fails with SESSILE_UNSUPPORTED where the store cannot list, and says what it lacks', async () => {
    const adopted = adopt(bareStore());
    const acts: (() => unknown)[] = [
      () => adopted.idsAsync(),
      () => adopted.allAsync(),
      () => adopted.lengthAsync(),
      () => adopted.pruneAsync(),
      () => adopted.clearAsync(),
      () => adopted.entries().next(),
    ];
    for (const act of acts) {
      const error = await failureOf(act);
      expect(error).to.have.property('code', 'SESSILE_UNSUPPORTED');
      expect(error.message).to.match(/neither ids nor all|no clear/);
    }
  });

  it("counts by the store's own length where that is all it has", async () => {
    const length = (done: Done) => setImmediate(done, null, 7);
    expect(await adopt(bareStore({ length })).lengthAsync()).to.equal(7);
  });

  it('clears by ending each session where the store has no clear, and by its clear where it has', async () => {
    const ids = (done: Done) => setImmediate(done, null, ['a', 'b']);
    const without = bareStore({ ids });
    await adopt(without).setAsync('a', sessionOf({}));
    await adopt(without).setAsync('b', sessionOf({}));
    await adopt(without).clearAsync();
    expect(without.calls).to.include.members(['destroy a', 'destroy b']);
    let cleared = 0;
    const clear = (done: Done) => {
      cleared += 1;
      setImmediate(done);
    };
    await adopt(bareStore({ ids, clear })).clearAsync();
    expect(cleared).to.equal(1);
  });

  it('gives up a store that does not answer after timeout, and lets the next in line go on', async () => {
    let hang = true;
    const get = (_sid: string, done: Done) => {
      if (hang) hang = false;
      else setImmediate(done);
    };
    const adopted = adopt(bareStore({ get }), { timeout: 500 });
    const first = failureOf(() => adopted.setAsync('a', sessionOf({})));
    const second = adopted.setAsync('a', sessionOf({}));
    expect(await first).to.have.property('code', 'SESSILE_TIMEOUT');
    await second;
  });

  it('passes on the events of the store until it is closed, and does not close the store', async () => {
    const store = new RudeStore();
    const adopted = adopt(store as unknown as AnyStore, {});
    const seen: unknown[] = [];
    for (const event of ['connect', 'disconnect', 'error']) adopted.on(event, (...args) => seen.push([event, ...args]));
    store.emit('disconnect');
    store.emit('connect');
    store.emit('error', failure);
    await nextTurn();
    expect(seen).to.deep.equal([['disconnect'], ['connect'], ['error', failure]]);
    await adopted.closeAsync();
    expect(store.eventNames()).to.deep.equal([]);
  });

  it('tells a session that cannot be read as SESSILE_CORRUPT, counts it as absent and lets it be overwritten', async () => {
    const store = new RudeStore();
    store.kept.set('a', { n: 1n, cookie: {} } as never);
    const adopted = adopt(store as unknown as AnyStore, {});
    const errors: unknown[] = [];
    adopted.on('error', (error) => errors.push(error));
    expect(await adopted.getAsync('a')).to.equal(undefined);
    expect(await adopted.lengthAsync()).to.equal(0);
    await nextTurn();
    expect(errors.map((error) => (error as { code?: unknown }).code)).to.deep.equal([
      'SESSILE_CORRUPT',
      'SESSILE_CORRUPT',
    ]);
    await adopted.setAsync('a', sessionOf({ n: 2 }));
    expect(await adopted.getAsync('a')).to.include({ n: 2 });
  });

  it('emits a failure without a callback once', async () => {
    const adopted = adopt(bareStore({ get: (_sid: string, done: Done) => setImmediate(done, new Error('no')) }), {});
    const error = await new Promise<unknown>((resolve) => {
      adopted.on('error', resolve);
      adopted.set('a', sessionOf({}));
    });
    expect(error).to.have.property('code', 'SESSILE_FOREIGN');
  });

  it('removes nothing by itself unless it is told to', async () => {
    const ids = (done: Done) => setImmediate(done, null, []);
    const started: number[] = [];
    const start = globalThis.setTimeout;
    globalThis.setTimeout = ((act: () => void, delay: number) => {
      started.push(delay);
      return start(act, delay);
    }) as typeof setTimeout;
    try {
      await adopt(bareStore({ ids }), {}).getAsync('a');
      expect(started).not.to.include(900_000);
      const sweeping = adopt(bareStore({ ids }), { pruneInterval: 900_000 });
      await sweeping.getAsync('a');
      expect(started).to.include(900_000);
      await sweeping.closeAsync();
    } finally {
      globalThis.setTimeout = start;
    }
  });

  for (const [name, act] of Object.entries({
    'no store': () => adopt(undefined as never),
    'a store without set': () => adopt({ get() {}, destroy() {} } as never),
    'timeout: 0': () => adopt(bareStore(), { timeout: 0 }),
    'ttl: 0': () => adopt(bareStore(), { ttl: 0 }),
    'an unknown option': () => adopt(bareStore(), { timeOut: 1 } as never),
  })) {
    it(`refuses ${name}`, () => {
      expect(act).to.throw(TypeError).with.property('code', 'SESSILE_MISUSE');
    });
  }

  it("takes express-session's own type of a store", () => {
    const store: Store = new session.MemoryStore();
    expect(adopt(store)).to.be.instanceOf(AdoptedStore);
  });
});
