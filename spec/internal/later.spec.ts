import { expect } from 'chai';
import { Later, trusted } from '../../lib/internal/later.js';

describe('Later', () => {
  const failure = new Error('as intended');

  /** What was heard, in order. */
  const ears = () => {
    const heard: unknown[] = [];
    return { heard, done: (value: unknown) => heard.push(value), failed: (error: unknown) => heard.push(error) };
  };

  it('calls who waited first in the moment in which it is there', () => {
    const { heard, done } = ears();
    const [later, failing] = [new Later<number>(), new Later<number>()];
    later.then(done);
    failing.then(undefined, (error) => done(error));
    later.resolve(1);
    failing.reject(failure);
    expect(heard).to.deep.equal([1, failure]);
  });

  it('goes down a chain at once: with values, errors, what listeners throw, and where there is no listener', () => {
    const { heard, done, failed } = ears();
    const later = new Later<number>();
    later
      .then((value) => value + 1)
      .then(null, () => done('never'))
      .then(() => {
        throw failure;
      })
      .then(() => done('never'))
      .then(done, failed)
      .then((length) => done(`then ${length}`));
    later.resolve(1);
    expect(heard).to.deep.equal([failure, 'then 1']);
  });

  it('waits for promises that it is resolved with or that a listener answers', async () => {
    const [ok, bad, inner] = [new Later<number>(), new Later<number>(), new Later<number>()];
    const answers = Promise.allSettled([ok.then((value) => Promise.resolve(value + 1)), bad, inner.then(() => ok)]);
    ok.resolve(Promise.resolve(1));
    bad.resolve(Promise.reject(failure));
    inner.resolve(0);
    expect(await answers).to.deep.equal([
      { status: 'fulfilled', value: 2 },
      { status: 'rejected', reason: failure },
      { status: 'fulfilled', value: 1 },
    ]);
  });

  it('answers those who come second or late, in a later turn as promises do', async () => {
    const { heard, done } = ears();
    const [later, failing] = [new Later<string>(), new Later<string>()];
    const all = [later.then(done), later.then(done), later.then(done)];
    failing.then(undefined, done);
    later.resolve('ready');
    failing.reject(failure);
    expect(heard).to.deep.equal(['ready', failure]);
    await Promise.all([...all, later.then(done), failing.then(undefined, done)]);
    expect(heard.filter((value) => value === 'ready')).to.have.length(4);
    expect(heard.filter((value) => value === failure)).to.have.length(2);
    expect(await later).to.equal('ready');
  });

  it('can be awaited before and after', async () => {
    const later = new Later<number>();
    setImmediate(() => later.resolve(1));
    expect([await later, await later]).to.deep.equal([1, 1]);
  });

  it('is an unhandled rejection where nobody waits for an error, and none where somebody does', async () => {
    const unhandled: unknown[] = [];
    const former = process.rawListeners('unhandledRejection') as NodeJS.UnhandledRejectionListener[];
    process.removeAllListeners('unhandledRejection');
    process.on('unhandledRejection', (reason) => unhandled.push(reason));
    try {
      const [deaf, end, heard, late] = [new Later(), new Later(), new Later(), new Later()];
      end.then(() => {});
      heard.then(undefined, () => {});
      for (const [at, each] of [deaf, end, heard, late].entries()) each.reject(at);
      late.then(undefined, () => {});
      await new Promise(setImmediate);
      await new Promise(setImmediate);
    } finally {
      process.removeAllListeners('unhandledRejection');
      for (const listener of former) process.on('unhandledRejection', listener);
    }
    expect(unhandled).to.have.members([0, 1]);
  });

  it('is trusted to settle once, as a promise is, and others are not', async () => {
    const { heard, done } = ears();
    const [later, promise] = [new Later<number>(), Promise.resolve(2)];
    expect(trusted(later)).to.equal(later);
    expect(trusted(promise)).to.equal(promise);
    // biome-ignore lint/suspicious/noThenProperty: what others call a promise
    const twice = { then: (listener: (value: number) => void) => [listener(1), listener(2)] } as never;
    await trusted<number>(twice).then(done);
    expect(heard).to.deep.equal([1]);
  });
});
