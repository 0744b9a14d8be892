import { expect } from 'chai';
import { codes, misuse, SessileError } from '../lib/errors.js';

describe('SessileError', () => {
  it('is an Error with a name, a code and a cause', () => {
    const cause = new Error('underneath');
    const error = new SessileError('SESSILE_IO', 'It failed', { cause });
    expect(error).to.be.instanceOf(Error);
    expect(error).to.include({ name: 'SessileError', code: 'SESSILE_IO', message: 'It failed', cause });
    expect(String(error)).to.equal('SessileError: It failed');
  });

  it('has no cause where there was none', () => {
    expect(new SessileError('SESSILE_CLOSED', 'Closed')).not.to.have.property('cause');
  });
});

describe('codes', () => {
  it('are spelt alike and explained', () => {
    for (const [code, meaning] of Object.entries(codes)) {
      expect(code).to.match(/^SESSILE_[A-Z]+(_[A-Z]+)*$/);
      expect(meaning).to.match(/\.$/);
    }
  });
});

describe('misuse', () => {
  it('is a TypeError with a code', () => {
    const error = misuse('wrong');
    expect(error).to.be.instanceOf(TypeError);
    expect(error).to.include({ code: 'SESSILE_MISUSE', message: 'wrong' });
    expect(Object.keys(codes)).to.include(error.code);
  });
});
