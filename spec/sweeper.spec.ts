import { mock } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { Sweeper } from '../lib/sweeper.js';
import { printed } from './support/own-process.js';

const LONGEST_DELAY = 2 ** 31 - 1;

describe('Sweeper', () => {
  let rounds: number;
  let finish: () => void;
  const sweep = () => {
    rounds += 1;
    return new Promise<void>((resolve) => {
      finish = resolve;
    });
  };

  beforeEach(() => {
    rounds = 0;
    mock.timers.enable({ apis: ['setTimeout'] });
  });

  afterEach(() => mock.timers.reset());

  it('does nothing before it is armed', () => {
    new Sweeper(sweep, 10);
    mock.timers.tick(1_000);
    expect(rounds).to.equal(0);
  });

  it('begins a round after the delay, however often it is armed', () => {
    const sweeper = new Sweeper(sweep, 10);
    sweeper.arm();
    sweeper.arm();
    mock.timers.tick(9);
    expect(rounds).to.equal(0);
    sweeper.arm();
    mock.timers.tick(1);
    expect(rounds).to.equal(1);
  });

  it('never lets two rounds overlap, and sets the next when one has ended', async () => {
    const sweeper = new Sweeper(sweep, 10);
    sweeper.arm();
    mock.timers.tick(10);
    sweeper.arm();
    mock.timers.tick(1_000);
    expect(rounds).to.equal(1);
    finish();
    await nextTurn();
    expect(rounds).to.equal(1);
    mock.timers.tick(10);
    expect(rounds).to.equal(2);
  });

  it('begins no round once it is stopped, and cannot be armed again', () => {
    const sweeper = new Sweeper(sweep, 10);
    sweeper.arm();
    sweeper.stop();
    sweeper.arm();
    mock.timers.tick(1_000);
    expect(rounds).to.equal(0);
  });

  it('sets no further round when it is stopped in the midst of one', async () => {
    const sweeper = new Sweeper(sweep, 10);
    sweeper.arm();
    mock.timers.tick(10);
    sweeper.stop();
    finish();
    await nextTurn();
    mock.timers.tick(1_000);
    expect(rounds).to.equal(1);
  });

  it('never sweeps where the delay is 0', () => {
    const sweeper = new Sweeper(sweep, 0);
    sweeper.arm();
    mock.timers.tick(1_000);
    expect(rounds).to.equal(0);
    sweeper.stop();
  });
});

describe('Sweeper on real timers', () => {
  it('asks setTimeout for no more than it can do', () => {
    const asked = mock.method(globalThis, 'setTimeout');
    try {
      const sweeper = new Sweeper(async () => {}, 40_000 * 60_000);
      sweeper.arm();
      sweeper.stop();
      expect(asked.mock.calls.map((call) => call.arguments[1])).to.deep.equal([LONGEST_DELAY]);
    } finally {
      asked.mock.restore();
    }
  });

  it('does not keep a process alive', async () => {
    const script = `
      import { Sweeper } from './lib/sweeper.ts';
      new Sweeper(async () => console.log('swept'), 60_000).arm();
      console.log('armed');
    `;
    const stdout = await printed(script);
    expect(stdout).to.equal('armed\n');
  });
});
