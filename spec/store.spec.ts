import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { mock } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { Request } from 'express';
import { type SessionData, Store } from 'express-session';
import { SessionStore, type StoreOptions, storeOptionNames } from '../lib/store.js';
import { printed } from './support/own-process.js';
import { uncaught, warnings } from './support/process-events.js';
import { generate, load, mount, save } from './support/real-session.js';
import { ScriptedBackend } from './support/scripted-backend.js';

const START = 1_900_000_000_000;
const session = (fields: object) => fields as SessionData;

function setUp({ promises = false, ...options }: StoreOptions & { promises?: boolean } = {}) {
  const clock = { now: START };
  const backend = new ScriptedBackend({ promises });
  const store = new SessionStore(() => backend, { now: () => clock.now, pruneInterval: 0, ...options });
  return { backend, clock, store };
}

async function failure(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  return promise.then(
    () => expect.fail('it did not fail'),
    (error: Error) => error,
  );
}

type Method = 'get' | 'set' | 'touch' | 'destroy' | 'update' | 'clear' | 'length' | 'all' | 'ids' | 'prune';
const args: Record<Method, unknown[]> = {
  get: ['a'],
  set: ['a', { user: 1 }],
  touch: ['a', { user: 1 }],
  destroy: ['a'],
  update: ['a', () => ({ user: 2 })],
  clear: [],
  length: [],
  all: [],
  ids: [],
  prune: [],
};
const methods = Object.keys(args) as Method[];
const faultOf = {
  get: 'read',
  set: 'update',
  destroy: 'update',
  update: 'update',
  length: 'count',
  all: 'entries',
  ids: 'entries',
} as const;

type Anyhow = Record<string, (...args: unknown[]) => unknown>;
const call = (store: SessionStore, method: string, ...given: unknown[]) =>
  (store as unknown as Anyhow)[method]?.(...given);

for (const promises of [false, true]) {
  describe(`SessionStore over a backend that answers ${promises ? 'with promises' : 'at once'}`, () => {
    const answers: Record<Method, unknown> = {
      get: { user: 1 },
      set: undefined,
      touch: undefined,
      destroy: undefined,
      update: { user: 2 },
      clear: undefined,
      length: 1,
      all: Object.assign(Object.create(null), { a: { user: 1 } }),
      ids: ['a'],
      prune: 1,
    };

    async function stocked() {
      const given = setUp({ promises, ttl: 1_000 });
      await given.store.setAsync('dead', session({}));
      given.clock.now += 1_000;
      await given.store.setAsync('a', session({ user: 1 }));
      return given;
    }

    for (const method of methods) {
      it(`${method} calls back later and once, and keeps the context of its caller`, async () => {
        const { store } = await stocked();
        const request = new AsyncLocalStorage<string>();
        const calls: unknown[][] = [];
        const contexts: unknown[] = [];
        request.run('mine', () =>
          call(store, method, ...args[method], (...answer: unknown[]) => {
            calls.push(answer);
            contexts.push(request.getStore());
          }),
        );
        expect(calls).to.deep.equal([]);
        for (let turn = 0; turn < 6; turn += 1) await nextTurn();
        expect(calls).to.deep.equal([[null, answers[method]]]);
        expect(contexts).to.deep.equal(['mine']);
      });

      it(`${method}Async promises the same`, async () => {
        const { store } = await stocked();
        expect(await call(store, `${method}Async`, ...args[method])).to.deep.equal(answers[method]);
      });

      it(`${method} calls back once though the callback throws`, async () => {
        const { store } = await stocked();
        let calls = 0;
        const error = await uncaught(() =>
          call(store, method, ...args[method], () => {
            calls += 1;
            throw new Error('from the callback');
          }),
        );
        for (let turn = 0; turn < 3; turn += 1) await nextTurn();
        expect(error).to.include({ message: 'from the callback' });
        expect(calls).to.equal(1);
      });

      it(`${method} delivers a failure alone, by callback and by promise`, async () => {
        const { store, backend } = await stocked();
        const error = new Error('disk');
        const act = method in faultOf ? faultOf[method as keyof typeof faultOf] : (method as 'touch');
        backend.failNext(act, error);
        expect(
          await new Promise((resolve) =>
            call(store, method, ...args[method], (...answer: unknown[]) => resolve(answer)),
          ),
        ).to.deep.equal([error]);
        backend.failNext(act, error);
        expect(await failure(call(store, `${method}Async`, ...args[method]) as Promise<unknown>)).to.equal(error);
      });

      it(`${method} without a callback emits its failure`, async () => {
        const { store, backend } = await stocked();
        const error = new Error('disk');
        backend.failNext(method in faultOf ? faultOf[method as keyof typeof faultOf] : (method as 'touch'), error);
        const emitted = once(store, 'error');
        call(store, method, ...args[method]);
        expect(await emitted).to.deep.equal([error]);
      });

      it(`${method} is refused once the store is closed`, async () => {
        const { store } = await stocked();
        const closing = store.closeAsync();
        const refused = failure(call(store, `${method}Async`, ...args[method]) as Promise<unknown>);
        const delivered = new Promise<unknown[]>((resolve) =>
          call(store, method, ...args[method], (...answer: unknown[]) => resolve(answer)),
        );
        expect(await refused).to.include({ code: 'SESSILE_CLOSED' });
        expect((await delivered)[0]).to.include({ code: 'SESSILE_CLOSED' });
        expect(await delivered).to.have.length(1);
        await closing;
      });
    }

    it('delivers wrong arguments and never throws them', async () => {
      const { store } = setUp({ promises });
      for (const method of ['get', 'set', 'touch', 'destroy', 'update'] as const) {
        const error = await new Promise((resolve) => call(store, method, 5, args[method][1] ?? resolve, resolve));
        expect(error).to.be.instanceOf(TypeError).and.include({ code: 'SESSILE_MISUSE' });
      }
      expect(await failure(store.setAsync('a', null as never))).to.include({ code: 'SESSILE_MISUSE' });
    });

    it('closes once, after what is under way, however often it is asked', async () => {
      const { store, backend } = setUp({ promises });
      backend.hold();
      const saved = store.setAsync('a', session({ user: 1 }));
      const calledBack = new Promise<unknown[]>((resolve) => store.close((...answer) => resolve(answer)));
      const again = store.closeAsync();
      expect(store.closeAsync()).to.equal(again);
      await nextTurn();
      expect(backend.calls).to.deep.equal(promises ? ['update'] : ['update', 'close']);
      backend.flush();
      await Promise.all([saved, again, store[Symbol.asyncDispose]()]);
      expect(await calledBack).to.deep.equal([null, undefined]);
      expect(backend.kept.has('a')).to.equal(true);
      expect(backend.calls).to.deep.equal(['update', 'close']);
      expect(backend.closedWhileBusy).to.equal(false);
    });

    it('closes after the callbacks of what was asked for before', async () => {
      const { store } = setUp({ promises });
      const order: string[] = [];
      store.set('a', session({ user: 1 }), () => order.push('set'));
      store.get('a', () => order.push('get'));
      store.close(() => order.push('close'));
      await store.closeAsync();
      expect(order.slice(0, 2)).to.deep.equal(['set', 'get']);
      await nextTurn();
      expect(order).to.deep.equal(['set', 'get', 'close']);
    });

    it('says why it could not close', async () => {
      const { store, backend } = setUp({ promises });
      const error = new Error('disk');
      backend.failNext('close', error);
      const emitted = once(store, 'error');
      store.close();
      expect(await emitted).to.deep.equal([error]);
      expect(await failure(store.closeAsync())).to.equal(error);
    });

    it('walks through the living with entries', async () => {
      const { store } = await stocked();
      const seen: unknown[] = [];
      for await (const pair of store.entries()) seen.push(pair);
      expect(seen).to.deep.equal([['a', { user: 1 }]]);
    });

    it('ends a walk with SESSILE_CLOSED where the store is closed meanwhile', async () => {
      const { store, backend } = await stocked();
      await store.setAsync('b', session({ user: 2 }));
      const walk = store.entries();
      expect((await walk.next()).value).to.deep.equal(['a', { user: 1 }]);
      await store.closeAsync();
      expect(await failure(walk.next())).to.include({ code: 'SESSILE_CLOSED' });
      expect(await walk.next()).to.deep.equal({ done: true, value: undefined });
      expect(await failure(store.entries().next())).to.include({ code: 'SESSILE_CLOSED' });
      expect(backend.closedWhileBusy).to.equal(false);
    });

    it('waits with closing for the step of a walk that is under way', async () => {
      const { store, backend } = await stocked();
      const walk = store.entries();
      backend.hold();
      const step = walk.next();
      await nextTurn();
      const closing = store.closeAsync();
      await nextTurn();
      backend.flush();
      backend.flush();
      const turns = setInterval(() => backend.flush(), 1);
      try {
        expect((await step).value).to.deep.equal(['a', { user: 1 }]);
        expect(await failure(walk.next())).to.include({ code: 'SESSILE_CLOSED' });
        await closing;
      } finally {
        clearInterval(turns);
      }
      expect(backend.closedWhileBusy).to.equal(false);
      expect(backend.calls.indexOf('close')).to.equal(backend.calls.length - 1);
    });

    it('lets a walk end early, and lets its failure through', async () => {
      const { store, backend } = await stocked();
      let ended = false;
      const whole = backend.entries.bind(backend);
      backend.entries = async function* () {
        try {
          yield* whole();
        } finally {
          ended = true;
        }
      };
      for await (const _ of store.entries()) break;
      expect(ended).to.equal(true);
      const error = new Error('disk');
      backend.failNext('entries', error);
      expect(await failure(store.entries().next())).to.equal(error);
    });
  });
}

describe('SessionStore', () => {
  it("is an express-session Store, and an express-session's regenerate works on it", async () => {
    const { store } = setUp();
    mount(store);
    expect(store).to.be.instanceOf(Store);
    const fresh = generate(store);
    fresh['name'] = 1;
    await save(fresh);
    const former = fresh.id;
    await promisify((done: (error?: unknown) => void) => fresh.regenerate(done))();
    expect(await store.getAsync(former)).to.equal(undefined);
    const { req } = fresh as unknown as { req: Request };
    expect(req.session.id).not.to.equal(former);
  });

  it('names its options', () => {
    expect(storeOptionNames).to.have.members(['ttl', 'now', 'pruneInterval', 'serializer', 'concurrency']);
  });

  it('takes options as undefined for not given', () => {
    const none = Object.fromEntries(storeOptionNames.map((name) => [name, undefined]));
    new SessionStore(() => new ScriptedBackend(), none as StoreOptions);
    new SessionStore(() => new ScriptedBackend());
  });

  for (const wrong of [
    { tll: 5 },
    { ttl: 0 },
    { now: 5 },
    { pruneInterval: -1 },
    { serializer: {} },
    { concurrency: 'last' },
    null,
    [],
  ]) {
    it(`refuses ${JSON.stringify(wrong)} before it opens a backend`, () => {
      const open = () => expect.fail('opened');
      expect(() => new SessionStore(open, wrong as never))
        .to.throw(TypeError)
        .with.property('code', 'SESSILE_MISUSE');
    });
  }

  it("knows a backend's own options, and names the class that was made", () => {
    class SpecStore extends SessionStore {}
    new SpecStore(() => new ScriptedBackend(), { path: 'x' } as StoreOptions, ['path']);
    expect(() => new SpecStore(() => new ScriptedBackend(), { path: 'x' } as StoreOptions)).to.throw(
      /^SpecStore: unknown/,
    );
  });

  it('emits what a backend reports', async () => {
    const { store, backend } = setUp();
    const error = new Error('set aside');
    const emitted = once(store, 'error');
    backend.report?.(error);
    expect(await emitted).to.deep.equal([error]);
  });

  it('emits a corrupt session that it met, and calls back with a miss', async () => {
    const { store, backend } = setUp();
    backend.kept.set('a', { data: 'broken', cookie: '', expires: START + 1 });
    const emitted = once(store, 'error');
    expect(await promisify(store.get.bind(store))('a')).to.equal(undefined);
    expect((await emitted)[0]).to.include({ code: 'SESSILE_CORRUPT' });
  });

  it('warns once per code of failures that have nobody to go to', async () => {
    // Codes are remembered by the process, so one that no other spec uses.
    const { backend } = setUp();
    const seen = await warnings(() => {
      for (let n = 0; n < 3; n += 1) backend.report?.(Object.assign(new Error('reported'), { code: 'SPEC_STORE' }));
    });
    expect(seen.map(({ code }) => code)).to.deep.equal(['SPEC_STORE']);
  });

  it('says nothing of successes that have nobody to go to', async () => {
    const { store } = setUp();
    store.on('error', (error) => expect.fail(String(error)));
    expect(await warnings(() => store.set('a', session({})))).to.deep.equal([]);
  });
});

describe('SessionStore with sessions of express-session', () => {
  it('merges the saves of parallel requests', async () => {
    const { store } = setUp();
    mount(store);
    const fresh = generate(store);
    await save(fresh);
    const requests = await Promise.all([1, 2, 3].map(() => load(store, fresh.id)));
    for (const [n, request] of requests.entries()) request[`key${n}`] = n;
    await Promise.all(requests.map(save));
    expect(await store.getAsync(fresh.id)).to.include({ key0: 0, key1: 1, key2: 2 });
  });

  it('keeps keys that a Session hides, through a merge and without one', async () => {
    const { store } = setUp();
    mount(store);
    const names = ['__proto__', 'constructor', 'toString', 'id', 'req', 'touch', 'save', 'reload', 'regenerate'];
    const hidden = Object.fromEntries(names.map((name) => [name, { kept: name }]));
    await store.setAsync('a', session({ ...hidden, user: 1, cookie: { originalMaxAge: null, expires: null } }));
    const [one, two] = [await load(store, 'a'), await load(store, 'a')];
    expect(Object.keys(one)).to.have.members(['user', 'cookie']);
    for (const request of [one, two, one]) {
      request[`saved${request === one}`] = 1;
      await save(request);
    }
    const stored = (await store.getAsync('a')) as object;
    expect(Object.keys(stored)).to.have.members([...names, 'user', 'cookie', 'savedtrue', 'savedfalse']);
    for (const name of names) {
      expect(Object.getOwnPropertyDescriptor(stored, name)?.value).to.deep.equal({ kept: name });
    }
  });

  it('lets logout stick against a slow save, and a reload see it', async () => {
    const { store } = setUp();
    mount(store);
    const fresh = generate(store);
    await save(fresh);
    const slow = await load(store, fresh.id);
    await store.destroyAsync(fresh.id);
    slow['name'] = 1;
    await save(slow);
    expect(await store.getAsync(fresh.id)).to.equal(undefined);
    expect(await new Promise((resolve) => slow.reload(resolve))).to.include({ message: 'failed to load session' });
  });

  it('shows the deadline that a touch moved in the cookie of the next request', async () => {
    const { store } = setUp({ now: Date.now });
    mount(store, { maxAge: 60_000 });
    const fresh = generate(store);
    await save(fresh);
    fresh.cookie.maxAge = 120_000;
    await store.touchAsync(fresh.id, fresh);
    const next = await load(store, fresh.id);
    expect(next.cookie.expires).to.deep.equal(fresh.cookie.expires);
    expect(next.cookie.originalMaxAge).to.equal(fresh.cookie.originalMaxAge);
  });
});

describe('SessionStore pruning by itself', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
  afterEach(() => mock.timers.reset());

  const turns = async () => {
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
  };

  it('begins with the first call, every quarter of an hour', async () => {
    const backend = new ScriptedBackend();
    const store = new SessionStore(() => backend, {});
    mock.timers.tick(900_000);
    expect(backend.calls).to.deep.equal([]);
    await store.getAsync('a');
    mock.timers.tick(899_999);
    expect(backend.calls).to.deep.equal(['read']);
    mock.timers.tick(1);
    await turns();
    mock.timers.tick(900_000);
    await turns();
    expect(backend.calls).to.deep.equal(['read', 'prune', 'prune']);
  });

  it('removes the dead', async () => {
    const { store, backend, clock } = setUp({ ttl: 10, pruneInterval: 50 });
    await store.setAsync('a', session({}));
    clock.now += 50;
    mock.timers.tick(50);
    await turns();
    expect(backend.kept.size).to.equal(0);
  });

  it('emits a failure and goes on', async () => {
    const { store, backend } = setUp({ pruneInterval: 50 });
    const seen: unknown[] = [];
    store.on('error', (error) => seen.push(error));
    await store.lengthAsync();
    const error = new Error('disk');
    backend.failNext('prune', error);
    mock.timers.tick(50);
    await turns();
    mock.timers.tick(50);
    await turns();
    expect(seen).to.deep.equal([error]);
    expect(backend.calls).to.deep.equal(['count', 'prune', 'prune']);
  });

  it('ends when the store is closed, after a round under way', async () => {
    const { store, backend } = setUp({ promises: true, pruneInterval: 50 });
    store.on('error', (error) => expect.fail(String(error)));
    await store.lengthAsync();
    backend.hold();
    mock.timers.tick(50);
    const closing = store.closeAsync();
    await turns();
    expect(backend.calls).to.deep.equal(['count', 'prune']);
    backend.flush();
    await closing;
    mock.timers.tick(1_000);
    await turns();
    expect(backend.calls).to.deep.equal(['count', 'prune', 'close']);
  });

  it('is told to end early when the store is closed; what a caller asked for is not', async () => {
    const { store, backend } = setUp({ promises: true, pruneInterval: 50 });
    const signals: (AbortSignal | undefined)[] = [];
    const prune = backend.prune.bind(backend);
    backend.prune = (now: number, signal?: AbortSignal) => {
      signals.push(signal);
      return prune(now);
    };
    await store.pruneAsync();
    mock.timers.tick(50);
    expect(signals.map((signal) => signal?.aborted)).to.deep.equal([undefined, false]);
    await store.closeAsync();
    expect(signals.map((signal) => signal?.aborted)).to.deep.equal([undefined, true]);
  });

  it('does not keep a process alive', async () => {
    const script = `
      import { MemoryStore } from './lib/index.ts';
      const store = new MemoryStore();
      await store.setAsync('a', { cookie: { originalMaxAge: null } });
      console.log(await store.lengthAsync());
    `;
    const stdout = await printed(script);
    expect(stdout).to.equal('1\n');
  });
});
