import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { Limiter } from '../../lib/internal/limiter.js';

describe('Limiter', () => {
  it('runs at most so many at once, all of them, in the order in which they came', async () => {
    const limiter = new Limiter(3);
    const began: number[] = [];
    let under = 0;
    let most = 0;
    const act = async (n: number) => {
      began.push(n);
      under += 1;
      most = Math.max(most, under);
      for (let turn = 0; turn < n % 4; turn += 1) await nextTurn();
      under -= 1;
      return n;
    };
    const numbers = Array.from({ length: 50 }, (_, n) => n);
    expect(await Promise.all(numbers.map((n) => limiter.run(() => act(n))))).to.deep.equal(numbers);
    expect(began).to.deep.equal(numbers);
    await Promise.all(numbers.map((n) => limiter.run(() => act(n))));
    expect(most).to.equal(3);
  });

  it('begins at once where there is room', () => {
    let begun = false;
    void new Limiter(1).run(async () => {
      begun = true;
    });
    expect(begun).to.equal(true);
  });

  it('passes on what an act throws or rejects with, and gives its place to the next', async () => {
    const limiter = new Limiter(1);
    const failing = [
      limiter.run(() => Promise.reject(new Error('rejected'))),
      limiter.run(() => {
        throw new Error('thrown');
      }),
    ];
    const next = limiter.run(async () => 'next');
    const settled = await Promise.allSettled([...failing, next]);
    expect(settled.map((one) => (one.status === 'rejected' ? (one.reason as Error).message : one.value))).to.deep.equal(
      ['rejected', 'thrown', 'next'],
    );
    expect(await limiter.run(async () => 'later')).to.equal('later');
  });

  it('does not let one overtake that comes when a place becomes free', async () => {
    const limiter = new Limiter(1);
    const order: string[] = [];
    const first = limiter.run(async () => void order.push('first'));
    const second = limiter.run(async () => {
      order.push('second');
      await nextTurn();
    });
    const third = first.then(() => limiter.run(async () => void order.push('third')));
    await Promise.all([first, second, third]);
    expect(order).to.deep.equal(['first', 'second', 'third']);
  });
});
