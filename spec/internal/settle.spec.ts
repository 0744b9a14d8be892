import { expect } from 'chai';
import { settle } from '../../lib/internal/settle.js';

type Done = (error?: unknown, ...values: unknown[]) => void;

const failure = new Error('no');
const failureOf = async (answer: unknown): Promise<unknown> => {
  try {
    await settle(answer);
  } catch (error) {
    return error;
  }
  return expect.fail('it should have failed');
};

describe('settle', () => {
  for (const value of [undefined, null, false, 0, '', 'text', { user: 'a' }, { next: 1, throw: 2 }]) {
    it(`answers the value ${JSON.stringify(value)} as it is`, async () => {
      expect(await settle(value)).to.equal(value);
    });
  }

  it('answers an array as it is: it is what a method answered, and nothing was yielded', async () => {
    const list = [Promise.resolve(1), () => 2];
    expect(await settle(list)).to.equal(list);
  });

  it('awaits a promise, and rejects as it does', async () => {
    expect(await settle(Promise.resolve(1))).to.equal(1);
    expect(await failureOf(Promise.reject(failure))).to.equal(failure);
  });

  it('settles a value and a promise within microtasks', async () => {
    const order: string[] = [];
    setImmediate(() => order.push('turn'));
    await settle(1);
    await settle(Promise.resolve(1));
    expect(order).to.deep.equal([]);
  });

  describe('with a thunk', () => {
    it('calls it with a callback, at once or later, and its this', async () => {
      const self = { n: 1 };
      function thunk(this: unknown, done: Done): void {
        setImmediate(done, null, this);
      }
      expect(await settle(thunk, self)).to.equal(self);
      expect(await settle((done: Done) => done(null, 2))).to.equal(2);
      expect(await settle((done: Done) => done())).to.equal(undefined);
    });

    it('takes the first of two calls, and an array where the callback is given several values', async () => {
      const twice = (done: Done) => {
        done(null, 1);
        done(failure);
      };
      expect(await settle(twice)).to.equal(1);
      expect(await settle((done: Done) => done(null, 1, 2))).to.deep.equal([1, 2]);
    });

    it('rejects with what the callback is given and with what the thunk throws, unless it had called back', async () => {
      const afterwards = (done: Done) => {
        done(null, 1);
        throw failure;
      };
      expect(await failureOf((done: Done) => done(failure))).to.equal(failure);
      const throwing = () => {
        throw failure;
      };
      expect(await failureOf(throwing)).to.equal(failure);
      expect(await settle(afterwards)).to.equal(1);
    });
  });

  describe('with the iterator of a generator', () => {
    it('runs it to its end and answers what it returns, a promise too', async () => {
      function* plain(): Generator<unknown, unknown, number> {
        const two = yield Promise.resolve(2);
        const three = yield (done: Done) => setImmediate(done, null, 3);
        const four = yield 4;
        return Promise.resolve(two + three + four);
      }
      expect(await settle(plain())).to.equal(9);
    });

    it('runs what it yields: generators and generator functions, with its this', async () => {
      const store = {
        n: 5,
        *get(): Generator<unknown, unknown, unknown> {
          return yield this.inner();
        },
        *inner(): Generator<unknown, unknown, unknown> {
          return yield function* (this: { n: number }): Generator<unknown, unknown, unknown> {
            return yield this.n;
          };
        },
      };
      expect(await settle(store.get(), store)).to.equal(5);
    });

    it('awaits what is in arrays and plain objects that it yields, side by side, and keeps other values', async () => {
      const date = new Date(0);
      function* mixed(): Generator<unknown, unknown, unknown> {
        return yield { list: [Promise.resolve(1), (done: Done) => done(null, 2), 3], date, text: 'x', none: null };
      }
      expect(await settle(mixed())).to.deep.equal({ list: [1, 2, 3], date, text: 'x', none: null });
      let started = 0;
      const meet = async () => {
        started += 1;
        while (started < 2) await Promise.resolve();
      };
      function* together(): Generator<unknown, unknown, unknown> {
        return yield [settle(meet()), settle(meet())];
      }
      await settle(together());
    });

    it('throws into it what fails, and goes on when it caught that', async () => {
      function* catching(): Generator<unknown, unknown, unknown> {
        try {
          yield Promise.reject(failure);
        } catch (error) {
          const next = yield (done: Done) => done(null, 'next');
          return [error, next];
        }
        return 'not reached';
      }
      expect(await settle(catching())).to.deep.equal([failure, 'next']);
      function* careless(): Generator<unknown, void, unknown> {
        yield (done: Done) => done(failure);
      }
      expect(await failureOf(careless())).to.equal(failure);
    });

    it('rejects with what it throws by itself', async () => {
      function* throwing(): Generator<unknown, void, unknown> {
        yield 1;
        throw failure;
      }
      expect(await failureOf(throwing())).to.equal(failure);
    });

    it('runs an async generator too', async () => {
      async function* both(): AsyncGenerator<unknown, unknown, number> {
        const one = yield (done: Done) => done(null, 1);
        return one + (await Promise.resolve(1));
      }
      expect(await settle(both())).to.equal(2);
    });

    it('survives ten thousand steps that are there at once', async () => {
      function* counting(): Generator<unknown, unknown, number> {
        let sum = 0;
        for (let n = 0; n < 10_000; n += 1) sum += yield 1;
        return sum;
      }
      expect(await settle(counting())).to.equal(10_000);
    });
  });
});
