import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { oneAnswer } from '../../lib/internal/one-answer.js';
import { failureOf } from '../support/folder.js';

type Done = (error?: unknown, value?: unknown) => void;

const failure = new Error('no');
const answerOf = (act: (sid: string, done: Done) => unknown, timeout?: number) =>
  oneAnswer({ act }, 'act', ['a'], timeout);

describe('oneAnswer', () => {
  it('calls the method with its this, its arguments and a callback', async () => {
    const store = {
      name: 'store',
      get(sid: string, n: number, done: Done) {
        done(null, [this.name, sid, n]);
      },
    };
    expect(await oneAnswer(store, 'get', ['a', 1])).to.deep.equal(['store', 'a', 1]);
  });

  it('answers what the callback is given, at once or later', async () => {
    expect(await answerOf((_sid, done) => done(null, 1))).to.equal(1);
    expect(await answerOf((_sid, done) => setImmediate(done, undefined, 2))).to.equal(2);
    expect(await answerOf((_sid, done) => done())).to.equal(undefined);
  });

  it('rejects with what the callback is given, the method throws or rejects with, as it is', async () => {
    expect(await failureOf(() => answerOf((_sid, done) => done(failure)))).to.equal(failure);
    expect(await failureOf(() => answerOf((_sid, done) => done('text')))).to.equal('text');
    const throwing = () => {
      throw failure;
    };
    expect(await failureOf(() => answerOf(throwing))).to.equal(failure);
    expect(await failureOf(() => answerOf(async (_sid, _done) => throwing()))).to.equal(failure);
  });

  it('takes the first of two calls, whichever they are', async () => {
    const pair = (first: unknown[], second: unknown[]) => (_sid: string, done: Done) => {
      done(...first);
      done(...second);
    };
    expect(await answerOf(pair([null, 1], [failure]))).to.equal(1);
    expect(await failureOf(() => answerOf(pair([failure], [null, 1])))).to.equal(failure);
  });

  it('forgets what a method throws or rejects with after it called back', async () => {
    const throwing = (_sid: string, done: Done) => {
      done(null, 1);
      throw failure;
    };
    expect(await answerOf(throwing)).to.equal(1);
    expect(await answerOf(async (sid, done) => throwing(sid, done))).to.equal(1);
    await nextTurn();
  });

  it('waits for the callback of a method that takes one, also when its promise fulfils before', async () => {
    const detached = async (_sid: string, done: Done) => void setImmediate(done, null, 'found');
    expect(await answerOf(detached)).to.equal('found');
  });

  it('takes the promise of a method that takes no callback', async () => {
    expect(await oneAnswer({ get: async (sid: string) => `session ${sid}` }, 'get', ['a'])).to.equal('session a');
    expect(await oneAnswer({ clear: async () => {} }, 'clear', [])).to.equal(undefined);
  });

  it('waits for ever without a timeout, and with one no longer', async () => {
    let settled = false;
    const hanging = (_sid: string, _done: Done) => {};
    void answerOf(hanging).finally(() => {
      settled = true;
    });
    const error = await failureOf(() => answerOf(hanging, 5));
    expect(error).to.have.property('code', 'SESSILE_TIMEOUT');
    expect(error.message).to.include('act').and.include('5 ms');
    expect(settled).to.equal(false);
  });

  it('does not take a very long timeout for none at all', async () => {
    expect(await answerOf((_sid, done) => setTimeout(done, 10, null, 1), 2 ** 40)).to.equal(1);
  });

  it('holds no process with its timer, and stops it once there is an answer', async () => {
    const { started, stopped } = await timersDuring(async () => {
      await answerOf((_sid, done) => setImmediate(done, null, 1), 60_000);
      await answerOf((_sid, done) => setImmediate(done, failure), 60_000).catch(() => {});
    });
    expect(started).to.have.lengthOf(2);
    expect(started.map((timer) => timer.hasRef())).to.deep.equal([false, false]);
    expect(stopped).to.include.members(started);
  });
});

/** The timers of a minute that were started while `act` ran, and what was stopped. */
async function timersDuring(act: () => Promise<void>): Promise<{ started: NodeJS.Timeout[]; stopped: unknown[] }> {
  const { setTimeout: start, clearTimeout: stop } = globalThis;
  const started: NodeJS.Timeout[] = [];
  const stopped: unknown[] = [];
  globalThis.setTimeout = ((run: () => void, delay: number) => {
    const timer = start(run, delay);
    if (delay === 60_000) started.push(timer);
    return timer;
  }) as typeof setTimeout;
  globalThis.clearTimeout = ((timer?: NodeJS.Timeout) => {
    stopped.push(timer);
    stop(timer);
  }) as typeof clearTimeout;
  try {
    await act();
  } finally {
    globalThis.setTimeout = start;
    globalThis.clearTimeout = stop;
  }
  return { started, stopped };
}
