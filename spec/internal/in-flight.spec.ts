import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { InFlight } from '../../lib/internal/in-flight.js';

describe('InFlight', () => {
  it('is drained while nothing is under way', async () => {
    await new InFlight().drained();
  });

  it('answers what was tracked', async () => {
    const inFlight = new InFlight();
    expect(await inFlight.track(Promise.resolve(1))).to.equal(1);
    const error = new Error('no');
    expect(await inFlight.track(Promise.reject(error)).catch((e) => e)).to.equal(error);
  });

  it('tells all who wait when the last has settled, however it settled', async () => {
    const inFlight = new InFlight();
    const seen: string[] = [];
    let resolve = () => {};
    let reject = (_: Error) => {};
    inFlight.track(new Promise<void>((done) => (resolve = done)));
    inFlight.track(new Promise<void>((_, fail) => (reject = fail))).catch(() => seen.push('failed'));
    for (const name of ['first', 'second']) inFlight.drained().then(() => seen.push(name));
    resolve();
    await nextTurn();
    expect(seen).to.deep.equal([]);
    reject(new Error('no'));
    await nextTurn();
    expect(seen).to.have.members(['failed', 'first', 'second']);
  });

  it('can drain again', async () => {
    const inFlight = new InFlight();
    await inFlight.track(Promise.resolve());
    await inFlight.drained();
    let drained = false;
    let resolve = () => {};
    inFlight.track(new Promise<void>((done) => (resolve = done)));
    const waiting = inFlight.drained().then(() => (drained = true));
    await nextTurn();
    expect(drained).to.equal(false);
    resolve();
    await waiting;
  });
});
