import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import { CallbackFace } from '../../lib/internal/callback-face.js';
import { StoreBase } from '../../lib/internal/express-store.js';
import { call, witness } from '../conformance/calls.js';
import { failureOf } from '../support/folder.js';

const NOW = 1_700_000_000_000;
const enoent = Object.assign(new Error('gone'), { code: 'ENOENT' });

type Methods = Record<string, (...args: never[]) => unknown>;

/** A face of a store with these methods, on a clock that stands still. */
function faceOf(methods: Methods, store: object = {}): CallbackFace {
  const lifetime = (_sid: string, _session: object, date = NOW + 1_000) => date - NOW;
  const nothing = () => undefined;
  const all = { get: nothing, set: nothing, destroy: nothing, ...methods } as Record<string, () => unknown>;
  return new CallbackFace({ store, methods: all, lifetime, now: () => NOW });
}

const session = (expires: Date | null = null) => ({ n: 1, cookie: { originalMaxAge: null, expires } }) as never;

describe('CallbackFace', () => {
  it("is one of express-session's stores, with just the methods that the store has", () => {
    const bare = faceOf({});
    expect(bare).to.be.instanceOf(StoreBase);
    for (const name of ['touch', 'clear', 'length', 'all', 'ids']) expect(bare).not.to.have.property(name);
    const whole = faceOf({ touch() {}, clear() {}, length() {}, all() {}, ids() {} });
    for (const name of ['touch', 'clear', 'length', 'all', 'ids']) expect(whole).to.have.property(name);
  });

  it('calls methods with the store as their this, and thunks too', async () => {
    const store = { name: 'store' };
    const face = faceOf(
      {
        get(this: unknown) {
          return { isThis: this === store, cookie: { originalMaxAge: null, expires: null } };
        },
        destroy() {
          return function (this: unknown, done: (error: unknown) => void) {
            done(this === store ? null : new Error('another this'));
          };
        },
      },
      store,
    );
    expect(await call((done) => face.get('a', done))).to.include({ isThis: true });
    await call((done) => face.destroy('a', done));
  });

  it('hands a copy to the store, with how long it has to live', async () => {
    const calls: unknown[][] = [];
    const face = faceOf({ set: (...args) => void calls.push(args) });
    const given = session(new Date(NOW + 5_000)) as { n: number; cookie: object };
    const saved = call((done) => face.set('a', given as never, done));
    given.n = 2;
    await saved;
    const [[sid, copy, lifetime, info]] = calls as [
      [string, { n: number; cookie: { maxAge: number } }, number, object],
    ];
    expect([sid, copy.n, lifetime, info]).to.deep.equal(['a', 1, 5_000, { changed: true }]);
    expect(copy.cookie.maxAge).to.equal(5_000);
  });

  it('destroys what is set or touched when its time is over', async () => {
    const calls: string[] = [];
    const noting = (name: string) => (sid: string) => void calls.push(`${name} ${sid}`);
    const face = faceOf({ set: noting('set'), touch: noting('touch'), destroy: noting('destroy') });
    await call((done) => face.set('a', session(new Date(NOW)), done));
    await call((done) => face.touch?.('b', session(new Date(NOW - 1)), done));
    await call((done) => face.touch?.('c', session(new Date(NOW + 1)), done));
    expect(calls).to.deep.equal(['destroy a', 'destroy b', 'touch c']);
  });

  it('takes ENOENT for a miss of get, destroy and touch, and for an error of set', async () => {
    const fail = () => Promise.reject(enoent);
    const face = faceOf({ get: fail, set: fail, destroy: fail, touch: fail });
    expect(await call((done) => face.get('a', done))).to.equal(undefined);
    await call((done) => face.destroy('a', done));
    await call((done) => face.touch?.('a', session(), done));
    expect(await failureOf(() => call((done) => face.set('a', session(), done)))).to.equal(enoent);
  });

  it('answers sessions by id, each as express-session needs it', async () => {
    const face = faceOf({ all: () => ({ a: { n: 1 } }) });
    const all = (await call((done) => face.all?.(done as never))) as Record<string, { cookie: object }>;
    expect(all['a']?.cookie).to.deep.equal({ originalMaxAge: null, expires: null, httpOnly: true, path: '/' });
  });

  it('delivers what a method throws at once, and what cannot be read, as errors', async () => {
    const failure = new Error('no');
    const throwing = () => {
      throw failure;
    };
    const face = faceOf({ get: throwing, set: throwing, length: throwing });
    for (const act of [
      (done: () => void) => face.get('a', done),
      (done: () => void) => face.set('a', session(), done),
      (done: () => void) => face.length?.(done as never),
    ]) {
      const { calls, atOnce, thrown } = await witness(act);
      expect({ calls, atOnce, thrown }).to.deep.equal({ calls: [[failure]], atOnce: false, thrown: [] });
    }
    const corrupt = faceOf({ get: () => ({ n: 1n }) });
    const error = await failureOf(() => call((done) => corrupt.get('a', done)));
    expect(error).to.have.property('code', 'SESSILE_CORRUPT');
  });

  it('refuses wrong arguments by its callback, and what JSON cannot hold, before the store is asked', async () => {
    let asked = 0;
    const face = faceOf({ get: () => asked++, set: () => asked++, destroy: () => asked++ });
    const refusals: [code: string, act: (done: () => void) => void][] = [
      ['SESSILE_MISUSE', (done) => face.get(1 as never, done)],
      ['SESSILE_MISUSE', (done) => face.destroy(undefined as never, done)],
      ['SESSILE_MISUSE', (done) => face.set('a', undefined as never, done)],
      ['SESSILE_SERIALIZE', (done) => face.set('a', { n: 1n } as never, done)],
    ];
    for (const [code, act] of refusals) {
      expect(await failureOf(() => call(act))).to.have.property('code', code);
    }
    expect(asked).to.equal(0);
  });

  it('emits what goes wrong without a callback, and passes on the events of the store', async () => {
    const store = new EventEmitter();
    const failure = new Error('no');
    const face = faceOf({ destroy: () => Promise.reject(failure) }, store);
    const seen: unknown[] = [];
    face.on('error', (error) => seen.push(error)).on('disconnect', () => seen.push('disconnect'));
    face.destroy('a');
    store.emit('disconnect');
    await new Promise(setImmediate);
    expect(seen).to.have.members([failure, 'disconnect']);
  });
});
