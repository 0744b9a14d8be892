import { expect } from 'chai';
import { LogPace } from '../../lib/internal/sqlite-pace.js';

describe('LogPace', () => {
  /** The numbers of steps after which the log was emptied, and what was blocked and rested, on a disk of this kind. */
  function run(disk: (steps: number) => number, times = 100) {
    const pace = new LogPace();
    const steps: number[] = [];
    let [blocked, rested] = [0, 0];
    for (let time = 0; time < times; time += 1) {
      const waited = disk(pace.stepsAtOnce);
      steps.push(pace.stepsAtOnce);
      blocked += waited;
      rested += pace.emptied(waited);
    }
    return { late: steps.slice(times / 2), blocked, rested };
  }

  it('takes as many steps at once as it may where the disk is fast', () => {
    const { late } = run(() => 0.5);
    expect(Math.min(...late)).to.equal(16);
  });

  it('takes few where each step makes the wait longer', () => {
    const { late } = run((steps) => 2.2 + 1.4 * steps);
    expect(Math.max(...late)).to.be.at.most(2);
  });

  it('settles in between where a few steps are no long wait', () => {
    const { late } = run((steps) => 0.5 * steps);
    expect(Math.min(...late)).to.be.at.least(3);
    expect(Math.max(...late)).to.be.at.most(9);
  });

  it('takes many where the wait is long however few there are', () => {
    for (const wait of [5, 12, 30]) {
      const { late } = run(() => wait);
      expect(late.reduce((sum, steps) => sum + steps, 0) / late.length, `${wait} ms`).to.be.at.least(8);
    }
  });

  it('rests several times as long as the wait was, more after a long one, and 200 ms at most', () => {
    const short = run(() => 1);
    expect(short.rested / short.blocked).to.be.within(3, 5);
    const long = run(() => 10);
    expect(long.rested / long.blocked).to.be.within(10, 11);
    expect(new LogPace().emptied(1_000)).to.equal(200);
  });
});
