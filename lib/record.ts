import type { Entry } from './backend.js';
import { misuse, SessileError } from './errors.js';
import { type CookieText, decodeCookie, encodeCookie, toPlain } from './internal/cookie-text.js';
import { isFields } from './internal/merge-fields.js';
import { checkFunction, checkSession, describe } from './internal/options.js';

/** Turns a session's data, without its cookie, into text and back. Default: JSON. */
export interface Serializer {
  /** The text of `data`, which has no cookie in it. What it throws is `SESSILE_SERIALIZE`. */
  stringify(data: object): string;
  /** What {@link Serializer.stringify} made the text of. What it throws is `SESSILE_CORRUPT`. */
  parse(text: string): object;
}

/** A session as text, and the date that its cookie names. */
export interface Snapshot extends CookieText {
  readonly data: string;
}

/** The only serialiser: session object to text at the moment of the call, and text to a fresh, mutable session. */
export class Codec {
  readonly #custom: Serializer | undefined;

  constructor(where: string, serializer?: Serializer) {
    if (serializer !== undefined) {
      if (typeof serializer !== 'object' || serializer === null) {
        throw misuse(`${where}: serializer must be { stringify, parse }, not ${describe(serializer)}`);
      }
      checkFunction(where, 'serializer.stringify', serializer.stringify);
      checkFunction(where, 'serializer.parse', serializer.parse);
    }
    this.#custom = serializer;
  }

  /** @throws TypeError (`SESSILE_MISUSE`) for what is no object; SessileError `SESSILE_SERIALIZE` for what is no JSON. */
  encode(session: object): Snapshot {
    return serialize(session, () => {
      const { cookie, ...data } = toPlain(session);
      return { data: this.encodeData(data), ...encodeCookie(cookie) };
    });
  }

  /** The part of {@link encode} that a touch needs. */
  encodeCookie(session: object): CookieText {
    return serialize(session, () => encodeCookie(toPlain(session)['cookie']));
  }

  /** @throws SessileError `SESSILE_CORRUPT` */
  decode(entry: Entry): Record<string, unknown> {
    return deserialize(() => {
      const session = this.#parse(entry.data);
      if (entry.cookie !== '') session['cookie'] = decodeCookie(entry.cookie, entry.expires);
      return session;
    });
  }

  /** An entry's data is JSON whatever the serializer makes, so a backend may keep it inside a JSON document. */
  encodeData(data: object): string {
    if (this.#custom === undefined) return JSON.stringify(data);
    const text: unknown = this.#custom.stringify(data);
    if (typeof text === 'string') return JSON.stringify(text);
    throw new TypeError(`serializer.stringify must answer a string, not ${describe(text)}`);
  }

  /** @throws SessileError `SESSILE_CORRUPT` */
  decodeData(data: string): Record<string, unknown> {
    return deserialize(() => this.#parse(data));
  }

  #parse(data: string): Record<string, unknown> {
    let value: unknown;
    if (this.#custom === undefined) value = JSON.parse(data);
    else value = this.#custom.parse(data.startsWith('"') ? (JSON.parse(data) as string) : data);
    if (isFields(value)) return value;
    throw new TypeError(`expected an object, found ${describe(value)}`);
  }
}

function serialize<T>(session: unknown, act: () => T): T {
  checkSession(session);
  try {
    return act();
  } catch (cause) {
    throw new SessileError('SESSILE_SERIALIZE', 'The session cannot be written as text; nothing was stored', { cause });
  }
}

function deserialize<T>(act: () => T): T {
  try {
    return act();
  } catch (cause) {
    throw new SessileError('SESSILE_CORRUPT', 'A stored session cannot be read', { cause });
  }
}

/** A cookie's text as it is stored. @throws SessileError `SESSILE_CORRUPT` */
export function readCookie(text: string): unknown {
  return deserialize(() => JSON.parse(text) as unknown);
}
