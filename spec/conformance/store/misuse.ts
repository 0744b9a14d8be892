import { deepEqual, equal, ok } from 'node:assert/strict';
import { witness } from '../calls.js';
import { dataOf, sessionOf } from '../samples.js';
import { operations, type StoreCase, type TestedStore } from './subject.js';

const notIds: unknown[] = [
  undefined,
  null,
  1,
  Number.NaN,
  true,
  {},
  [],
  ['a'],
  () => 'a',
  Symbol('a'),
  new String('a'),
];
const notSessions: unknown[] = [undefined, null, 1, 'session', true, [], () => ({}), Symbol('a')];

/** That a call delivers a TypeError by its callback, once and later, and throws nothing. */
async function refused(invoke: (done: (...args: unknown[]) => void) => unknown, what: string): Promise<void> {
  const { calls, atOnce, thrown } = await witness(invoke);
  deepEqual(thrown, [], `${what} was thrown`);
  equal(calls.length, 1, `${what}: called back ${calls.length} times`);
  ok(calls[0]?.[0] instanceof TypeError, `${what} was taken`);
  equal((calls[0][0] as { code?: string }).code, 'SESSILE_MISUSE');
  equal(atOnce, false);
}

const byId = operations.filter(({ name }) => ['get', 'set', 'touch', 'destroy', 'update'].includes(name));

const idCases = byId.map(
  ({ name, needs, act }): StoreCase => ({
    id: `misuse/${name}-id`,
    title: `${name} refuses an id that is no string by delivering a TypeError`,
    ground: 'choice',
    because: 'a number and its text would be one session in one store and two in another',
    needs: [...needs, 'misuse'],
    run: async ({ store, clock }) => {
      const refusals = notIds.map((id) => {
        const given = { sid: id as string, session: sessionOf(clock) };
        return refused((done) => act(store, done, given), `the id ${String(id)}`);
      });
      await Promise.all(refusals);
    },
  }),
);

const sessionCases = (['set', 'touch'] as const).map(
  (name): StoreCase => ({
    id: `misuse/${name}-session`,
    title: `${name} refuses a session that is no object by delivering a TypeError, and keeps the old one`,
    ground: 'choice',
    because: 'what is stored for a session must be one when it is loaded',
    needs: ['misuse', ...(name === 'touch' ? (['touch'] as const) : [])],
    run: async ({ store, subject, clock }) => {
      await subject.set('a', sessionOf(clock, { old: true }));
      const refusals = notSessions.map((session) =>
        refused((done) => store[name]('a', session as never, done), `the session ${String(session)}`),
      );
      await Promise.all(refusals);
      deepEqual(dataOf(await subject.found('a')), { old: true });
    },
  }),
);

async function refusesChange(store: TestedStore, change: unknown, what: string): Promise<void> {
  for (const sid of ['a', 'absent']) await refused((done) => store.update(sid, change as never, done), what);
}

export const misuseCases: readonly StoreCase[] = [
  ...idCases,
  ...sessionCases,
  {
    id: 'misuse/update-change',
    title: 'update refuses a change that is no function',
    ground: 'choice',
    because: 'a change is a function of the session',
    needs: ['misuse', 'update'],
    run: async ({ store, subject, clock }) => {
      await subject.set('a', sessionOf(clock, { old: true }));
      const changes = [undefined, null, {}, 'a', 1];
      await Promise.all(changes.map((change) => refusesChange(store, change, `the change ${String(change)}`)));
      deepEqual(dataOf(await subject.found('a')), { old: true });
    },
  },
  {
    id: 'misuse/update-async',
    title: 'update refuses a change that answers with a promise, and stores nothing',
    ground: 'choice',
    because: 'what is awaited inside an atomic step is no atomic step',
    needs: ['misuse', 'update'],
    run: async ({ store, subject, clock }) => {
      await subject.set('a', sessionOf(clock, { old: true }));
      await refusesChange(store, async () => sessionOf(clock, { late: true }), 'an async change');
      deepEqual(dataOf(await subject.found('a')), { old: true });
      equal(await subject.get('absent'), undefined);
    },
  },
  {
    id: 'misuse/update-answer',
    title: 'update refuses an answer that is neither a session nor undefined, and stores nothing',
    ground: 'choice',
    because: 'a forgotten return must not be told from a session by chance',
    needs: ['misuse', 'update'],
    run: async ({ store, subject, clock }) => {
      await subject.set('a', sessionOf(clock, { old: true }));
      const answers = [null, 1, 0, true, false, 'session', '', []];
      await Promise.all(
        answers.map((answer) => refusesChange(store, () => answer, `the answer ${JSON.stringify(answer)}`)),
      );
      deepEqual(dataOf(await subject.found('a')), { old: true });
      equal(await subject.get('absent'), undefined);
    },
  },
];
