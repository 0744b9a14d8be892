import { expect } from 'chai';
import { Recent } from '../../lib/internal/recent.js';

describe('Recent', () => {
  it('knows what it was shown lately, and forgets what was long ago', () => {
    const recent = new Recent(3);
    expect(['a', 'b', 'a', 'b'].map((value) => recent.add(value))).to.deep.equal([true, true, false, false]);
    for (const value of ['c', 'd', 'e', 'f']) recent.add(value);
    expect(['f', 'e', 'd'].map((value) => recent.add(value))).to.deep.equal([false, false, false]);
    for (const value of ['g', 'h', 'i', 'j']) recent.add(value);
    expect(recent.add('a')).to.equal(true);
  });

  it('never remembers less than it should, nor more than twice that', () => {
    const recent = new Recent(10);
    const known = (from: number, to: number) => {
      const answers: boolean[] = [];
      for (let value = from; value < to; value += 1) answers.push(!recent.add(String(value)));
      return answers;
    };
    known(0, 1_000);
    expect(known(990, 1_000)).to.deep.equal(Array(10).fill(true));
    expect(known(900, 980)).to.deep.equal(Array(80).fill(false));
  });
});
