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

    it(`keeps the caller's AsyncLocalStorage for a ${how}`, async () => {
      const request = new AsyncLocalStorage<string>();
      const seen = await new Promise((resolve) => {
        request.run('mine', () => deliver(() => resolve(request.getStore()), act));
      });
      expect(seen).to.equal('mine');
    });
  }

  for (const [how, act] of Object.entries({ ...failures, ...successes })) {
    it(`tells a witness when work begins that is not done at once, and when it has ended: ${how}`, async () => {
      const told: string[] = [];
      const witness = { begin: () => told.push('begin'), end: () => told.push('end') };
      deliver(() => told.push('callback'), act, witness);
      expect(told).to.deep.equal(how.startsWith('promise') ? ['begin'] : []);
      for (let turn = 0; turn < 3; turn += 1) await nextTurn();
      expect(told).to.deep.equal(how.startsWith('promise') ? ['begin', 'end', 'callback'] : ['callback']);
    });
  }

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
