import { deepEqual, equal, ok } from 'node:assert/strict';
import { dataOf, deadlineOf, type Sample, sessionOf } from '../samples.js';
import { failureOf, type Need, type StoreCase, type TestedStore } from './subject.js';

type Call = [name: string, needs: Need[], act: (store: TestedStore, sid: never, session: never) => Promise<unknown>];

const twins: Call[] = [
  ['getAsync', [], (store, sid) => store.getAsync(sid)],
  ['setAsync', [], (store, sid, session) => store.setAsync(sid, session)],
  ['touchAsync', ['touch'], (store, sid, session) => store.touchAsync(sid, session)],
  ['destroyAsync', [], (store, sid) => store.destroyAsync(sid)],
  ['updateAsync', ['update'], (store, sid, session) => store.updateAsync(sid, () => session)],
  ['lengthAsync', ['length'], (store) => store.lengthAsync()],
  ['allAsync', ['all'], (store) => store.allAsync()],
  ['idsAsync', ['ids'], (store) => store.idsAsync()],
  ['pruneAsync', ['prune'], (store) => store.pruneAsync()],
  ['clearAsync', ['clear'], (store) => store.clearAsync()],
];

const returning = twins.map(
  ([name, needs, act]): StoreCase => ({
    id: `promise/${name}`,
    title: `${name} answers a promise, and rejects with what goes wrong instead of throwing`,
    ground: 'choice',
    because: 'expressjs/session#547, #607: a promise API',
    needs: ['promises', 'close', ...needs],
    run: async ({ store, subject, clock }) => {
      const promise = act(store, 'a' as never, sessionOf(clock) as never);
      ok(promise instanceof Promise, name);
      await promise;
      await subject.close();
      const refused = act(store, 'a' as never, sessionOf(clock) as never);
      ok(refused instanceof Promise, name);
      equal(((await failureOf(() => refused)) as { code?: string }).code, 'SESSILE_CLOSED');
    },
  }),
);

export const promiseCases: readonly StoreCase[] = [
  ...returning,
  {
    id: 'promise/equals-callback',
    title: 'the promise twins answer what the callbacks answer',
    ground: 'choice',
    because: 'one store, two ways to call it',
    needs: ['promises', 'touch', 'length', 'all', 'ids', 'update', 'clear'],
    run: async ({ store, subject, clock }) => {
      await store.setAsync('a', sessionOf(clock, { n: 1 }));
      await subject.set('b', sessionOf(clock, { n: 2 }));
      deepEqual(await store.getAsync('a'), await subject.get('a'));
      equal(await store.getAsync('unknown'), undefined);
      deepEqual(await store.allAsync(), await subject.all());
      deepEqual((await store.idsAsync()).sort(), (await subject.ids()).sort());
      equal(await store.lengthAsync(), await subject.length());
      await store.touchAsync('a', sessionOf(clock, {}, 90_000));
      equal(deadlineOf(await subject.found('a')), clock.now() + 90_000);
      const updated = await store.updateAsync('a', (session) => session && { ...session, n: 3 });
      deepEqual(dataOf(updated as Sample), { n: 3 });
      await store.destroyAsync('a');
      equal(await subject.get('a'), undefined);
      await store.clearAsync();
      equal(await subject.length(), 0);
    },
  },
  {
    id: 'promise/snapshot',
    title: 'setAsync stores the session as it was when it was called',
    ground: 'reason',
    because: 'set is given the live session of a request that may go on changing it',
    needs: ['promises'],
    run: async ({ store, subject, clock }) => {
      const session = sessionOf(clock, { n: 1 });
      const saved = store.setAsync('a', session);
      session['n'] = 2;
      await saved;
      deepEqual(dataOf(await subject.found('a')), { n: 1 });
    },
  },
  {
    id: 'promise/misuse',
    title: 'the promise twins reject misuse with a TypeError',
    ground: 'choice',
    because: 'an async method that throws at once needs two ways to be caught',
    needs: ['promises', 'misuse'],
    run: async ({ store, clock }) => {
      for (const [name, , act] of twins.slice(0, 5)) {
        const refused = act(store, 1 as never, sessionOf(clock) as never);
        ok((await failureOf(() => refused)) instanceof TypeError, name);
      }
    },
  },
  {
    id: 'promise/failure',
    title: 'the promise twins reject with a failure of the storage',
    ground: 'choice',
    because: 'one store, two ways to call it',
    needs: ['promises', 'failing'],
    run: async ({ failing, clock }) => {
      const store = await failing();
      for (const [name, , act] of twins) {
        const failed = act(store, 'a' as never, sessionOf(clock) as never);
        const failure = await failureOf(() => failed);
        ok(failure instanceof Error, name);
        ok((failure as { code?: string }).code !== 'ENOENT', name);
      }
    },
  },
];
