import { deepEqual, equal } from 'node:assert/strict';
import { dataOf, deadlineOf, sessionOf } from '../samples.js';
import type { StoreCase } from './subject.js';

const lost = {
  ground: 'reason',
  because: 'parallel requests on one session: every published store keeps the keys of the last one only',
} as const;
const revived = {
  ground: 'reason',
  because: 'expressjs/session#632, tj/connect-redis#328: a slow request brings a session back after logout',
} as const;

export const mergeCases: readonly StoreCase[] = [
  {
    id: 'merge/parallel-keys',
    title: 'keeps the keys of 5 requests that each set another one',
    ...lost,
    needs: ['merge'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { user: 'a' }));
      const requests = await Promise.all([1, 2, 3, 4, 5].map(() => subject.load('a')));
      for (const [n, session] of requests.entries()) Object.assign(session, { [`key-${n}`]: n });
      await Promise.all(requests.map((session) => subject.set('a', session)));
      const all = { user: 'a', 'key-0': 0, 'key-1': 1, 'key-2': 2, 'key-3': 3, 'key-4': 4 };
      deepEqual(dataOf(await subject.found('a')), all);
    },
  },
  {
    id: 'merge/delete',
    title: 'keeps a key deleted that one request deleted while another set its own',
    ...lost,
    needs: ['merge'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { old: 1, kept: 2 }));
      const [deleting, setting] = [await subject.load('a'), await subject.load('a')];
      delete deleting['old'];
      Object.assign(setting, { added: 3 });
      await subject.set('a', deleting);
      await subject.set('a', setting);
      deepEqual(dataOf(await subject.found('a')), { kept: 2, added: 3 });
    },
  },
  {
    id: 'merge/same-key',
    title: 'lets the last writer of one key win',
    ...lost,
    needs: ['merge'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { n: 0 }));
      const [first, second] = [await subject.load('a'), await subject.load('a')];
      Object.assign(first, { n: 1 });
      Object.assign(second, { n: 2 });
      await subject.set('a', first);
      await subject.set('a', second);
      deepEqual(dataOf(await subject.found('a')), { n: 2 });
    },
  },
  {
    id: 'merge/second-save',
    title: 'does not take the keys of others for deleted when a request saves twice',
    ...lost,
    needs: ['merge'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, {}));
      const [one, other] = [await subject.load('a'), await subject.load('a')];
      Object.assign(other, { theirs: 1 });
      await subject.set('a', other);
      Object.assign(one, { first: 2 });
      await subject.set('a', one);
      Object.assign(one, { second: 3 });
      await subject.set('a', one);
      deepEqual(dataOf(await subject.found('a')), { theirs: 1, first: 2, second: 3 });
    },
  },
  {
    id: 'merge/unchanged',
    title: 'undoes nothing by saving a session that it did not change',
    ...lost,
    needs: ['merge'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { n: 1 }));
      const [idle, busy] = [await subject.load('a'), await subject.load('a')];
      Object.assign(busy, { n: 2 });
      await subject.set('a', busy);
      await subject.set('a', idle);
      deepEqual(dataOf(await subject.found('a')), { n: 2 });
    },
  },
  {
    id: 'merge/cookie',
    title: 'keeps a maxAge that one request changed while another saved',
    ...lost,
    needs: ['merge'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, {}));
      const [changing, setting] = [await subject.load('a'), await subject.load('a')];
      changing.cookie.expires = new Date(clock.now() + 600_000);
      changing.cookie.originalMaxAge = 600_000;
      Object.assign(setting, { n: 1 });
      await subject.set('a', changing);
      await subject.set('a', setting);
      const found = await subject.found('a');
      deepEqual(dataOf(found), { n: 1 });
      equal(found.cookie.originalMaxAge, 600_000);
      equal(deadlineOf(found), clock.now() + 600_000);
    },
  },
  {
    id: 'merge/touch-cookie',
    title: 'keeps a maxAge that one request changed while another only touched',
    ...lost,
    needs: ['merge', 'touch'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, {}));
      const [changing, idle] = [await subject.load('a'), await subject.load('a')];
      changing.cookie.expires = new Date(clock.now() + 600_000);
      changing.cookie.originalMaxAge = 600_000;
      await subject.touch('a', changing);
      await subject.touch('a', idle);
      const found = await subject.found('a');
      equal(found.cookie.originalMaxAge, 600_000);
      equal(deadlineOf(found), clock.now() + 600_000);
    },
  },
  {
    id: 'merge/after-touch',
    title: 'keeps the keys of others when a request touches and then saves',
    ...lost,
    needs: ['merge', 'touch'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, {}));
      const [one, other] = [await subject.load('a'), await subject.load('a')];
      await subject.touch('a', one);
      Object.assign(other, { theirs: 1 });
      await subject.set('a', other);
      Object.assign(one, { mine: 2 });
      await subject.set('a', one);
      deepEqual(dataOf(await subject.found('a')), { theirs: 1, mine: 2 });
    },
  },
  {
    id: 'merge/proto-keys',
    title: 'merges keys named constructor and __proto__ as keys',
    ...lost,
    needs: ['merge'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, JSON.parse('{"__proto__":{"polluted":1},"constructor":1}')));
      const [one, other] = [await subject.load('a'), await subject.load('a')];
      Object.assign(other, { theirs: 1 });
      await subject.set('a', other);
      Object.assign(one, { mine: 2 });
      await subject.set('a', one);
      const keys = Object.keys(dataOf(await subject.found('a'))).sort();
      deepEqual(keys, ['__proto__', 'constructor', 'mine', 'theirs']);
      equal(({} as { polluted?: unknown }).polluted, undefined);
    },
  },
  {
    id: 'merge/plain-object',
    title: 'writes a plain object as it is',
    ground: 'choice',
    because: 'whoever passes a plain object means that object',
    needs: ['merge'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { old: 1 }));
      const other = await subject.load('a');
      const plain = await subject.found('a');
      Object.assign(other, { theirs: 1 });
      await subject.set('a', other);
      await subject.set('a', { ...plain, mine: 2 });
      deepEqual(dataOf(await subject.found('a')), { old: 1, mine: 2 });
    },
  },
  {
    id: 'logout/slow-save',
    title: 'does not bring a session back that was destroyed since the request loaded it, without an error',
    ...revived,
    needs: ['merge'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { user: 'a' }));
      const slow = await subject.load('a');
      await subject.destroy('a');
      Object.assign(slow, { late: true });
      await subject.set('a', slow);
      equal(await subject.get('a'), undefined);
      await subject.set('a', slow);
      equal(await subject.get('a'), undefined);
    },
  },
  {
    id: 'logout/same-tick',
    title: 'does not bring a session back that was destroyed in the same tick',
    ...revived,
    needs: ['merge'],
    run: async ({ subject, clock }) => {
      for (let round = 0; round < 10; round += 1) {
        await subject.set('a', sessionOf(clock, { user: 'a' }));
        const slow = await subject.load('a');
        Object.assign(slow, { late: true });
        await Promise.all([subject.destroy('a'), subject.set('a', slow)]);
        equal(await subject.get('a'), undefined);
      }
    },
  },
  {
    id: 'logout/slow-touch',
    title: 'does not bring a session back by the touch of a slow request',
    ...revived,
    needs: ['touch'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { user: 'a' }));
      const slow = await subject.load('a');
      await subject.destroy('a');
      await subject.touch('a', slow);
      equal(await subject.get('a'), undefined);
    },
  },
  {
    id: 'logout/clear',
    title: 'does not bring a session back that was cleared since the request loaded it',
    ...revived,
    needs: ['merge', 'clear'],
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { user: 'a' }));
      const slow = await subject.load('a');
      await subject.clear();
      Object.assign(slow, { late: true });
      await subject.set('a', slow);
      equal(await subject.get('a'), undefined);
    },
  },
];
