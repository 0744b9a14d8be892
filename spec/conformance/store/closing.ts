import { deepEqual, equal, ok } from 'node:assert/strict';
import { crashesDuring, settle, witness } from '../calls.js';
import { sessionOf } from '../samples.js';
import { failureOf, type Operation, operations, type StoreCase } from './subject.js';

const closing = {
  ground: 'choice',
  because: 'close what you opened; wait for work in flight; then a coded error',
} as const;

const refused = ({ name, needs, act }: Operation): StoreCase => ({
  id: `close/${name}`,
  title: `${name} after close delivers SESSILE_CLOSED once, later`,
  ...closing,
  needs: [...needs, 'close'],
  run: async ({ store, subject, clock }) => {
    await subject.set('a', sessionOf(clock));
    await subject.close();
    const { calls, atOnce, thrown } = await witness((done) =>
      act(store, done, { sid: 'a', session: sessionOf(clock) }),
    );
    deepEqual(thrown, []);
    equal(calls.length, 1, `called back ${calls.length} times`);
    equal((calls[0]?.[0] as { code?: string })?.code, 'SESSILE_CLOSED');
    equal(atOnce, false);
  },
});

export const closeCases: readonly StoreCase[] = [
  ...operations.map(refused),
  {
    id: 'close/idempotent',
    title: 'closes twice, at once and again, without an error, each callback called once',
    ...closing,
    needs: ['close'],
    run: async ({ store }) => {
      const [one, other] = await Promise.all([
        witness((done) => store.close(done)),
        witness((done) => store.close(done)),
      ]);
      const again = await witness((done) => store.close(done));
      for (const { calls, atOnce } of [one, other, again]) {
        deepEqual([calls.length, calls[0]?.[0] ?? null, atOnce], [1, null, false]);
      }
    },
  },
  {
    id: 'close/in-flight',
    title: 'lets what was called before it end first, and well',
    ...closing,
    needs: ['close'],
    run: async ({ store, clock }) => {
      const ended: unknown[] = [];
      for (let n = 0; n < 20; n += 1) store.set(`sid-${n}`, sessionOf(clock), (error) => ended.push(error ?? 'set'));
      await witness((done) => {
        store.close((error) => {
          ended.push(error ?? 'close');
          done();
        });
      });
      deepEqual(ended, [...Array.from({ length: 20 }, () => 'set'), 'close']);
    },
  },
  {
    id: 'close/promise',
    title: 'answers a promise by closeAsync and by Symbol.asyncDispose',
    ...closing,
    needs: ['close', 'promises'],
    run: async ({ store, another, clock }) => {
      ok(store.closeAsync() instanceof Promise);
      equal(await store.closeAsync(), undefined);
      const disposed = await another();
      await disposed[Symbol.asyncDispose]();
      const failure = await failureOf(() => disposed.setAsync('a', sessionOf(clock)));
      equal((failure as { code?: string }).code, 'SESSILE_CLOSED');
    },
  },
  {
    id: 'close/entries',
    title: 'ends a walk with SESSILE_CLOSED, begun before or after it',
    ...closing,
    needs: ['close', 'entries'],
    run: async ({ store, subject, clock }) => {
      for (let n = 0; n < 5; n += 1) await subject.set(`sid-${n}`, sessionOf(clock));
      const begun = store.entries();
      await begun.next();
      await subject.close();
      for (const walk of [begun, store.entries()]) {
        const failure = await failureOf(() => walk.next());
        equal((failure as { code?: string }).code, 'SESSILE_CLOSED');
      }
    },
  },
  {
    id: 'close/without-callback',
    title: 'closes without a callback',
    ...closing,
    needs: ['close'],
    run: async ({ store, subject }) => {
      deepEqual(await crashesDuring(() => store.close()), []);
      await settle();
      equal(((await failureOf(() => subject.get('a'))) as { code?: string }).code, 'SESSILE_CLOSED');
    },
  },
  {
    id: 'close/others',
    title: 'leaves other stores open',
    ...closing,
    needs: ['close'],
    run: async ({ subject, another, clock }) => {
      const other = await another();
      await subject.close();
      const { calls } = await witness((done) => other.set('a', sessionOf(clock), done));
      ok(!calls[0]?.[0]);
    },
  },
];
