import { deepEqual, equal } from 'node:assert/strict';
import { hostileIds, newSeed, randomIds, sessionOf } from '../samples.js';
import type { StoreCase, StoreContext } from './subject.js';

async function keepsApart({ subject, clock }: StoreContext, ids: readonly string[], note = ''): Promise<void> {
  await Promise.all(ids.map((sid, n) => subject.set(sid, sessionOf(clock, { n }))));
  const found = await Promise.all(ids.map((sid) => subject.get(sid)));
  const wrong = ids.filter((_, n) => found[n]?.['n'] !== n).map((sid) => JSON.stringify(sid.slice(0, 40)));
  deepEqual(wrong, [], `ids that answer somebody else's session or none ${note}`);
}

export const idCases: readonly StoreCase[] = [
  {
    id: 'ids/hostile',
    title: 'keeps awkward ids apart: paths, devices, NUL, case, Unicode, 10 kB',
    ground: 'reason',
    because: 'an id comes from a cookie or a genid of the app; session-file-store reads outside its directory',
    run: (context) => keepsApart(context, hostileIds),
  },
  {
    id: 'ids/random',
    title: 'keeps random awkward ids apart',
    ground: 'reason',
    because: 'two ids that differ in one character are two ids',
    run: (context) => {
      const seed = newSeed();
      return keepsApart(context, randomIds(context.randomIds, seed), `(CONFORMANCE_SEED=${seed})`);
    },
  },
  {
    id: 'ids/unknown-hostile',
    title: 'finds nothing under an awkward id that was never set',
    ground: 'reason',
    because: 'an id with a path in it must not find a file',
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { n: 1 }));
      for (const sid of hostileIds) if (sid !== 'a') equal(await subject.get(sid), undefined, JSON.stringify(sid));
    },
  },
  {
    id: 'ids/destroy-hostile',
    title: 'destroys exactly the awkward id that it is told to',
    ground: 'reason',
    because: 'a pattern in an id must not match other sessions',
    run: async ({ subject, clock }) => {
      for (const ended of [0, 1]) {
        await Promise.all(hostileIds.map((sid, n) => subject.set(sid, sessionOf(clock, { n }))));
        for (const [n, sid] of hostileIds.entries()) if (n % 2 === ended) await subject.destroy(sid);
        const found = await Promise.all(hostileIds.map((sid) => subject.get(sid)));
        const wrong = hostileIds.filter((_, n) => (found[n] === undefined) !== (n % 2 === ended));
        deepEqual(
          wrong.map((sid) => JSON.stringify(sid)),
          [],
        );
      }
    },
  },
  {
    id: 'ids/listed',
    title: 'lists awkward ids as they were given',
    ground: 'reason',
    because: 'an id that is listed in another spelling cannot be used',
    needs: ['ids'],
    run: async ({ subject, clock }) => {
      await Promise.all(hostileIds.map((sid) => subject.set(sid, sessionOf(clock))));
      deepEqual((await subject.ids()).sort(), [...hostileIds].sort());
    },
  },
];
