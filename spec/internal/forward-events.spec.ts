import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import { forwardEvents } from '../../lib/internal/forward-events.js';
import { warnings } from '../support/process-events.js';

const failure = Object.assign(new Error('no'), { code: 'SPEC_FORWARDED' });

function heard(emitter: EventEmitter): unknown[][] {
  const seen: unknown[][] = [];
  for (const event of ['connect', 'disconnect', 'error', 'other']) {
    emitter.on(event, (...args) => seen.push([event, ...args]));
  }
  return seen;
}

describe('forwardEvents', () => {
  it('passes on connect, disconnect and error with what they say, and nothing else, until it is stopped', async () => {
    const [store, to] = [new EventEmitter(), new EventEmitter()];
    const seen = heard(to);
    const stop = forwardEvents(store, to);
    store.emit('disconnect', 1);
    store.emit('connect', 2, 3);
    store.emit('other');
    store.emit('error', failure);
    await new Promise(setImmediate);
    expect(seen).to.deep.equal([
      ['disconnect', 1],
      ['connect', 2, 3],
      ['error', failure],
    ]);
    stop();
    expect(store.eventNames()).to.deep.equal([]);
  });

  it('makes one warning of an error that nobody listens for', async () => {
    const [store, to] = [new EventEmitter(), new EventEmitter()];
    forwardEvents(store, to);
    const seen = await warnings(() => {
      store.emit('error', failure);
      store.emit('error', failure);
    });
    expect(seen.map(({ code }) => code)).to.deep.equal(['SPEC_FORWARDED']);
  });

  it('leaves alone a store that has no events, or cannot take listeners away', () => {
    forwardEvents({}, new EventEmitter())();
    const events: string[] = [];
    forwardEvents({ on: (event: string) => events.push(event) }, new EventEmitter())();
    expect(events).to.deep.equal(['connect', 'disconnect', 'error']);
  });
});
