import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import type { SessileError } from '../../lib/errors.js';
import { complain, complainerOf, orComplain } from '../../lib/internal/complain.js';
import { uncaught, warnings } from '../support/process-events.js';

/** Codes that no other spec uses, as a process warns once per code. */
let serial = 0;
function coded(code: unknown = `SPEC_COMPLAIN_${++serial}`): Error {
  return Object.assign(new Error('It failed'), { code });
}

describe('complain', () => {
  it('emits an error event later where someone listens, each time, and warns of nothing', async () => {
    const emitter = new EventEmitter();
    const seen: unknown[] = [];
    emitter.on('error', (error) => seen.push(error));
    const error = coded();
    const warned = await warnings(() => {
      complain(emitter, error);
      complain(emitter, error);
      expect(seen).to.deep.equal([]);
    });
    expect(seen).to.deep.equal([error, error]);
    expect(warned).to.deep.equal([]);
  });

  it('sees a listener that was added right after', async () => {
    const emitter = new EventEmitter();
    const error = coded();
    complain(emitter, error);
    expect(await new Promise((resolve) => emitter.on('error', resolve))).to.equal(error);
  });

  it('leaves what a listener throws uncaught', async () => {
    const emitter = new EventEmitter();
    emitter.on('error', () => {
      throw new Error('from the listener');
    });
    expect(await uncaught(() => complain(emitter, coded()))).to.include({ message: 'from the listener' });
  });

  it('warns once per code where nobody listens', async () => {
    const one = coded();
    const two = coded();
    const warned = await warnings(() => {
      for (const error of [one, two, one, two]) complain(new EventEmitter(), error);
    });
    expect(warned.map((warning) => warning.code)).to.deep.equal([
      (one as SessileError).code,
      (two as SessileError).code,
    ]);
    expect(warned[0]?.message).to.equal("It failed (add an 'error' listener to the store to see each one)");
  });

  it('warns once of errors of one kind that have no code, whatever they say', async () => {
    class SpecUncoded extends Error {
      override name = 'SpecUncoded';
    }
    const warned = await warnings(() => {
      for (let n = 0; n < 5; n += 1) complain(new EventEmitter(), new SpecUncoded(`number ${n}`));
    });
    expect(warned.map(({ message }) => message.split(' (')[0])).to.deep.equal(['number 0']);
    expect(warned[0]?.code).to.equal(undefined);
  });

  for (const [kind, error, words] of [
    ['a number for a code', coded(20), 'It failed'],
    ['a text', 'a mere text', 'What failed threw a string'],
    ['undefined', undefined, 'What failed threw undefined'],
    ['null', null, 'What failed threw null'],
  ] as const) {
    it(`warns of ${kind} without falling over`, async () => {
      class Fresh extends Error {
        override name = `SpecFresh${++serial}`;
      }
      const shown = error instanceof Error ? Object.assign(new Fresh(error.message), { code: 20 }) : error;
      const warned = await warnings(() => complain(new EventEmitter(), shown));
      expect(warned.map(({ message }) => message.split(' (')[0])).to.deep.equal([words]);
    });
  }

  it('serves a store that is no emitter, and one that is and has listeners', async () => {
    class SpecOf extends Error {
      override name = 'SpecOf';
    }
    const warned = await warnings(() => complainerOf({ get() {} })(new SpecOf('to nobody')));
    expect(warned).to.have.length(1);
    const store = new EventEmitter();
    const told: unknown[] = [];
    store.on('error', (error) => told.push(error));
    const quiet = await warnings(() => complainerOf(store)(new SpecOf('to a listener')));
    expect(quiet).to.deep.equal([]);
    expect(told).to.have.length(1);
  });

  it('stands in for a callback that was not given, and for nothing else', async () => {
    const emitter = new EventEmitter();
    const told: unknown[] = [];
    emitter.on('error', (error) => told.push(error));
    const callback = () => {};
    expect(orComplain(callback, emitter)).to.equal(callback);
    const error = coded();
    for (const none of [undefined, 'no function'] as (undefined | typeof callback)[]) orComplain(none, emitter)(error);
    orComplain(undefined, emitter)(null);
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).to.deep.equal([error, error]);
  });
});
