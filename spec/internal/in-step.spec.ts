import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { InStep } from '../../lib/internal/in-step.js';

describe('InStep', () => {
  let log: unknown[];
  let counts: number[];
  let inStep: InStep;

  beforeEach(() => {
    log = [];
    counts = [];
    inStep = new InStep((doAll, count) => {
      counts.push(count);
      doAll();
    });
  });

  const act = (name: string) => {
    log.push(`act ${name}`);
    return name;
  };
  const ask = (name: string) => inStep.add(act, name).then((answer) => log.push(`answer ${answer}`));

  it('does what one turn asks for back to back when it ends, in that order, and answers then', async () => {
    const answers = [ask('a'), ask('b')];
    await undefined;
    process.nextTick(() => answers.push(ask('c')));
    await new Promise((resolve) => process.nextTick(resolve));
    expect(log).to.deep.equal([]);
    await nextTurn();
    await Promise.all(answers);
    expect(log).to.deep.equal(['act a', 'act b', 'act c', 'answer a', 'answer b', 'answer c']);
    expect(counts).to.deep.equal([3]);
  });

  it('does what was asked for so far where it must not wait, and nothing twice', async () => {
    const early = ask('a');
    inStep.flush();
    expect(log).to.deep.equal(['act a', 'answer a']);
    const late = ask('b');
    inStep.flush();
    inStep.flush();
    await nextTurn();
    await Promise.all([early, late]);
    expect(log).to.deep.equal(['act a', 'answer a', 'act b', 'answer b']);
    expect(counts).to.deep.equal([1, 1]);
  });

  it('leaves to a next group what is asked for while one is done', async () => {
    let nested: PromiseLike<unknown> | undefined;
    const asks = (name: string) => {
      nested = ask('nested');
      return act(name);
    };
    await Promise.all([inStep.add(asks, 'a'), ask('b')]);
    await nested;
    expect(log).to.deep.equal(['act a', 'act b', 'answer b', 'act nested', 'answer nested']);
    expect(counts).to.deep.equal([2, 1]);
  });

  it('lets each act fail alone, at once or later', async () => {
    const failures = ['at once', 'later'].map((when) =>
      inStep.add((what) => {
        const error = new Error(what);
        if (what === 'later') return Promise.reject(error);
        throw error;
      }, when),
    );
    const promised = inStep.add((what) => Promise.resolve(what), 7);
    const outcomes = await Promise.allSettled([ask('a'), ...failures, promised, ask('b')]);
    expect(outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.message : 'done'))).to.deep.equal([
      'done',
      'at once',
      'later',
      'done',
      'done',
    ]);
    expect(await promised).to.equal(7);
    expect(log).to.deep.equal(['act a', 'act b', 'answer a', 'answer b']);
  });
});
