import { expect } from 'chai';
import { liveCookie } from '../../lib/internal/live-cookie.js';

const NOW = 1_700_000_000_000;

describe('liveCookie', () => {
  it('has a Date for expires, however that was stored, and keeps the other attributes', () => {
    const date = new Date(NOW + 1_000);
    for (const expires of [date, date.toISOString(), date.getTime()]) {
      const cookie = liveCookie({ originalMaxAge: 1_000, expires, path: '/' }, () => NOW);
      expect({ ...cookie }).to.deep.equal({ originalMaxAge: 1_000, expires: date, path: '/' });
    }
  });

  it('leaves an expires that is no date as it is', () => {
    for (const expires of [null, false, 'never']) {
      expect(liveCookie({ expires }, () => NOW)).to.deep.equal({ expires });
    }
    expect(liveCookie({ path: '/' }, () => NOW)).to.deep.equal({ path: '/' });
  });

  it('tells the ms that are left as maxAge, or null, and tells JSON nothing of it', () => {
    let time = NOW;
    const cookie = liveCookie({ expires: new Date(NOW + 1_000), maxAge: 77 }, () => time);
    time += 400;
    expect(cookie['maxAge']).to.equal(600);
    expect(JSON.parse(JSON.stringify(cookie))).to.have.all.keys('expires');
    expect(liveCookie({ expires: null, maxAge: 77 }, () => NOW)['maxAge']).to.equal(null);
  });

  it('leaves what it was given as it is', () => {
    const stored = Object.freeze({ expires: new Date(NOW).toISOString() });
    liveCookie(stored, () => NOW);
    expect(stored).to.deep.equal({ expires: new Date(NOW).toISOString() });
  });
});
