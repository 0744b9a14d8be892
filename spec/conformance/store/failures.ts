import { deepEqual, equal, ok } from 'node:assert/strict';
import { crashesDuring, noiseDuring, settle, witness } from '../calls.js';
import { dataOf, sessionOf } from '../samples.js';
import { type Operation, operations, type StoreCase } from './subject.js';

const SECRET_ID = 'secret-session-id';
const SECRET_DATA = 'secret-session-data';

const failing = ({ name, needs, act }: Operation): StoreCase => ({
  id: `failure/${name}`,
  title: `${name} delivers a failure of the storage once, later, as an error`,
  ground: 'reason',
  because: 'connect-sqlite3 calls back twice; prisma-session-store reports "no session"',
  needs: [...needs, 'failing'],
  run: async ({ failing: open, clock }) => {
    const store = await open();
    const given = { sid: SECRET_ID, session: sessionOf(clock, { password: SECRET_DATA }) };
    const { calls, atOnce, thrown } = await witness((done) => act(store, done, given));
    deepEqual(thrown, []);
    equal(calls.length, 1, `called back ${calls.length} times`);
    ok(calls[0]?.[0] instanceof Error, 'called back without an error');
    equal(atOnce, false);
  },
});

const missLike = ({ name, needs, act }: Operation): StoreCase => ({
  id: `failure/${name}-code`,
  title: `${name} delivers no failure as ENOENT, and none that tells ids or data`,
  ground: 'reason',
  because: 'express-session reads ENOENT as "no session" and logs everybody out; errors end up in logs',
  needs: [...needs, 'failing'],
  run: async ({ failing: open, clock }) => {
    const store = await open();
    const given = { sid: SECRET_ID, session: sessionOf(clock, { password: SECRET_DATA }) };
    const { calls } = await witness((done) => act(store, done, given));
    const error = calls[0]?.[0] as NodeJS.ErrnoException;
    ok(error instanceof Error);
    ok(error.code !== 'ENOENT');
    for (const secret of [SECRET_ID, SECRET_DATA]) ok(!`${error.stack}${error.message}`.includes(secret));
  },
});

export const failureCases: readonly StoreCase[] = [
  ...operations.flatMap((operation) => [failing(operation), missLike(operation)]),
  {
    id: 'failure/coded',
    title: 'gives every failure of the storage a code of the closed list',
    ground: 'choice',
    because: 'a program can tell failures apart by their code only',
    needs: ['failing', 'codes'],
    run: async ({ failing: open, clock }) => {
      const store = await open();
      const failures = operations.map(async ({ name, act }) => {
        const { calls } = await witness((done) => act(store, done, { sid: 'a', session: sessionOf(clock) }));
        ok(String((calls[0]?.[0] as { code?: unknown } | undefined)?.code).startsWith('SESSILE_'), name);
      });
      await Promise.all(failures);
    },
  },
  {
    id: 'failure/emitted',
    title: 'emits a failure that has no callback to go to as `error`, once',
    ground: 'choice',
    because: 'a failure must be seen by somebody and must not end the process',
    needs: ['failing', 'errorEvent'],
    run: async ({ failing: open, clock }) => {
      const store = await open();
      const errors: unknown[] = [];
      store.on('error', (error) => errors.push(error));
      deepEqual(await crashesDuring(() => store.set('a', sessionOf(clock))), []);
      deepEqual(await crashesDuring(() => store.destroy('a')), []);
      await settle();
      equal(errors.length, 2);
      ok(errors.every((error) => error instanceof Error));
    },
  },
  {
    id: 'failure/unheard',
    title: 'ends no process for a failure that has neither a callback nor a listener',
    ground: 'reason',
    because: 'an unhandled rejection or an `error` event that nobody hears ends the process',
    needs: ['failing'],
    run: async ({ failing: open, clock }) => {
      const store = await open();
      const crashes = await crashesDuring(() => noiseDuring(() => store.set('a', sessionOf(clock))));
      deepEqual(crashes, []);
    },
  },
  {
    id: 'failure/unserialisable-emitted',
    title: 'emits what went wrong with a set without a callback, and does not throw it',
    ground: 'choice',
    because: 'a failure must be seen by somebody and must not end the process',
    needs: ['errorEvent'],
    run: async ({ store, clock }) => {
      const errors: unknown[] = [];
      store.on('error', (error) => errors.push(error));
      deepEqual(await crashesDuring(() => store.set('a', sessionOf(clock, { count: 1n }))), []);
      equal(errors.length, 1);
    },
  },
  {
    id: 'corrupt/miss',
    title: 'takes a record that cannot be read for a miss, and goes on',
    ground: 'reason',
    because: 'better-sqlite3-session-store throws out of get; others crash the process',
    needs: ['corrupt'],
    run: async ({ store, subject, clock, corrupt }) => {
      store.on('error', () => {});
      await subject.set('a', sessionOf(clock, { n: 1 }));
      await subject.set('b', sessionOf(clock, { n: 2 }));
      await corrupt('a');
      deepEqual(await crashesDuring(async () => equal(await subject.get('a'), undefined)), []);
      deepEqual(dataOf(await subject.found('b')), { n: 2 });
      await subject.set('a', sessionOf(clock, { n: 3 }));
      deepEqual(dataOf(await subject.found('a')), { n: 3 });
    },
  },
  {
    id: 'corrupt/event',
    title: 'emits a coded `error` for a record that cannot be read',
    ground: 'choice',
    because: 'a loss that nobody hears of is not mended',
    needs: ['corrupt', 'errorEvent', 'codes'],
    run: async ({ store, subject, clock, corrupt }) => {
      const errors: { code?: string; message: string }[] = [];
      store.on('error', (error) => errors.push(error));
      await subject.set(SECRET_ID, sessionOf(clock, { password: SECRET_DATA }));
      await corrupt(SECRET_ID);
      await subject.get(SECRET_ID);
      await settle();
      deepEqual([errors.length, errors[0]?.code], [1, 'SESSILE_CORRUPT']);
      for (const secret of [SECRET_ID, SECRET_DATA]) ok(!errors[0]?.message.includes(secret));
    },
  },
  {
    id: 'corrupt/touch',
    title: 'neither fails nor revives by touching or destroying a record that cannot be read',
    ground: 'reason',
    because: 'a damaged record must not make requests fail',
    needs: ['corrupt', 'touch'],
    run: async ({ store, subject, clock, corrupt }) => {
      store.on('error', () => {});
      await subject.set('a', sessionOf(clock, { n: 1 }));
      await corrupt('a');
      await subject.touch('a', sessionOf(clock, { n: 1 }));
      equal(await subject.get('a'), undefined);
      await subject.destroy('a');
      equal(await subject.get('a'), undefined);
    },
  },
];
