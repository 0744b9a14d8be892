import { deepEqual, equal, ok } from 'node:assert/strict';
import { dataOf, deadlineOf, type Sample, sessionOf } from '../samples.js';
import { failureOf, type StoreCase } from './subject.js';

const updating = {
  ground: 'choice',
  because: 'express-session has no atomic read-modify-write; counters and per-key changes need one',
} as const;

export const updateCases: readonly StoreCase[] = [
  {
    id: 'update/creates',
    title: 'gives undefined where there is no session, stores the answer and tells it',
    ...updating,
    needs: ['update'],
    run: async ({ subject, clock }) => {
      const seen: unknown[] = [];
      const stored = await subject.update('a', (session) => {
        seen.push(session);
        return sessionOf(clock, { n: 1 });
      });
      deepEqual(seen, [undefined]);
      ok(stored);
      deepEqual(dataOf(stored), { n: 1 });
      equal(deadlineOf(stored), clock.now() + 60_000);
      deepEqual(dataOf(await subject.found('a')), { n: 1 });
    },
  },
  {
    id: 'update/changes',
    title: 'gives the session with its cookie, and stores it as changed, in place or anew',
    ...updating,
    needs: ['update'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { n: 1 }));
      await subject.update('a', (session) => Object.assign(session as Sample, { n: 2 }));
      deepEqual(dataOf(await subject.found('a')), { n: 2 });
      await subject.update('a', (session) => ({ ...session, n: 3, more: true }));
      const found = await subject.found('a');
      deepEqual(dataOf(found), { n: 3, more: true });
      equal(found.cookie.originalMaxAge, 60_000);
      equal(deadlineOf(found), clock.now() + 60_000);
    },
  },
  {
    id: 'update/removes',
    title: 'ends the session where the answer is undefined, and tells undefined',
    ...updating,
    needs: ['update'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { n: 1 }));
      equal(await subject.update('a', () => undefined), undefined);
      equal(await subject.get('a'), undefined);
      equal(await subject.update('a', () => undefined), undefined);
    },
  },
  {
    id: 'update/parallel',
    title: 'loses none of 1 000 parallel increments',
    ...updating,
    needs: ['update'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { n: 0 }));
      const increment = (session: Sample | undefined) => ({ ...session, n: (session?.['n'] as number) + 1 });
      await Promise.all(Array.from({ length: 1_000 }, () => subject.update('a', increment)));
      deepEqual(dataOf(await subject.found('a')), { n: 1_000 });
    },
  },
  {
    id: 'update/throws',
    title: 'delivers what change threw, the very same, and stores nothing',
    ...updating,
    needs: ['update'],
    run: async ({ subject, clock }) => {
      const thrown = new Error('of the caller');
      await subject.set('a', sessionOf(clock, { n: 1 }));
      for (const sid of ['a', 'absent']) {
        const failure = await failureOf(() =>
          subject.update(sid, (session) => {
            if (session) session['n'] = 2;
            throw thrown;
          }),
        );
        equal(failure, thrown);
      }
      deepEqual(dataOf(await subject.found('a')), { n: 1 });
      equal(await subject.get('absent'), undefined);
    },
  },
  {
    id: 'update/expired',
    title: 'gives undefined for an expired session, and ends the session by an expired answer',
    ...updating,
    needs: ['update', 'clock'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { n: 1 }));
      clock.advance(60_000);
      let seen: unknown = 'not called';
      await subject.update('a', (session) => {
        seen = session;
        return sessionOf(clock, { n: 2 });
      });
      equal(seen, undefined);
      deepEqual(dataOf(await subject.found('a')), { n: 2 });
      equal(await subject.update('a', () => sessionOf(clock, { n: 3 }, 0)), undefined);
      equal(await subject.get('a'), undefined);
    },
  },
  {
    id: 'update/fresh',
    title: 'shares no object with what it is answered or tells',
    ...updating,
    needs: ['update'],
    run: async ({ subject, clock }) => {
      const given = sessionOf(clock, { nested: { n: 1 } });
      const told = await subject.update('a', () => given);
      (given['nested'] as { n: number }).n = 2;
      (told?.['nested'] as { n: number }).n = 3;
      deepEqual(dataOf(await subject.found('a')), { nested: { n: 1 } });
    },
  },
  {
    id: 'update/unserialisable',
    title: 'fails for an answer that cannot be written, and keeps the old session',
    ...updating,
    needs: ['update'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { n: 1 }));
      await failureOf(() => subject.update('a', (session) => ({ ...session, n: 1n })));
      deepEqual(dataOf(await subject.found('a')), { n: 1 });
    },
  },
  {
    id: 'update/order',
    title: 'sees a set and a destroy of the same tick',
    ...updating,
    needs: ['update'],
    run: async ({ subject, clock }) => {
      const seen: unknown[] = [];
      const look = (session: Sample | undefined) => {
        seen.push(session?.['n']);
        return session;
      };
      await Promise.all([
        subject.set('a', sessionOf(clock, { n: 1 })),
        subject.update('a', look),
        subject.destroy('a'),
        subject.update('a', look),
      ]);
      deepEqual(seen, [1, undefined]);
      equal(await subject.get('a'), undefined);
    },
  },
];
