import { deepEqual, equal } from 'node:assert/strict';
import { dataOf, deadlineOf, sessionOf } from '../samples.js';
import { failureOf, type StoreCase, type StoreContext } from './subject.js';

const deep = (depth: number): unknown => (depth === 0 ? 'bottom' : { below: deep(depth - 1) });

/** One property named `__proto__`, and others that an object inherits. */
function awkwardKeys(): object {
  const keys =
    '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":1,"hasOwnProperty":2}';
  return JSON.parse(keys) as object;
}

const kinds: Record<string, object> = {
  empty: {},
  nested: { a: { b: { c: [1, [2, [3, { d: null }]]] } } },
  unicode: { text: 'é😀\u0000\u2028\u202e"\\\n', 'ключ😀': 'значение' },
  nothing: { none: null, no: false, zero: 0, blank: '', emptyList: [], emptyObject: {} },
  numbers: { small: 5e-324, big: 1.7976931348623157e308, whole: 9_007_199_254_740_991, part: 0.1, less: -1 },
  names: { '': 1, ' ': 2, 'a.b': 3, $set: 4, 'a\0b': 5, '0': 6, length: 7, id: 8 },
  large: { text: 'x'.repeat(200_000) },
  deep: { tree: deep(300) },
  surrogate: { text: '\ud800 alone \udc00' },
  looks: { expires: 1, data: '{}', cookieText: '{"path":"/"}', session: { cookie: { expires: null } } },
};

const kindCases = Object.entries(kinds).map(
  ([kind, data]): StoreCase => ({
    id: `set/data-${kind}`,
    title: `keeps session data: ${kind}`,
    ground: 'reason',
    because: 'whatever JSON can say is session data',
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, data));
      deepEqual(dataOf(await subject.found('a')), data);
    },
  }),
);

/** Sets what cannot be written over something that can. */
async function refuses({ subject, clock }: StoreContext, bad: object): Promise<void> {
  await subject.set('a', sessionOf(clock, { old: true }));
  await failureOf(() => subject.set('a', sessionOf(clock, bad)));
  deepEqual(dataOf(await subject.found('a')), { old: true });
  await failureOf(() => subject.set('new', sessionOf(clock, bad)));
  equal(await subject.get('new'), undefined);
}

export const writeCases: readonly StoreCase[] = [
  ...kindCases,
  {
    id: 'set/upsert',
    title: 'replaces a session as a whole',
    ground: 'doc',
    because: 'set is used to upsert a session',
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { one: 1, two: 2 }));
      await subject.set('a', sessionOf(clock, { two: 'two' }, 120_000));
      const session = await subject.found('a');
      deepEqual(dataOf(session), { two: 'two' });
      equal(deadlineOf(session), clock.now() + 120_000);
    },
  },
  {
    id: 'set/snapshot',
    title: 'stores the session as it was when set was called',
    ground: 'reason',
    because: 'set is given the live session of a request that may go on changing it',
    run: async ({ subject, clock }) => {
      const session = sessionOf(clock, { nested: { n: 1 } });
      const saved = subject.set('a', session);
      (session['nested'] as { n: number }).n = 2;
      session['late'] = true;
      session.cookie.originalMaxAge = 1;
      await saved;
      const found = await subject.found('a');
      deepEqual(dataOf(found), { nested: { n: 1 } });
      equal(found.cookie.originalMaxAge, 60_000);
    },
  },
  {
    id: 'set/unaliased',
    title: 'does not see what is done to the object afterwards',
    ground: 'reason',
    because: 'what is kept must not share objects with what was given',
    run: async ({ subject, clock }) => {
      const session = sessionOf(clock, { nested: { n: 1 } });
      await subject.set('a', session);
      (session['nested'] as { n: number }).n = 2;
      deepEqual(dataOf(await subject.found('a')), { nested: { n: 1 } });
    },
  },
  {
    id: 'set/innocent',
    title: 'does not change the object that it is given',
    ground: 'reason',
    because: 'the object is the live session of a request',
    run: async ({ subject, clock }) => {
      const session = sessionOf(clock, { nested: { n: 1 } });
      const before = structuredClone(session);
      await subject.set('a', session);
      deepEqual(session, before);
    },
  },
  {
    id: 'set/parallel',
    title: 'keeps the last of many that are set in one tick',
    ground: 'reason',
    because: 'the later of two calls has the last word, whether or not the first has ended',
    run: async ({ subject, clock }) => {
      const sets = Array.from({ length: 50 }, (_, n) => subject.set('a', sessionOf(clock, { n })));
      await Promise.all(sets);
      deepEqual(dataOf(await subject.found('a')), { n: 49 });
    },
  },
  {
    id: 'set/read-at-once',
    title: 'lets a get in the same tick see it',
    ground: 'reason',
    because: 'the later of two calls sees what the earlier one did, whether or not it has ended',
    run: async ({ subject, clock }) => {
      const saved = subject.set('a', sessionOf(clock, { n: 1 }));
      const found = subject.found('a');
      await saved;
      deepEqual(dataOf(await found), { n: 1 });
    },
  },
  {
    id: 'set/many',
    title: 'keeps many sessions that are set at once apart',
    ground: 'reason',
    because: 'a server has more than one visitor',
    run: async ({ subject, clock }) => {
      const sids = Array.from({ length: 200 }, (_, n) => `sid-${n}`);
      await Promise.all(sids.map((sid) => subject.set(sid, sessionOf(clock, { sid }))));
      const found = await Promise.all(sids.map((sid) => subject.found(sid)));
      deepEqual(
        found.map(({ sid }) => sid),
        sids,
      );
    },
  },
  {
    id: 'set/own-proto',
    title: 'keeps keys named __proto__ and constructor as keys and pollutes nothing',
    ground: 'reason',
    because: 'a session often holds what a client sent',
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, awkwardKeys()));
      const found = await subject.found('a');
      equal(JSON.stringify(dataOf(found)), JSON.stringify(awkwardKeys()));
      equal((found as { polluted?: unknown }).polluted, undefined);
      equal(({} as { polluted?: unknown }).polluted, undefined);
    },
  },
  {
    id: 'set/json',
    title: 'keeps what JSON keeps: dates as text, no functions, toJSON honoured',
    ground: 'choice',
    because: "express-session's own store does it with JSON.stringify",
    run: async ({ subject, clock }) => {
      const at = new Date(0);
      const data = {
        at,
        gone: undefined,
        act: () => 1,
        list: [undefined],
        own: { toJSON: () => 'shown' },
        not: Number.NaN,
      };
      await subject.set('a', sessionOf(clock, data));
      deepEqual(dataOf(await subject.found('a')), { at: at.toISOString(), list: [null], own: 'shown', not: null });
    },
  },
  {
    id: 'set/cycle',
    title: 'fails for a session that refers to itself, and keeps the old one',
    ground: 'reason',
    because: 'memorystore calls back twice and stores undefined',
    run: (context) => {
      const cycle: Record<string, unknown> = {};
      cycle['self'] = cycle;
      return refuses(context, cycle);
    },
  },
  {
    id: 'set/bigint',
    title: 'fails for a session that holds a BigInt, and keeps the old one',
    ground: 'reason',
    because: 'memorystore calls back twice and stores undefined',
    run: (context) => refuses(context, { count: 1n }),
  },
  {
    id: 'set/throwing-getter',
    title: 'fails for a session that cannot be read, and keeps the old one',
    ground: 'reason',
    because: 'an error while writing must not cost the session',
    run: (context) =>
      refuses(context, {
        bad: {
          toJSON: () => {
            throw new Error('not to be written');
          },
        },
      }),
  },
  {
    id: 'set/serialize-code',
    title: 'names the failure SESSILE_SERIALIZE and keeps the cause',
    ground: 'choice',
    because: 'one error class with a code from a closed list and a cause',
    needs: ['codes'],
    run: async ({ subject, clock }) => {
      const failure = await failureOf(() => subject.set('a', sessionOf(clock, { count: 1n })));
      equal((failure as { code?: string }).code, 'SESSILE_SERIALIZE');
      equal((failure as Error).cause instanceof TypeError, true);
    },
  },
  {
    id: 'set/expires-text',
    title: 'takes a cookie whose expires is text',
    ground: 'reason',
    because: 'a session that went through JSON has a text there',
    run: async ({ subject, clock }) => {
      await subject.set('a', JSON.parse(JSON.stringify(sessionOf(clock, { n: 1 }))));
      equal(deadlineOf(await subject.found('a')), clock.now() + 60_000);
    },
  },
  {
    id: 'set/no-cookie',
    title: 'takes a session without a cookie and gives it none',
    ground: 'choice',
    because: 'other frameworks keep sessions without one, and a made-up cookie loses its attributes',
    needs: ['ttl'],
    run: async ({ subject }) => {
      await subject.set('a', { n: 1 });
      deepEqual(JSON.parse(JSON.stringify(await subject.found('a'))), { n: 1 });
    },
  },
];
