import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { KeyedQueue, queueOf } from '../../lib/internal/keyed-queue.js';

describe('KeyedQueue', () => {
  it('runs an act at once, and answers its value as it is, where nothing is under way for the key', () => {
    const queue = new KeyedQueue();
    expect(queue.run('a', () => 1)).to.equal(1);
    expect(queue.run('a', () => 2)).to.equal(2);
  });

  it('runs the acts of one key one after the other, in the order of the calls', async () => {
    const queue = new KeyedQueue();
    const order: string[] = [];
    const act = (name: string, turns: number) => async () => {
      order.push(`${name}>`);
      for (let turn = 0; turn < turns; turn += 1) await nextTurn();
      order.push(`<${name}`);
      return name;
    };
    const acts = [
      queue.run('k', act('a', 3)),
      queue.run('k', act('b', 0)),
      queue.run('k', () => 'c'),
      queue.run('k', act('d', 1)),
    ];
    expect(await Promise.all(acts)).to.deep.equal(['a', 'b', 'c', 'd']);
    expect(order).to.deep.equal(['a>', '<a', 'b>', '<b', 'd>', '<d']);
  });

  it('lets keys run side by side', async () => {
    const queue = new KeyedQueue();
    let release: () => void = () => {};
    const held = queue.run('a', () => new Promise<void>((resolve) => (release = resolve)));
    expect(queue.run('b', () => 'at once')).to.equal('at once');
    release();
    await held;
  });

  it('goes on behind an act that throws or rejects, and passes on what it threw', async () => {
    const queue = new KeyedQueue();
    const failing = queue.run('a', () => Promise.reject(new Error('first')));
    const throwing = queue.run('a', () => {
      throw new Error('second');
    });
    const third = queue.run('a', () => 'third');
    const settled = await Promise.allSettled([failing, throwing, third]);
    expect(settled.map((one) => (one.status === 'rejected' ? (one.reason as Error).message : one.value))).to.deep.equal(
      ['first', 'second', 'third'],
    );
    const thrown = () =>
      queue.run('a', () => {
        throw new Error('at once');
      });
    expect(thrown).to.throw('at once');
    expect(queue.run('a', () => 'free again')).to.equal('free again');
  });

  it('keeps an act behind one that waits itself, though the first has settled', async () => {
    const queue = new KeyedQueue();
    const order: string[] = [];
    const first = Promise.resolve(queue.run('a', async () => void order.push('first')));
    const second = queue.run('a', async () => {
      await nextTurn();
      order.push('second');
    });
    const third = first.then(() => queue.run('a', () => void order.push('third')));
    await Promise.all([first, second, third]);
    expect(order).to.deep.equal(['first', 'second', 'third']);
  });

  it('is free again for acts at once when the line is empty', async () => {
    const queue = new KeyedQueue();
    await Promise.all([queue.run('a', () => nextTurn()), queue.run('a', () => nextTurn())]);
    await nextTurn();
    expect(queue.run('a', () => 'at once')).to.equal('at once');
  });

  it('takes any thenable for a promise', async () => {
    const queue = new KeyedQueue();
    const order: string[] = [];
    const thenable: PromiseLike<string> = Object.create({
      // biome-ignore lint/suspicious/noThenProperty: a thenable that is no Promise is what this is about
      then: (done: (value: string) => void) => void setImmediate(() => done('later')),
    });
    const first = Promise.resolve(queue.run('a', () => thenable)).then((value) => order.push(value));
    const second = queue.run('a', () => void order.push('behind'));
    await Promise.all([first, second]);
    expect(order).to.deep.equal(['later', 'behind']);
  });

  it('lets an act follow what is under way, and lets others pass an act that follows', async () => {
    const queue = new KeyedQueue();
    expect(queue.follow('k', () => 'at once')).to.equal('at once');
    const order: string[] = [];
    let release: () => void = () => {};
    const held = queue.run('k', () => new Promise<void>((resolve) => (release = resolve)));
    const never = queue.follow('k', () => {
      order.push('follows');
      return new Promise<void>(() => {});
    });
    const last = queue.run('k', () => void order.push('last'));
    await nextTurn();
    expect(order).to.deep.equal([]);
    release();
    await Promise.all([held, last]);
    expect(order).to.deep.equal(['follows', 'last']);
    expect(never).to.be.a('promise');
  });
});

describe('queueOf', () => {
  it('answers one queue for one thing', () => {
    const thing = {};
    expect(queueOf(thing)).to.equal(queueOf(thing)).and.not.to.equal(queueOf({}));
  });
});
