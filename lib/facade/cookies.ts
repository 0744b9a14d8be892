import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import Cookies from 'cookies';
import Keygrip from 'keygrip';
import { misuse } from '../errors.js';
import { describe } from '../internal/options.js';

/** Signs cookies: a Keygrip of any copy of the package, or what does the same. */
export interface CookieKeys {
  /** The signature of `data`. */
  sign(data: string): string;
  /** Whether `digest` is a signature of `data`. */
  verify(data: string, digest: string): boolean;
  /** Which key made `digest`; -1: none. */
  index(data: string, digest: string): number;
}

/** What a {@link CookieJar} is told of a cookie. */
export interface CookieJarOptions {
  /** When the cookie expires. */
  expires: Date;
  /** Whether the cookie has, or gets, a signature. */
  signed: boolean;
  /** Whether a cookie of that name that was set before gives way. */
  overwrite?: boolean;
}

/** Reads and writes a request's cookies: an instance of the package `cookies`, or what does the same. */
export interface CookieJar {
  /** The value that the request came with; undefined where there is none, or where its signature is wrong. */
  get(name: string, options: CookieJarOptions): string | undefined;
  /** Puts a cookie on the response. */
  set(name: string, value: string, options: CookieJarOptions): unknown;
}

const NEVER = new Date(0);

/**
 * Keys from the option `keys`. What is given and is no key is refused, rather than that cookies go unsigned.
 * @throws TypeError `SESSILE_MISUSE`
 */
export function keysOf(keys: readonly string[] | CookieKeys | undefined): CookieKeys | undefined {
  if (keys === undefined) return undefined;
  if (!Array.isArray(keys)) {
    const { sign, verify, index } = (keys ?? {}) as Partial<CookieKeys>;
    if ([sign, verify, index].every((method) => typeof method === 'function')) return keys as CookieKeys;
    throw misuse(`genericSession: keys must be an array of secrets or a Keygrip, not ${describe(keys)}`);
  }
  if (keys.length > 0 && keys.every((key) => typeof key === 'string' && key !== '')) return new Keygrip(keys);
  throw misuse('genericSession: keys must hold at least one secret, and each must be a string that is not empty');
}

/** @throws TypeError `SESSILE_MISUSE` */
export function checkCookieName(name: unknown): void {
  try {
    if (typeof name === 'string') return void new Cookies.Cookie(name, 'x');
  } catch {
    // Told below, in words that name the option.
  }
  throw misuse('genericSession: cookieName must be a string that a cookie can be called');
}

interface TokenOptions {
  readonly name: string;
  readonly keys: CookieKeys | undefined;
  readonly jar: CookieJar | undefined;
  readonly expires: Date;
}

/** The cookie of one session: it holds a random token, and is renewed with every request, before the handler. */
export class TokenCookie {
  readonly token: string;
  readonly jar: CookieJar;
  readonly #name: string;
  readonly #signed: boolean;

  constructor(req: IncomingMessage, res: ServerResponse, { name, keys, jar, expires }: TokenOptions) {
    this.jar = jar ?? (new Cookies(req, res, keys && { keys: keys as Keygrip }) as CookieJar);
    this.#name = name;
    this.#signed = keys !== undefined;
    const options = { expires, signed: this.#signed };
    this.token = this.jar.get(name, options) || randomBytes(30).toString('base64');
    this.jar.set(name, this.token, options);
  }

  /** Takes the cookie away, and the one with it that this response would have renewed it with. */
  remove(): void {
    this.jar.set(this.#name, '', { expires: NEVER, signed: this.#signed, overwrite: true });
  }
}
