import { deepEqual, equal, ok } from 'node:assert/strict';
import { sessionOf } from '../samples.js';
import type { StoreCase, StoreContext } from './subject.js';

/** Whether a session that lives `life` ms is there 1 ms before, at, and 1 ms after its deadline. */
async function aroundDeadline({ subject, clock }: StoreContext, sid: string, life: number): Promise<boolean[]> {
  const there: boolean[] = [];
  clock.advance(life - 1);
  for (let step = 0; step < 3; step += 1) {
    there.push((await subject.get(sid)) !== undefined);
    clock.advance(1);
  }
  return there;
}

/** Sets a session that `expires` makes dead already. */
async function deadOnArrival({ subject, clock }: StoreContext, maxAge: number): Promise<void> {
  await subject.set('a', sessionOf(clock, { n: 1 }, maxAge));
  equal(await subject.get('a'), undefined);
}

const boundaries = [1, 250, 999, 1_000, 60_000, 86_400_000].map(
  (life): StoreCase => ({
    id: `expiry/boundary-${life}`,
    title: `answers a session of ${life} ms until 1 ms before its deadline, and never at it`,
    ground: 'reason',
    because: 'better-sqlite3-session-store keeps whole seconds; a deadline is the first moment at which it is over',
    needs: ['clock'],
    run: async (context) => {
      await context.subject.set('a', sessionOf(context.clock, {}, life));
      deepEqual(await aroundDeadline(context, 'a', life), [true, false, false]);
    },
  }),
);

export const expiryCases: readonly StoreCase[] = [
  ...boundaries,
  {
    id: 'expiry/on-arrival',
    title: 'answers no session whose deadline had passed when it was set',
    ground: 'reason',
    because: 'maxAge 0 or less is how a session is ended at once',
    run: async (context) => {
      await deadOnArrival(context, 0);
      await deadOnArrival(context, -1);
      await deadOnArrival(context, -86_400_000);
    },
  },
  {
    id: 'expiry/replaces',
    title: 'ends the living session where one is set that has expired',
    ground: 'reason',
    because: 'the old session must not stay when the new one says that it is over',
    run: async (context) => {
      await context.subject.set('a', sessionOf(context.clock, { old: true }));
      await deadOnArrival(context, -1);
    },
  },
  {
    id: 'expiry/browser-cookie',
    title: 'ends a session whose cookie has no date after ttl',
    ground: 'reason',
    because: "express-session's own store keeps it for ever",
    needs: ['clock', 'ttl'],
    run: async (context) => {
      await context.subject.set('a', sessionOf(context.clock, {}, null));
      deepEqual(await aroundDeadline(context, 'a', context.ttl), [true, false, false]);
    },
  },
  {
    id: 'expiry/browser-touch',
    title: 'extends a session whose cookie has no date by touch',
    ground: 'reason',
    because: 'connect-sqlite3 never extends it',
    needs: ['clock', 'ttl', 'touch'],
    run: async (context) => {
      const { subject, clock, ttl } = context;
      await subject.set('a', sessionOf(clock, {}, null));
      clock.advance(ttl - 1);
      await subject.touch('a', sessionOf(clock, {}, null));
      deepEqual(await aroundDeadline(context, 'a', ttl), [true, false, false]);
    },
  },
  {
    id: 'expiry/invalid-date',
    title: 'treats a cookie whose expires is no date as one without',
    ground: 'choice',
    because: 'what cannot be read must neither live for ever nor fail',
    needs: ['clock', 'ttl'],
    run: async (context) => {
      for (const [n, expires] of [new Date(Number.NaN), 'nonsense', false].entries()) {
        const session = sessionOf(context.clock, {}, null);
        await context.subject.set(`sid-${n}`, { ...session, cookie: { ...session.cookie, expires } });
        deepEqual(await aroundDeadline(context, `sid-${n}`, context.ttl), [true, false, false]);
      }
    },
  },
  {
    id: 'expiry/no-cookie',
    title: 'ends a session without a cookie after ttl',
    ground: 'choice',
    because: 'other frameworks keep sessions without one',
    needs: ['clock', 'ttl'],
    run: async (context) => {
      await context.subject.set('a', { n: 1 });
      deepEqual(await aroundDeadline(context, 'a', context.ttl), [true, false, false]);
    },
  },
  {
    id: 'expiry/far',
    title: 'keeps a session whose deadline is far away',
    ground: 'reason',
    because: 'a deadline beyond 2^31 ms or seconds must not wrap around',
    needs: ['clock'],
    run: async ({ subject, clock }) => {
      const aThousandYears = 1_000 * 365 * 86_400_000;
      await subject.set('a', sessionOf(clock, { n: 1 }, aThousandYears));
      clock.advance(aThousandYears - 1);
      ok(await subject.get('a'));
    },
  },
  {
    id: 'expiry/own-deadline',
    title: 'gives each session its own deadline',
    ground: 'reason',
    because: 'a store with one idle time for all forgets what the cookie says',
    needs: ['clock'],
    run: async ({ subject, clock }) => {
      for (const life of [1_000, 3_000, 2_000]) await subject.set(`${life}`, sessionOf(clock, {}, life));
      const living: string[] = [];
      for (let step = 0; step < 4; step += 1) {
        const found = await Promise.all(['1000', '2000', '3000'].map((sid) => subject.get(sid)));
        living.push(found.map((session) => (session ? 'x' : '-')).join(''));
        clock.advance(1_000);
      }
      deepEqual(living, ['xxx', '-xx', '--x', '---']);
    },
  },
];
