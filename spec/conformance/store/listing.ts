import { deepEqual, equal, ok } from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { dataOf, deadlineOf, type Sample, sessionOf } from '../samples.js';
import type { Need, StoreCase, StoreContext } from './subject.js';

/** Three sessions of which one expires 1 s from now and one has no date. */
async function threeSessions({ subject, clock }: StoreContext): Promise<void> {
  await subject.set('brief', sessionOf(clock, { n: 1 }, 1_000));
  await subject.set('long', sessionOf(clock, { n: 2 }));
  await subject.set('browser', sessionOf(clock, { n: 3 }, null));
}

const listings: [need: Need, list: (context: StoreContext) => Promise<string[] | number>][] = [
  ['length', ({ subject }) => subject.length()],
  ['all', async ({ subject }) => Object.keys(await subject.all()).sort()],
  ['ids', async ({ subject }) => (await subject.ids()).sort()],
  ['entries', async (context) => (await entriesOf(context)).map(([sid]) => sid).sort()],
];

async function entriesOf({ store }: StoreContext): Promise<[string, Sample][]> {
  const pairs: [string, Sample][] = [];
  for await (const [sid, session] of store.entries()) pairs.push([sid, session as Sample]);
  return pairs;
}

const livingCases = listings.map(
  ([name, list]): StoreCase => ({
    id: `list/${name}-living`,
    title: `${name}: the living only, to the millisecond`,
    ground: 'reason',
    because: 'memorystore, session-file-store, connect-sqlite3, better-sqlite3-session-store and prisma count the dead',
    needs: [name, 'clock'],
    run: async (context) => {
      const show = (sids: string[]) => (name === 'length' ? sids.length : sids);
      deepEqual(await list(context), show([]));
      await threeSessions(context);
      context.clock.advance(999);
      deepEqual(await list(context), show(['brief', 'browser', 'long']));
      context.clock.advance(1);
      deepEqual(await list(context), show(['browser', 'long']));
      await context.subject.destroy('long');
      deepEqual(await list(context), show(['browser']));
    },
  }),
);

export const listCases: readonly StoreCase[] = [
  ...livingCases,
  {
    id: 'list/length-number',
    title: 'length: a number, of nothing and of something',
    ground: 'doc',
    because: 'the callback should be called as callback(error, len)',
    needs: ['length'],
    run: async (context) => {
      equal(await context.subject.length(), 0);
      await threeSessions(context);
      equal(await context.subject.length(), 3);
      await context.subject.set('long', sessionOf(context.clock, { again: true }));
      equal(await context.subject.length(), 3);
    },
  },
  {
    id: 'list/all-by-id',
    title: 'all: an object of sessions by id',
    ground: 'choice',
    because:
      "the documentation says an array, express-session's own store answers an object; without ids nobody can use it",
    needs: ['all'],
    run: async (context) => {
      await threeSessions(context);
      const all = await context.subject.all();
      ok(!Array.isArray(all), 'all answered an array');
      deepEqual(Object.keys(all).sort(), ['brief', 'browser', 'long']);
      for (const [sid, session] of Object.entries(all)) {
        deepEqual(dataOf(session), dataOf(await context.subject.found(sid)));
      }
    },
  },
  {
    id: 'list/all-sessions',
    title: 'all: whole sessions, each with its cookie and present deadline',
    ground: 'doc',
    because: 'all is used to get all sessions in the store; connect-sqlite3 answers raw rows',
    needs: ['all', 'touch'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { n: 1 }));
      await subject.touch('a', sessionOf(clock, {}, 90_000));
      const [session] = Object.values(await subject.all());
      ok(session);
      deepEqual(dataOf(session), { n: 1 });
      equal(deadlineOf(session), clock.now() + 90_000);
      equal(session.cookie.originalMaxAge, 90_000);
    },
  },
  {
    id: 'list/all-fresh',
    title: 'all: fresh copies',
    ground: 'reason',
    because: 'what is kept must not share objects with what is handed out',
    needs: ['all'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { nested: { n: 1 } }));
      const [session] = Object.values(await subject.all());
      (session?.['nested'] as { n: number }).n = 2;
      deepEqual(dataOf(await subject.found('a')), { nested: { n: 1 } });
    },
  },
  {
    id: 'list/all-awkward-ids',
    title: 'all: ids named like what an object inherits',
    ground: 'reason',
    because: 'an id named __proto__ must neither vanish nor pollute',
    needs: ['all'],
    run: async ({ subject, clock }) => {
      const sids = ['__proto__', 'constructor', 'hasOwnProperty', 'toString'];
      for (const sid of sids) await subject.set(sid, sessionOf(clock, { sid }));
      const all = await subject.all();
      deepEqual(Object.keys(all).sort(), sids);
      equal(({} as { sid?: unknown }).sid, undefined);
    },
  },
  {
    id: 'list/agree',
    title: 'length, all and ids agree after any history',
    ground: 'reason',
    because: 'three answers to one question',
    needs: ['length', 'all', 'ids', 'clock'],
    run: async (context) => {
      const { subject, clock } = context;
      for (let n = 0; n < 40; n += 1) {
        await subject.set(`sid-${n % 23}`, sessionOf(clock, { n }, (n % 7) * 300 + 1));
        if (n % 5 === 0) await subject.destroy(`sid-${n % 11}`);
        clock.advance(37);
        const [length, all, ids] = await Promise.all([subject.length(), subject.all(), subject.ids()]);
        deepEqual(ids.sort(), Object.keys(all).sort());
        equal(length, ids.length);
        for (const sid of ids) ok(await subject.get(sid), `${sid} is listed and not there`);
      }
    },
  },
  {
    id: 'clear/all',
    title: 'ends every session and can be called again',
    ground: 'doc',
    because: 'clear is used to delete all sessions from the store',
    needs: ['clear'],
    run: async (context) => {
      await context.subject.clear();
      await threeSessions(context);
      await context.subject.clear();
      for (const sid of ['brief', 'long', 'browser']) equal(await context.subject.get(sid), undefined);
      await context.subject.clear();
      await context.subject.set('long', sessionOf(context.clock, { fresh: true }));
      deepEqual(dataOf(await context.subject.found('long')), { fresh: true });
    },
  },
  {
    id: 'clear/counts-nothing',
    title: 'leaves a length of 0',
    ground: 'doc',
    because: 'length is the count of all sessions in the store',
    needs: ['clear', 'length'],
    run: async (context) => {
      await threeSessions(context);
      await context.subject.clear();
      equal(await context.subject.length(), 0);
    },
  },
  {
    id: 'entries/pairs',
    title: 'yields [sid, session], each a fresh copy',
    ground: 'choice',
    because: 'a large store is walked, not loaded',
    needs: ['entries'],
    run: async (context) => {
      await threeSessions(context);
      const pairs = await entriesOf(context);
      deepEqual(Object.fromEntries(pairs.map(([sid, session]) => [sid, dataOf(session)])), {
        brief: { n: 1 },
        long: { n: 2 },
        browser: { n: 3 },
      });
      for (const [, session] of pairs) session['n'] = 'mutated';
      deepEqual(dataOf(await context.subject.found('long')), { n: 2 });
    },
  },
  {
    id: 'entries/changing',
    title: 'goes on while sessions come and go, and may be left half-way',
    ground: 'choice',
    because: 'nothing is locked between two steps',
    needs: ['entries'],
    run: async ({ store, subject, clock }) => {
      const sids = Array.from({ length: 30 }, (_, n) => `sid-${n}`);
      for (const sid of sids) await subject.set(sid, sessionOf(clock));
      const kept: string[] = [];
      for await (const [sid] of store.entries()) {
        if (sid.startsWith('sid-')) kept.push(sid);
        await subject.destroy(sid);
        await subject.set(`new-${sid}`.slice(0, 10), sessionOf(clock));
      }
      deepEqual(kept.sort(), sids.sort());
      for await (const _ of store.entries()) break;
    },
  },
  {
    id: 'prune/dead',
    title: 'removes what has expired, keeps the rest and answers how many',
    ground: 'choice',
    because: 'what has expired must not be kept for ever',
    needs: ['prune', 'clock'],
    run: async (context) => {
      const { subject, clock } = context;
      equal(await subject.prune(), 0);
      await threeSessions(context);
      clock.advance(999);
      equal(await subject.prune(), 0);
      clock.advance(1);
      equal(await subject.prune(), 1);
      equal(await subject.prune(), 0);
      deepEqual(dataOf(await subject.found('long')), { n: 2 });
    },
  },
  {
    id: 'prune/renewed',
    title: 'keeps what is renewed while it runs',
    ground: 'reason',
    because: 'a sweep that looks, waits and deletes takes living sessions with it',
    needs: ['prune', 'clock'],
    run: async ({ subject, clock }) => {
      const sids = Array.from({ length: 30 }, (_, n) => `sid-${n}`);
      for (const sid of sids) await subject.set(sid, sessionOf(clock, {}, 1_000));
      clock.advance(1_000);
      const pruning = subject.prune();
      const renew = (from: number, to: number) =>
        sids.slice(from, to).map((sid) => subject.set(sid, sessionOf(clock, { again: true })));
      const renewed = renew(0, 10);
      for (let hop = 0; hop < 1_000; hop += 1) await undefined;
      renewed.push(...renew(10, 20));
      await nextTurn();
      renewed.push(...renew(20, 30));
      await Promise.all([pruning, ...renewed]);
      for (const sid of sids) deepEqual(dataOf(await subject.found(sid)), { again: true });
    },
  },
];
