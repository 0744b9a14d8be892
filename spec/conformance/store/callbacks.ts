import { deepEqual, equal, ok } from 'node:assert/strict';
import { crashesDuring, settle, witness } from '../calls.js';
import { dataOf, sessionOf } from '../samples.js';
import { type Operation, operations, type StoreCase, type TestedStore } from './subject.js';

/** Calls an operation with a callback that throws, and answers how often it was called and what surfaced. */
async function throwing(
  act: (done: () => never) => unknown,
): Promise<{ calls: number; crashes: unknown[]; thrown: Error }> {
  const thrown = new Error('thrown by the callback');
  let calls = 0;
  const crashes = await crashesDuring(async () => {
    await witness((done) =>
      act(() => {
        calls += 1;
        done();
        throw thrown;
      }),
    );
  });
  return { calls, crashes, thrown };
}

const once = ({ name, needs, act }: Operation): StoreCase => ({
  id: `callback/${name}-once`,
  title: `${name} calls back exactly once, of something and of nothing, without an error`,
  ground: 'doc',
  because: 'the callback should be called once the work is done, with no error if there was none',
  needs,
  run: async ({ store, subject, clock }) => {
    await subject.set('there', sessionOf(clock));
    for (const sid of ['there', 'absent']) {
      const { calls, thrown } = await witness((done) => act(store, done, { sid, session: sessionOf(clock) }));
      deepEqual(thrown, []);
      equal(calls.length, 1, `called back ${calls.length} times`);
      ok(calls[0]?.[0] === null || calls[0]?.[0] === undefined, 'called back with an error');
    }
  },
});

const later = ({ name, needs, act }: Operation): StoreCase => ({
  id: `callback/${name}-later`,
  title: `${name} calls back after it has returned`,
  ground: 'reason',
  because: 'a callback that comes now or later, as it pleases, runs before what its caller does next',
  needs,
  run: async ({ store, subject, clock }) => {
    await subject.set('there', sessionOf(clock));
    for (const sid of ['there', 'absent']) {
      const { atOnce } = await witness((done) => act(store, done, { sid, session: sessionOf(clock) }));
      equal(atOnce, false);
    }
  },
});

const throws = ({ name, needs, act }: Operation): StoreCase => ({
  id: `callback/${name}-throws`,
  title: `${name} calls a callback that throws once, and what it threw surfaces as uncaught`,
  ground: 'reason',
  because: 'connect-redis and connect-mongo call it again with its own error; connect-pg-simple deletes the session',
  needs,
  run: async ({ store, subject, clock }) => {
    const session = sessionOf(clock, { n: 1 });
    await subject.set('a', session);
    await subject.set('other', session);
    const { calls, crashes, thrown } = await throwing((done) => act(store, done, { sid: 'a', session }));
    equal(calls, 1, `called back ${calls} times`);
    deepEqual(crashes, [thrown]);
    if (name !== 'clear') deepEqual(dataOf(await subject.found('other')), { n: 1 });
  },
});

type Silent = [
  name: string,
  needs: StoreCase['needs'],
  act: (store: TestedStore, sid: string, session: never) => unknown,
];

const silentActs: Silent[] = [
  ['set', [], (store, sid, session) => store.set(sid, session)],
  ['destroy', [], (store, sid) => store.destroy(sid)],
  ['touch', ['touch'], (store, sid, session) => store.touch(sid, session)],
  ['clear', ['clear'], (store) => store.clear()],
];

/** In ms. */
const LONGEST_CLEAR = 20_000;

/** A clear may well be done after a get that was asked for later. */
async function gone(find: () => Promise<unknown>): Promise<void> {
  const limit = performance.now() + LONGEST_CLEAR;
  while ((await find()) !== undefined && performance.now() < limit) await settle();
}

const silent = ([name, needs = [], act]: Silent): StoreCase => ({
  id: `callback/${name}-without`,
  title: `${name} works without a callback`,
  ground: 'reason',
  because: 'the callback is optional in the published types, and apps leave it out',
  needs,
  run: async ({ store, subject, clock }) => {
    await subject.set('a', sessionOf(clock, { n: 1 }));
    const given = sessionOf(clock, { n: 2 }, 90_000) as never;
    deepEqual(await crashesDuring(() => act(store, 'a', given)), []);
    await settle();
    if (name === 'clear') await gone(() => subject.get('a'));
    const found = await subject.get('a');
    if (name === 'set') equal(found?.['n'], 2);
    else if (name === 'touch') equal(found?.cookie.originalMaxAge, 90_000);
    else equal(found, undefined);
  },
});

const bad: [name: string, make: () => unknown][] = [
  ['cycle', cyclic],
  ['bigint', () => 1n],
];

function cyclic(): object {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  return cycle;
}

const unserialisable = bad.map(
  ([name, make]): StoreCase => ({
    id: `callback/set-${name}`,
    title: `set of a session that cannot be written (${name}) calls back once, later, with an error, and does not throw`,
    ground: 'reason',
    because: 'memorystore calls back twice',
    run: async ({ store, clock }) => {
      const session = sessionOf(clock, { bad: make() });
      const { calls, atOnce, thrown } = await witness((done) => store.set('a', session, done));
      deepEqual(thrown, []);
      equal(calls.length, 1, `called back ${calls.length} times`);
      ok(calls[0]?.[0] instanceof Error);
      equal(atOnce, false);
    },
  }),
);

export const callbackCases: readonly StoreCase[] = [
  ...operations.flatMap((operation) => [once(operation), later(operation), throws(operation)]),
  ...silentActs.map(silent),
  ...unserialisable,
  {
    id: 'callback/load',
    title: 'load answers a session object, and none for an unknown id',
    ground: 'reason',
    because: "express-session's Store has load, and apps call it",
    run: async ({ store, subject, clock }) => {
      await subject.set('a', sessionOf(clock, { n: 1 }));
      const found = await witness((done) => store.load('a', done));
      equal((found.calls[0]?.[1] as { n?: number } | undefined)?.n, 1);
      const missed = await witness((done) => store.load('unknown', done));
      ok(!missed.calls[0]?.[0] && !missed.calls[0]?.[1]);
    },
  },
];
