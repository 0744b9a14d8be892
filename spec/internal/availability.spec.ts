import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import { Availability } from '../../lib/internal/availability.js';

const HOUR = 3_600_000;

describe('Availability', () => {
  const failure = (promise: Promise<void> | undefined) =>
    promise?.then(
      () => 'fine',
      (error: unknown) => error,
    );

  it('is there to begin with, and there is nothing to wait for', () => {
    expect(new Availability(HOUR).ready()).to.equal(undefined);
  });

  it('lets everybody wait for the same return', async () => {
    const one = new Availability(HOUR);
    one.left();
    const waiting = [one.ready(), one.ready()];
    one.returned();
    await Promise.all(waiting);
    expect(one.ready()).to.equal(undefined);
  });

  it('refuses who waited in vain, and then everybody at once, until the return', async () => {
    const one = new Availability(1);
    one.left();
    const [first, second] = await Promise.all([failure(one.ready()), failure(one.ready())]);
    expect(first).to.equal(second);
    expect(first).to.include({ code: 'SESSILE_UNAVAILABLE', message: 'timeout:session store is unavailable' });
    one.left();
    expect(await failure(one.ready())).to.include({
      code: 'SESSILE_UNAVAILABLE',
      message: 'session store is unavailable',
    });
    one.returned();
    expect(one.ready()).to.equal(undefined);
  });

  it('gives a second outage its own time, and is not given up for the first one', async () => {
    const one = new Availability(5);
    one.left();
    const waiting = one.ready();
    one.returned();
    await waiting;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(one.ready()).to.equal(undefined);
    one.left();
    expect(await failure(one.ready())).to.include({ message: 'timeout:session store is unavailable' });
  });

  it('has no timer and no promise for an outage that nobody asks about', async () => {
    const one = new Availability(0);
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    one.left();
    expect(timers()).to.equal(before);
  });

  it('keeps no process alive for who waits', async () => {
    const one = new Availability(HOUR);
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    one.left();
    const waiting = one.ready();
    expect(timers()).to.equal(before);
    one.returned();
    await waiting;
  });

  it('waits for a patience that is longer than timers can', async () => {
    const one = new Availability(2 ** 40);
    one.left();
    const waiting = one.ready();
    await new Promise((resolve) => setTimeout(resolve, 10));
    one.returned();
    await waiting;
  });

  it('watches the events that it is told, of whoever has events', async () => {
    const one = new Availability(HOUR);
    const source = new EventEmitter();
    one.watch(source, { away: ['gone', 'GONE'], back: ['back'] });
    one.watch({}, { away: ['gone'], back: ['back'] });
    for (const name of ['gone', 'GONE']) {
      source.emit(name);
      const waiting = one.ready();
      expect(waiting).to.be.instanceOf(Promise);
      source.emit('back');
      await waiting;
    }
  });
});
