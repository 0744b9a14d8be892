import { expect } from 'chai';
import { chain, isThenable } from '../../lib/internal/awaitable.js';

describe('isThenable', () => {
  it('knows promises and their like', () => {
    expect(isThenable(Promise.resolve())).to.equal(true);
    // biome-ignore lint/suspicious/noThenProperty: a thenable is what is asked about
    expect(isThenable({ then() {} })).to.equal(true);
  });

  for (const value of [undefined, null, 0, '', 'then', {}, () => {}]) {
    it(`takes ${typeof value} ${String(value)} for a value`, () => {
      expect(isThenable(value)).to.equal(false);
    });
  }

  it('takes an object for a value whose then is no function', () => {
    // biome-ignore lint/suspicious/noThenProperty: a key of that name may be data
    expect(isThenable({ then: 'later' })).to.equal(false);
  });
});

describe('chain', () => {
  it('goes on at once with a value', () => {
    expect(chain(2, (n) => n + 1)).to.equal(3);
  });

  it('goes on with a promised value when it is there', async () => {
    const next = chain(Promise.resolve(2), (n) => n + 1);
    expect(isThenable(next)).to.equal(true);
    expect(await next).to.equal(3);
  });

  it('lets a failure through', async () => {
    const error = new Error('no');
    const seen = await Promise.resolve(chain(Promise.reject(error), () => expect.fail('went on'))).catch((e) => e);
    expect(seen).to.equal(error);
  });
});
