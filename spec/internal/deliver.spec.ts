import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import type { Awaitable } from '../../lib/backend.js';
import { deliver } from '../../lib/internal/deliver.js';
import { uncaught } from '../support/process-events.js';

async function delivered(act: () => Awaitable<unknown>): Promise<unknown[][]> {
  const calls: unknown[][] = [];
  deliver((...args) => calls.push(args), act);
  expect(calls).to.deep.equal([]);
  for (let turn = 0; turn < 3; turn += 1) await nextTurn();
  return calls;
}

const error = new Error('no');

const failures: Record<string, () => Awaitable<never>> = {
  thrown: () => {
    throw error;
  },
  promised: () => Promise.reject(error),
};

const successes: Record<string, () => Awaitable<number>> = { value: () => 1, promise: async () => 1 };

describe('deliver', () => {
  it('calls back later and once with a value', async () => {
    expect(await delivered(() => 1)).to.deep.equal([[null, 1]]);
    expect(await delivered(async () => 1)).to.deep.equal([[null, 1]]);
  });

  it('calls back with undefined where nothing was answered', async () => {
    expect(await delivered(() => undefined)).to.deep.equal([[null, undefined]]);
  });

  for (const [how, act] of Object.entries(failures)) {
    it(`calls back later and once with a ${how} error alone`, async () => {
      expect(await delivered(act)).to.deep.equal([[error]]);
    });

    it(`leaves it uncaught when a callback throws that got a ${how} error`, async () => {
      let calls = 0;
      const seen = await uncaught(() =>
        deliver(() => {
          calls += 1;
          throw new Error('from the callback');
        }, act),
      );
      await nextTurn();
      expect(seen).to.include({ message: 'from the callback' });
      expect(calls).to.equal(1);
    });
  }

  for (const [how, act] of Object.entries(successes)) {
    it(`leaves it uncaught when a callback throws that got a ${how}`, async () => {
      let calls = 0;
      const seen = await uncaught(() =>
        deliver(() => {
          calls += 1;
          throw new Error('from the callback');
        }, act),
      );
      await nextTurn();
      expect(seen).to.include({ message: 'from the callback' });
      expect(calls).to.equal(1);
    });

    it(`keeps each caller's AsyncLocalStorage for a ${how}`, async () => {
      const request = new AsyncLocalStorage<string>();
      const seen: unknown[] = [];
      for (const name of ['one', 'two']) {
        request.run(name, () => deliver(() => seen.push(request.getStore()), act));
      }
      for (let turn = 0; turn < 3; turn += 1) await nextTurn();
      expect(seen).to.deep.equal(['one', 'two']);
    });
  }

  for (const [how, act] of Object.entries({ ...failures, ...successes })) {
    it(`tells a witness when work begins, and right before its callback that it has ended: ${how}`, async () => {
      const told: string[] = [];
      const witness = { begin: () => told.push('begin'), end: () => told.push('end') };
      deliver(() => told.push('callback'), act, witness);
      expect(told).to.deep.equal(['begin']);
      for (let turn = 0; turn < 3; turn += 1) await nextTurn();
      expect(told).to.deep.equal(['begin', 'end', 'callback']);
    });
  }

  it('calls back in the next turn of the event loop for what was done at once', async () => {
    let calls = 0;
    deliver(
      () => {
        calls += 1;
      },
      () => 1,
    );
    await new Promise((resolve) => process.nextTick(resolve));
    for (let hop = 0; hop < 10; hop += 1) await undefined;
    expect(calls).to.equal(0);
    await nextTurn();
    expect(calls).to.equal(1);
  });

  it('calls back in the order in which things were done, whichever way they were', async () => {
    const told: number[] = [];
    const acts = [() => 1, async () => 2, failures['thrown'], () => 4, failures['promised'], async () => 6];
    for (const [at, act] of acts.entries()) deliver(() => told.push(at + 1), act as () => Awaitable<number>);
    for (let turn = 0; turn < 3; turn += 1) await nextTurn();
    // What is promised is done when the promise has settled.
    expect(told).to.deep.equal([1, 3, 4, 2, 5, 6]);
  });

  it('holds up no other callback when one throws, and lets none that is new overtake them', async () => {
    const told: number[] = [];
    const seen = await uncaught(() => {
      deliver(
        () => told.push(1),
        () => 1,
      );
      deliver(
        () => {
          deliver(
            () => told.push(4),
            () => 4,
          );
          throw new Error('from the callback');
        },
        () => 2,
      );
      deliver(
        () => told.push(3),
        () => 3,
      );
    });
    for (let turn = 0; turn < 3; turn += 1) await nextTurn();
    expect(seen).to.include({ message: 'from the callback' });
    expect(told).to.deep.equal([1, 3, 4]);
  });

  it('calls back once where a thenable settles twice', async () => {
    const twice = {
      // biome-ignore lint/suspicious/noThenProperty: a thenable is what is delivered
      then(resolve: (value: number) => void, reject: (reason: Error) => void) {
        resolve(1);
        resolve(2);
        reject(error);
      },
    } as PromiseLike<number>;
    expect(await delivered(() => twice)).to.deep.equal([[null, 1]]);
  });
});
