import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { Memo } from '../../lib/internal/memo.js';

describe('Memo', () => {
  function counting(least: number) {
    const made: string[] = [];
    const memo = new Memo(least, (key) => {
      made.push(key);
      return `of ${key}`;
    });
    return { memo, made };
  }

  it('makes each value once for keys that are asked for lately, and again for what was long ago', () => {
    const { memo, made } = counting(2);
    expect(['a', 'b', 'a', 'b'].map((key) => memo.of(key))).to.deep.equal(['of a', 'of b', 'of a', 'of b']);
    expect(made).to.deep.equal(['a', 'b']);
    for (const key of ['c', 'a', 'd', 'a', 'e', 'a']) expect(memo.of(key)).to.equal(`of ${key}`);
    expect(made, 'what is asked for again and again stays').to.deep.equal(['a', 'b', 'c', 'd', 'e']);
    memo.of('b');
    expect(made.at(-1)).to.equal('b');
  });

  it('never remembers less than it should, nor more than twice that', () => {
    const { memo, made } = counting(10);
    const ask = (from: number, to: number) => {
      made.length = 0;
      for (let key = from; key < to; key += 1) memo.of(String(key));
      return made.length;
    };
    expect(ask(0, 1_000)).to.equal(1_000);
    expect(ask(990, 1_000)).to.equal(0);
    expect(ask(900, 980)).to.equal(80);
  });

  it('knows keys apart that no UTF-8 text could hold', () => {
    const { memo, made } = counting(10);
    const keys = ['\ud800', '\ud801', 'é', '😀', ''];
    for (const key of [...keys, ...keys]) expect(memo.of(key)).to.equal(`of ${key}`);
    expect(made).to.deep.equal(keys);
  });

  it('remembers no key of more than 256 characters', () => {
    const { memo, made } = counting(10);
    const [longest, longer] = ['x'.repeat(256), 'x'.repeat(257)];
    for (const key of [longest, longer, longest, longer]) expect(memo.of(key)).to.equal(`of ${key}`);
    expect(made).to.deep.equal([longest, longer, longer]);
  });

  it('keeps nothing alive that a key was cut out of', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const memo = new Memo(4_096, (key) => key.length);
    const used = () => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = used();
    for (let n = 0; n < 4_096; n += 1) memo.of(`${n} ${'x'.repeat(20_000)}`.slice(0, 40));
    expect(used() - before, 'bytes').to.be.below(20_000_000);
    expect(memo.of('x')).to.equal(1);
  });
});
