import { performance } from 'node:perf_hooks';
import { expect } from 'chai';
import { Spares } from '../../lib/internal/spares.js';

describe('Spares', () => {
  let signs: Record<string, string>;
  let looks: number;
  let spares: Spares;

  /** How far the time goes from each question to the next one, in ms. */
  let pace: number;

  beforeEach(() => {
    pace = 1_001;
    let now = 0;
    performance.now = () => {
      now += pace;
      return now;
    };
    signs = {};
    looks = 0;
    spares = new Spares(() => {
      looks += 1;
      return new Map(Object.entries(signs));
    });
  });

  // What it has of its own hides what it inherits.
  afterEach(() => void Reflect.deleteProperty(performance, 'now'));

  /** As many as one look is for, of targets of their own. */
  function replace(group: string): void {
    for (let n = 0; n < 8; n += 1) spares.add(`${group}${n}`, `of ${group}${n}`, false);
  }

  const isFree = (group: string) => {
    const path = spares.take('another');
    if (path !== undefined) spares.add(path, 'given back', true);
    return path?.startsWith(group) ?? false;
  };

  it('gives what nobody else can have open at once, each once, and never for what it was', () => {
    spares.add('1', 'x', true);
    spares.add('2', 'x', true);
    spares.add('3', 'y', true);
    expect(spares.take('x')).to.equal('3');
    expect(spares.take('x')).to.equal(undefined);
    expect([spares.take('y'), spares.take('y'), spares.take('y')]).to.deep.equal(['1', '2', undefined]);
    expect(looks).to.equal(0);
  });

  it('gives what was replaced beside others once no sign is raised, and does not look for a few', () => {
    for (let n = 1; n < 8; n += 1) spares.add(`${n}`, 'x', false);
    expect([spares.take('y'), looks]).to.deep.equal([undefined, 0]);
    spares.add('8', 'x', false);
    expect([spares.take('y'), looks]).to.deep.equal(['1', 1]);
    for (let n = 2; n <= 8; n += 1) expect(spares.take('y')).to.equal(`${n}`);
    expect([spares.take('y'), looks]).to.deep.equal([undefined, 1]);
  });

  it('waits for each whose sign was raised when it first looked, until that changes', () => {
    replace('a');
    signs = { one: '1', other: '7' };
    expect(isFree('a')).to.equal(false);
    expect(isFree('a')).to.equal(false);
    signs = { other: '7' };
    expect(isFree('a')).to.equal(false);
    signs = { one: '3', other: '7' };
    expect(isFree('a')).to.equal(false);
    signs = { one: '3', other: '9' };
    expect(isFree('a')).to.equal(true);
  });

  it('takes a sign for lowered where its writer is gone', () => {
    replace('a');
    signs = { one: '1' };
    expect(isFree('a')).to.equal(false);
    signs = {};
    expect(isFree('a')).to.equal(true);
  });

  it('waits for one that was revoked meanwhile until nothing is left of it', () => {
    replace('a');
    signs = { one: '1' };
    expect(isFree('a')).to.equal(false);
    signs = { one: '?' };
    expect(isFree('a')).to.equal(false);
    expect(isFree('a')).to.equal(false);
    signs = {};
    expect(isFree('a')).to.equal(true);
  });

  it('looks less and less often where that frees nothing, once a second at least', () => {
    pace = 1;
    replace('a');
    signs = { one: '?' };
    for (let asked = 0; asked < 100; asked += 1) expect(spares.take('another')).to.equal(undefined);
    expect(looks).to.be.within(4, 6);
    for (let asked = 0; asked < 10_000; asked += 1) spares.take('another');
    expect(looks).to.be.within(12, 20);
    pace = 1_001;
    const before = looks;
    for (let asked = 0; asked < 10; asked += 1) spares.take('another');
    expect(looks - before).to.equal(10);
    signs = {};
    expect(spares.take('another')).to.equal('a0');
    for (let n = 1; n < 8; n += 1) spares.take('another');
    pace = 1;
    replace('b');
    expect(spares.take('another'), 'at once again').to.equal('b0');
  });

  it('looks less often also where what is free is of the one target that is written', () => {
    pace = 1;
    spares.add('own', 'of hot', true);
    replace('a');
    signs = { one: '?' };
    for (let asked = 0; asked < 1_000; asked += 1) expect(spares.take('of hot')).to.equal(undefined);
    expect(looks).to.be.within(4, 12);
  });

  it('never gives what was replaced after a look for what was seen by it', () => {
    replace('a');
    signs = { one: '1' };
    expect(isFree('a')).to.equal(false);
    replace('b');
    signs = { one: '3' };
    const free = Array.from({ length: 9 }, () => spares.take('another'));
    expect(free).to.deep.equal(['a0', 'a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', undefined]);
    signs = { one: '5' };
    expect(spares.take('another')).to.equal('b0');
  });

  it('gives nothing, and fails for nobody, where a look fails', () => {
    let isRefused = true;
    const refused = new Spares(() => {
      if (isRefused) throw new Error('EMFILE');
      return new Map();
    });
    for (let n = 0; n < 8; n += 1) refused.add(`${n}`, 'x', false);
    expect(refused.take('y')).to.equal(undefined);
    isRefused = false;
    expect(refused.take('y')).to.equal('0');
  });

  it('gives up those of one target, or all, wherever they stand', () => {
    replace('a');
    signs = { one: '1' };
    spares.take('another');
    spares.add('free', 'of a1', true);
    spares.add('fresh', 'of a1', false);
    expect(spares.takeOf('of a1').sort()).to.deep.equal(['a1', 'free', 'fresh']);
    expect(spares.takeOf('of a1')).to.deep.equal([]);
    expect(spares.takeAll()).to.deep.equal(['a0', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7']);
    expect(spares.takeAll()).to.deep.equal([]);
  });

  it('is full with 32, wherever they stand', () => {
    for (const isFreeAtOnce of [true, false]) {
      const many = new Spares(() => new Map());
      for (let n = 0; n < 32; n += 1) {
        expect(many.isFull).to.equal(false);
        many.add(`${n}`, 'x', isFreeAtOnce);
      }
      expect(many.isFull).to.equal(true);
      many.take('y');
      expect(many.isFull).to.equal(false);
    }
  });
});
