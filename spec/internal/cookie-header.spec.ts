import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { expect } from 'chai';
import { type CookieAttributes, CookieHeader } from '../../lib/internal/cookie-header.js';
import { failureOf } from '../support/folder.js';

const expires = new Date('2030-01-02T03:04:05Z');

describe('CookieHeader', () => {
  it('reads the cookie of its name', () => {
    const { req, res } = exchange('other=1; sid=abc; sid.sig=x');
    expect(new CookieHeader('spec', 'sid').read(req, res)).to.equal('abc');
    expect(new CookieHeader('spec', 's.d').read(req, res)).to.equal(undefined);
    const none = exchange();
    expect(new CookieHeader('spec', 'sid').read(none.req, none.res)).to.equal(undefined);
  });

  it('writes it with its attributes, beside what other code has set', () => {
    const { res } = exchange();
    res.setHeader('Set-Cookie', 'theirs=1');
    new CookieHeader('spec', 'sid', { secure: true }).write(res, 'abc', { lifetime: 60, expires });
    expect(res.getHeader('Set-Cookie')).to.deep.equal([
      'theirs=1',
      'sid=abc; path=/; expires=Wed, 02 Jan 2030 03:04:05 GMT; samesite=lax; secure; httponly; max-age=60',
    ]);
  });

  it('is secure where the connection is, unless it is told', () => {
    const isSecure = (encrypted: boolean, attributes: CookieAttributes) => {
      const { res } = exchange('', encrypted);
      new CookieHeader('spec', 'sid', attributes).write(res, 'abc', { lifetime: 60, expires });
      return String(res.getHeader('Set-Cookie')).includes('; secure');
    };
    expect([isSecure(false, {}), isSecure(true, {})]).to.deep.equal([false, true]);
    expect([isSecure(false, { secure: true }), isSecure(true, { secure: false })]).to.deep.equal([true, false]);
  });

  it('clears it with the same attributes', () => {
    const { res } = exchange();
    new CookieHeader('spec', 'sid', { path: '/app', domain: 'a.test' }).clear(res);
    const text =
      'sid=; path=/app; expires=Thu, 01 Jan 1970 00:00:00 GMT; domain=a.test; samesite=lax; httponly; max-age=0';
    expect(res.getHeader('Set-Cookie')).to.equal(text);
  });

  it('refuses what cannot be in a header, and what is misspelt', async () => {
    const wrong: [string, CookieAttributes][] = [
      ['a=b', {}],
      ['a', { path: '/;x' }],
      ['a', { domain: 'a\nb' }],
      ['a', { sameSite: 'x' as 'Lax' }],
      ['a', { secure: 'auto' as unknown as boolean }],
      ['a', { httponly: true } as CookieAttributes],
    ];
    for (const [name, attributes] of wrong)
      expect(await failureOf(() => new CookieHeader('spec', name, attributes))).to.include({ code: 'SESSILE_MISUSE' });
  });
});

function exchange(cookie?: string, encrypted = false): { req: IncomingMessage; res: ServerResponse } {
  const req = new IncomingMessage(Object.assign(new Socket(), { encrypted }));
  if (cookie !== undefined) req.headers.cookie = cookie;
  return { req, res: new ServerResponse(req) };
}
