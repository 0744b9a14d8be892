import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import Cookies from 'cookies';
import { misuse } from '../errors.js';
import { checkBoolean, checkNames, describe } from './options.js';

/** How a cookie is sent. */
export interface CookieAttributes {
  /** Default: `'/'`. */
  path?: string;
  /** Default: the host that the visitor asked, without its subdomains. */
  domain?: string;
  /** Default: whether the connection is encrypted. */
  secure?: boolean;
  /** Default: true. */
  httpOnly?: boolean;
  /** Default: `'Lax'`. */
  sameSite?: 'Strict' | 'Lax' | 'None';
}

/** One cookie of an app: its name and attributes, checked once. */
export class CookieHeader {
  readonly #name: string;
  readonly #secure: boolean | undefined;
  readonly #attributes: Cookies.SetOption;

  /** @throws TypeError `SESSILE_MISUSE` */
  constructor(where: string, name: string, attributes: CookieAttributes = {}) {
    checkNames(`${where}: cookie`, attributes, ['path', 'domain', 'secure', 'httpOnly', 'sameSite']);
    const { path = '/', domain, secure, httpOnly = true, sameSite = 'Lax' } = attributes;
    if (!/^(strict|lax|none)$/i.test(String(sameSite))) {
      throw misuse(`${where}: cookie.sameSite must be 'Strict', 'Lax' or 'None', not ${describe(sameSite)}`);
    }
    if (secure !== undefined) checkBoolean(where, 'cookie.secure', secure);
    this.#name = name;
    this.#secure = secure;
    this.#attributes = {
      path,
      domain,
      httpOnly: checkBoolean(where, 'cookie.httpOnly', httpOnly),
      sameSite: sameSite.toLowerCase() as 'strict' | 'lax' | 'none',
    };
    try {
      new Cookies.Cookie(name, 'x', this.#attributes);
    } catch (error) {
      throw misuse(`${where}: a cookie cannot have this name, path or domain: ${(error as Error).message}`);
    }
  }

  /** What the browser sent. */
  read(req: IncomingMessage, res: ServerResponse): string | undefined {
    return new Cookies(req, res).get(this.#name);
  }

  /** @param lifetime in seconds, until `expires` */
  write(res: ServerResponse, value: string, { lifetime, expires }: { lifetime: number; expires: Date }): void {
    const secure = this.#secure ?? (res.req.socket as Partial<TLSSocket>).encrypted === true;
    const cookie = new Cookies.Cookie(this.#name, value, { ...this.#attributes, secure, expires });
    res.appendHeader('Set-Cookie', `${cookie.toHeader()}; max-age=${lifetime}`);
  }

  clear(res: ServerResponse): void {
    this.write(res, '', { lifetime: 0, expires: new Date(0) });
  }
}
