import { expect } from 'chai';
import { unlessMissing } from '../../lib/internal/unless-missing.js';

describe('unlessMissing', () => {
  it('makes nothing of ENOENT', () => {
    expect(unlessMissing(Object.assign(new Error('gone'), { code: 'ENOENT' }))).to.equal(undefined);
  });

  for (const error of [
    new Error('ENOENT'),
    Object.assign(new Error('no'), { code: 'EIO' }),
    'ENOENT',
    null,
    undefined,
  ]) {
    it(`throws ${String(error)} again`, () => {
      let thrown: unknown = 'nothing';
      try {
        unlessMissing(error);
      } catch (again) {
        thrown = again;
      }
      expect(thrown).to.equal(error);
    });
  }
});
