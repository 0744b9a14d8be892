import { expect } from 'chai';
import {
  checkBoolean,
  checkCount,
  checkDuration,
  checkFunction,
  checkNames,
  checkSession,
  checkSid,
  describe as name,
} from '../../lib/internal/options.js';

function misuseOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).to.be.instanceOf(TypeError);
    expect(error).to.include({ code: 'SESSILE_MISUSE' });
    return (error as Error).message;
  }
  return expect.fail('nothing was thrown');
}

describe('checkNames', () => {
  it('lets known names pass, whatever their values', () => {
    checkNames('Spec', { ttl: undefined, now: 'x' }, ['ttl', 'now']);
    checkNames('Spec', {}, []);
  });

  it('names the likely spelling and all that are known', () => {
    expect(misuseOf(() => checkNames('Spec', { tll: 1 }, ['ttl', 'now']))).to.equal(
      'Spec: unknown option "tll"; did you mean "ttl"? Known are ttl, now',
    );
  });

  for (const [wrong, words] of [
    [null, 'null'],
    [['ttl'], 'an array'],
    ['ttl', 'a string'],
    [() => {}, 'a function'],
  ] as const) {
    it(`refuses ${words} for options`, () => {
      expect(misuseOf(() => checkNames('Spec', wrong, ['ttl']))).to.equal(
        `Spec: options must be an object, not ${words}`,
      );
    });
  }
});

describe('checkDuration', () => {
  it('answers a number from the least on', () => {
    expect(checkDuration('Spec', 'ttl', 1, 1)).to.equal(1);
    expect(checkDuration('Spec', 'ttl', 1.5, 1)).to.equal(1.5);
    expect(checkDuration('Spec', 'pruneInterval', 0, 0)).to.equal(0);
  });

  for (const wrong of [-1, 0.5, Number.NaN, Infinity, '5', null, undefined, 5n]) {
    it(`refuses ${typeof wrong} ${String(wrong)}`, () => {
      expect(misuseOf(() => checkDuration('Spec', 'ttl', wrong, 1))).to.match(
        /^Spec: ttl must be a finite number of milliseconds >= 1, not /,
      );
    });
  }
});

describe('checkCount', () => {
  it('answers a whole number from 1 on', () => {
    expect(checkCount('Spec', 'max', 1)).to.equal(1);
  });

  for (const wrong of [0, 1.5, 2 ** 53, Number.NaN, '5', undefined]) {
    it(`refuses ${typeof wrong} ${String(wrong)}`, () => {
      expect(misuseOf(() => checkCount('Spec', 'max', wrong))).to.match(/^Spec: max must be a whole number >= 1, not /);
    });
  }
});

describe('checkFunction', () => {
  it('lets a function pass', () => {
    checkFunction('Spec', 'now', Date.now);
  });

  it('refuses anything else', () => {
    expect(misuseOf(() => checkFunction('Spec', 'now', {}))).to.equal('Spec: now must be a function, not an object');
  });
});

describe('checkBoolean', () => {
  it('answers true and false', () => {
    expect(checkBoolean('Spec', 'fsync', true)).to.equal(true);
    expect(checkBoolean('Spec', 'fsync', false)).to.equal(false);
  });

  it('refuses what is only truthy or falsy', () => {
    for (const wrong of [0, 1, 'true', undefined]) {
      expect(misuseOf(() => checkBoolean('Spec', 'fsync', wrong))).to.match(/^Spec: fsync must be true or false, not /);
    }
  });
});

describe('describe', () => {
  it('shows a value only where that can give no secret away', () => {
    const shown = [
      null,
      undefined,
      1,
      true,
      'secret',
      ['secret'],
      { a: 'secret' },
      () => 'secret',
      Symbol('secret'),
      1n,
    ];
    expect(shown.map(name)).to.deep.equal([
      'null',
      'undefined',
      '1',
      'true',
      'a string',
      'an array',
      'an object',
      'a function',
      'a symbol',
      'a bigint',
    ]);
  });
});

describe('checkSid and checkSession', () => {
  it('take any string, and any object that is no array', () => {
    for (const sid of ['', 'a', '__proto__']) checkSid(sid);
    for (const session of [{}, { cookie: 1 }, Object.create(null)]) checkSession(session);
  });

  it('refuse everything else without showing it', () => {
    const refused = [undefined, null, 5, true, ['secret'], () => {}];
    for (const value of [...refused, {}]) {
      expect(misuseOf(() => checkSid(value))).to.equal(`a session id must be a string, not ${name(value)}`);
    }
    for (const value of [...refused, 'secret']) {
      expect(misuseOf(() => checkSession(value))).to.equal(`a session must be an object, not ${name(value)}`);
    }
  });
});
