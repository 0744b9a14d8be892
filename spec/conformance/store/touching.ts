import { deepEqual, equal } from 'node:assert/strict';
import { dataOf, deadlineOf, sessionOf } from '../samples.js';
import type { StoreCase } from './subject.js';

export const touchCases: readonly StoreCase[] = [
  {
    id: 'touch/moves',
    title: 'moves the deadline, and get shows it',
    ground: 'doc',
    because: 'touch signals that the session is active, potentially resetting the idle timer',
    needs: ['touch', 'clock'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { n: 1 }));
      clock.advance(40_000);
      await subject.touch('a', sessionOf(clock, { n: 1 }));
      equal(deadlineOf(await subject.found('a')), clock.now() + 60_000);
      clock.advance(40_000);
      deepEqual(dataOf(await subject.found('a')), { n: 1 });
      clock.advance(20_000);
      equal(await subject.get('a'), undefined);
    },
  },
  {
    id: 'touch/data',
    title: 'leaves the data alone, whatever the session it is given holds',
    ground: 'reason',
    because: 'a request that changed nothing must not undo what another one saved',
    needs: ['touch'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { n: 1, kept: true }));
      await subject.touch('a', sessionOf(clock, { n: 0, old: true }));
      deepEqual(dataOf(await subject.found('a')), { n: 1, kept: true });
    },
  },
  {
    id: 'touch/cookie',
    title: 'keeps a cookie that changed: maxAge and attributes',
    ground: 'reason',
    because:
      'tj/connect-redis#259, jdesboeufs/connect-mongo#351: a request that changes only maxAge is touched, not saved',
    needs: ['touch'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { n: 1 }));
      const session = sessionOf(clock, { n: 1 }, 600_000);
      await subject.touch('a', { ...session, cookie: { ...session.cookie, path: '/app' } });
      const found = await subject.found('a');
      equal(found.cookie.originalMaxAge, 600_000);
      equal(found.cookie.path, '/app');
      equal(deadlineOf(found), clock.now() + 600_000);
    },
  },
  {
    id: 'touch/shorter',
    title: 'can bring the deadline nearer',
    ground: 'reason',
    because: 'a "forget me soon" must be kept as well as a "remember me"',
    needs: ['touch', 'clock'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, {}, 600_000));
      await subject.touch('a', sessionOf(clock, {}, 1_000));
      clock.advance(1_000);
      equal(await subject.get('a'), undefined);
    },
  },
  {
    id: 'touch/absent',
    title: 'creates nothing for an unknown id, and that is no error',
    ground: 'reason',
    because: 'jdesboeufs/connect-mongo#407, #469: a request that ends after logout got an error',
    needs: ['touch'],
    run: async ({ subject, clock }) => {
      await subject.touch('a', sessionOf(clock, { n: 1 }));
      equal(await subject.get('a'), undefined);
    },
  },
  {
    id: 'touch/absent-unlisted',
    title: 'leaves no trace of an unknown id in the length',
    ground: 'reason',
    because: 'a touch that creates shows in the count even where get hides it',
    needs: ['touch', 'length'],
    run: async ({ subject, clock }) => {
      await subject.touch('a', sessionOf(clock, { n: 1 }));
      equal(await subject.length(), 0);
    },
  },
  {
    id: 'touch/expired',
    title: 'revives nothing that has expired, and that is no error',
    ground: 'reason',
    because: 'session-file-store wipes and revives it; connect-mongo and connect-pg-simple revive it',
    needs: ['touch', 'clock'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { n: 1 }));
      clock.advance(60_000);
      await subject.touch('a', sessionOf(clock, { n: 1 }));
      equal(await subject.get('a'), undefined);
    },
  },
  {
    id: 'touch/after-set',
    title: 'does not undo a set of the same tick',
    ground: 'reason',
    because: 'session-file-store undoes it 300 times of 300',
    needs: ['touch'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { n: 1 }));
      await Promise.all([
        subject.set('a', sessionOf(clock, { n: 2 })),
        subject.touch('a', sessionOf(clock, { n: 1 }, 90_000)),
      ]);
      const found = await subject.found('a');
      deepEqual(dataOf(found), { n: 2 });
      equal(deadlineOf(found), clock.now() + 90_000);
    },
  },
  {
    id: 'touch/before-set',
    title: 'does not undo a set that follows in the same tick',
    ground: 'reason',
    because: 'the later of two calls has the last word, whether or not the first has ended',
    needs: ['touch'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { n: 1 }));
      await Promise.all([
        subject.touch('a', sessionOf(clock, { n: 1 }, 90_000)),
        subject.set('a', sessionOf(clock, { n: 2 }, 30_000)),
      ]);
      const found = await subject.found('a');
      deepEqual(dataOf(found), { n: 2 });
      equal(deadlineOf(found), clock.now() + 30_000);
    },
  },
  {
    id: 'touch/after-destroy',
    title: 'does not revive what was destroyed in the same tick',
    ground: 'reason',
    because: 'session-file-store revives it 300 times of 300; level-session-store creates it again',
    needs: ['touch'],
    run: async ({ subject, clock }) => {
      for (let round = 0; round < 10; round += 1) {
        await subject.set('a', sessionOf(clock, { n: 1 }));
        await Promise.all([subject.destroy('a'), subject.touch('a', sessionOf(clock, { n: 1 }))]);
        equal(await subject.get('a'), undefined);
      }
    },
  },
  {
    id: 'touch/before-destroy',
    title: 'does not outlast a destroy that follows in the same tick',
    ground: 'reason',
    because: 'a touch that reads, waits and writes brings the session back',
    needs: ['touch'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { n: 1 }));
      await Promise.all([subject.touch('a', sessionOf(clock, { n: 1 })), subject.destroy('a')]);
      equal(await subject.get('a'), undefined);
    },
  },
  {
    id: 'touch/others',
    title: 'concerns one session',
    ground: 'doc',
    because: 'touch is used to touch a given session',
    needs: ['touch', 'clock'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { n: 1 }));
      await subject.set('b', sessionOf(clock, { n: 2 }));
      clock.advance(30_000);
      await subject.touch('a', sessionOf(clock, { n: 1 }));
      clock.advance(30_000);
      equal(await subject.get('b'), undefined);
      deepEqual(dataOf(await subject.found('a')), { n: 1 });
    },
  },
  {
    id: 'touch/often',
    title: 'loses nothing however often it is called at once',
    ground: 'reason',
    because: 'a page and its pictures are touched together',
    needs: ['touch'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { n: 1 }));
      const touches = Array.from({ length: 50 }, (_, n) => subject.touch('a', sessionOf(clock, {}, 60_000 + n)));
      await Promise.all(touches);
      const found = await subject.found('a');
      deepEqual(dataOf(found), { n: 1 });
      equal(deadlineOf(found), clock.now() + 60_049);
    },
  },
];
