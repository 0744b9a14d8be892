import { expect } from 'chai';
import { atOnce, chain, isThenable } from '../../lib/internal/awaitable.js';

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

describe('atOnce', () => {
  it('passes on what is no promise', () => {
    for (const answer of [undefined, null, 0, {}, 'then']) expect(atOnce('change', answer)).to.equal(answer);
  });

  it('refuses a promise by the name of who answered it, and handles its failure', () => {
    const heard: unknown[] = [];
    // biome-ignore lint/suspicious/noThenProperty: a thenable is what is refused
    const promised = { then: (...listeners: unknown[]) => heard.push(...listeners) };
    expect(() => atOnce('change', promised))
      .to.throw(TypeError, 'change must answer at once, not with a promise')
      .with.property('code', 'SESSILE_MISUSE');
    expect(heard[1]).to.be.a('function');
  });
});
