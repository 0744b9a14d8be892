import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import { PerKey, type Values } from '../../lib/facade/per-key.js';
import { failureOf } from '../support/folder.js';
import { uncaught } from '../support/process-events.js';

/** Values that note what they are asked for; `fails` is what they reject with. */
function noting(fails?: Error): Values & { readonly calls: unknown[][] } {
  const calls: unknown[][] = [];
  const note =
    (name: string) =>
    async (...args: unknown[]): Promise<never> => {
      calls.push([name, ...args]);
      if (fails) throw fails;
      return `answer of ${name}` as never;
    };
  return {
    calls,
    get: note('get'),
    getAll: note('getAll'),
    set: note('set'),
    del: note('del'),
    delAll: note('delAll'),
    destroy: note('destroy'),
    extend: note('extend'),
    update: note('update'),
  };
}

type Loose = Record<string, (...args: unknown[]) => unknown>;
const cb = () => {};
const change = () => 1;

/** How each way to call a method is understood. */
const ways: readonly [method: string, args: readonly unknown[], meant: readonly unknown[] | undefined][] = [
  ['get', ['k', cb], ['get', 'k']],
  ['get', ['k'], ['extend']],
  ['get', [], ['extend']],
  ['get', [cb], ['getAll']],
  ['get', [null, cb], ['getAll']],
  ['get', [undefined, cb], ['getAll']],
  ['get', ['', cb], ['get', '']],
  ['get', [0, cb], ['get', '0']],
  ['get', [{}, cb], undefined],
  ['getAll', [cb], ['getAll']],
  ['getAll', [], ['extend']],
  ['set', ['k', 1, cb], ['set', 'k', 1]],
  ['set', ['k', 1], ['set', 'k', 1]],
  ['set', ['k', cb], ['set', 'k', null]],
  ['set', ['k'], ['set', 'k', null]],
  ['set', ['k', undefined], ['set', 'k', undefined]],
  ['set', ['k', undefined, cb], ['set', 'k', undefined]],
  ['set', ['k', cb, cb], undefined],
  ['set', [7, { a: 1 }, cb], ['set', '7', { a: 1 }]],
  ['set', [undefined, 1, cb], undefined],
  ['set', [], undefined],
  ['del', ['k', cb], ['del', 'k']],
  ['del', ['k'], ['del', 'k']],
  ['del', ['', cb], ['del', '']],
  ['del', [0], ['del', '0']],
  ['del', [], ['delAll']],
  ['del', [cb], ['delAll']],
  ['del', [undefined, cb], undefined],
  ['del', [undefined], undefined],
  ['del', [null, cb], undefined],
  ['delAll', [], ['delAll']],
  ['delAll', [cb], ['delAll']],
  ['destroy', [], ['destroy']],
  ['destroy', [cb], ['destroy']],
  ['update', ['k', change, cb], ['update', 'k', change]],
  ['getAsync', ['k'], ['get', 'k']],
  ['getAllAsync', [], ['getAll']],
  ['setAsync', ['k', 1], ['set', 'k', 1]],
  ['setAsync', ['k'], ['set', 'k', null]],
  ['setAsync', ['k', undefined], ['set', 'k', undefined]],
  ['delAsync', ['k'], ['del', 'k']],
  ['delAllAsync', [], ['delAll']],
  ['destroyAsync', [], ['destroy']],
  ['updateAsync', ['k', change], ['update', 'k', change]],
];

describe('per-key', () => {
  for (const [method, args, meant] of ways) {
    const shown = args.map((arg) =>
      arg === cb ? 'cb' : typeof arg === 'function' ? 'fn' : (JSON.stringify(arg) ?? 'undefined'),
    );
    it(`${method}(${shown.join(', ')}) ${meant ? `is ${meant[0]}` : 'is refused'}`, async () => {
      const values = noting();
      const errors = new EventEmitter();
      const refused: unknown[] = [];
      errors.on('error', (error) => refused.push(error));
      const handle = new PerKey(values, errors) as unknown as Loose;
      await new Promise<void>((resolve) => {
        const callback = (error: unknown) => {
          if (error) refused.push(error);
          resolve();
        };
        const answer = handle[method]?.(...args.map((arg) => (arg === cb ? callback : arg)));
        if (!args.includes(cb)) void Promise.resolve(answer).then(() => setImmediate(resolve));
      });
      expect(values.calls).to.deep.equal(meant ? [meant] : []);
      expect(refused.map((error) => (error as { code: string }).code)).to.deep.equal(meant ? [] : ['SESSILE_MISUSE']);
    });
  }

  it('what a callback throws is its own affair', async () => {
    const thrown = new Error('thrown by a spec');
    let calls = 0;
    const handle = new PerKey(noting());
    const seen = await uncaught(() => {
      handle.get('k', () => {
        calls += 1;
        throw thrown;
      });
    });
    expect([seen, calls]).to.deep.equal([thrown, 1]);
  });

  it('update answers a promise, which may be left alone', async () => {
    const failure = new Error('failed in a spec');
    const errors = new EventEmitter();
    const seen: unknown[] = [];
    errors.on('error', (error) => seen.push(error));
    const handle = new PerKey(noting(failure), errors);
    const left = handle.update('k', change);
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).to.deep.equal([failure]);
    expect(await failureOf(() => left)).to.equal(failure);
    const called = await new Promise((resolve) => void handle.update('k', change, resolve));
    expect(called).to.equal(failure);
    expect(await new PerKey(noting()).update('k', change)).to.equal('answer of update');
  });
});
