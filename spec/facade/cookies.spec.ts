import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect } from 'chai';
import Cookies from 'cookies';
import Keygrip from 'keygrip';
import { type CookieJar, checkCookieName, keysOf, TokenCookie } from '../../lib/facade/cookies.js';

const expires = new Date(Date.UTC(2030, 0, 1));

/** A request with cookies, and what its response sets. */
function exchange(cookie?: string) {
  const headers: Record<string, string[]> = {};
  const req = { headers: { cookie }, socket: {} } as unknown as IncomingMessage;
  const res = {
    getHeader: (name: string) => headers[name],
    setHeader(name: string, lines: string[]) {
      headers[name] = lines;
    },
  } as unknown as ServerResponse;
  return { req, res, set: () => headers['Set-Cookie'] ?? [] };
}

describe('cookies', () => {
  it('keys are secrets or a Keygrip of any copy', () => {
    const keygrip = new Keygrip(['a']);
    expect(keysOf(undefined)).to.equal(undefined);
    expect(keysOf(keygrip)).to.equal(keygrip);
    const other = { sign: () => 'x', verify: () => true, index: () => 0 };
    expect(keysOf(other)).to.equal(other);
    expect(keysOf(['a', 'b'])?.sign('data')).to.equal(keygrip.sign('data'));
  });

  it('what is no key is refused, rather than that cookies go unsigned', () => {
    for (const keys of [[], [''], [undefined], 'a', '', null, false, {}, new Map()]) {
      expect(() => keysOf(keys as never), String(keys))
        .to.throw(TypeError)
        .with.property('code', 'SESSILE_MISUSE');
    }
  });

  it('a name is one that a cookie can have', () => {
    checkCookieName('sid');
    for (const name of ['', 'a=b', 'a;b', 'a\nb', null, undefined, {}]) {
      expect(() => checkCookieName(name), String(name))
        .to.throw(TypeError)
        .with.property('code', 'SESSILE_MISUSE');
    }
  });

  it('no message says a secret', () => {
    for (const keys of ['hush', ['hush', '']]) {
      expect(() => keysOf(keys as never))
        .to.throw()
        .with.property('message')
        .that.does.not.include('hush');
    }
  });

  it('a token is random, set at once, and taken away in one header', () => {
    const { req, res, set } = exchange();
    const cookie = new TokenCookie(req, res, { name: 's', keys: undefined, jar: undefined, expires });
    expect(Buffer.from(cookie.token, 'base64')).to.have.length(30);
    expect(set()).to.deep.equal([`s=${cookie.token}; path=/; expires=${expires.toUTCString()}; httponly`]);
    cookie.remove();
    expect(set()).to.deep.equal(['s=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly']);
    const other = new TokenCookie(exchange().req, exchange().res, {
      name: 's',
      keys: undefined,
      jar: undefined,
      expires,
    });
    expect(other.token).not.to.equal(cookie.token);
  });

  it('an empty or badly signed token is none', () => {
    const keys = keysOf(['secret']);
    const read = (header: string, signer = keys) => {
      const { req, res } = exchange(header);
      return new TokenCookie(req, res, { name: 's', keys: signer, jar: undefined, expires }).token;
    };
    const good = `s=mine; s.sig=${keys?.sign('s=mine')}`;
    expect(read(good)).to.equal('mine');
    expect(read(good, undefined)).to.equal('mine');
    for (const header of ['s=', 's=mine', 's=mine; s.sig=x', good.replace('mine', 'other')]) {
      expect(read(header), header).to.match(/^.{40}$/);
    }
  });

  it("a jar of the caller's is used, and kept", () => {
    const { req, res, set } = exchange('sid=mine');
    const jar = new Cookies(req, res) as CookieJar;
    const cookie = new TokenCookie(req, res, { name: 'sid', keys: undefined, jar, expires });
    expect(cookie.jar).to.equal(jar);
    expect(cookie.token).to.equal('mine');
    expect(set()[0]).to.match(/^sid=mine; /);
  });
});
