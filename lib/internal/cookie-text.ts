import { types } from 'node:util';
import { isFields } from './merge-fields.js';
import { describe } from './options.js';

/**
 * Stands in a stored cookie for a date in `expires`. The date itself is the entry's deadline: a touch moves it without
 * changing the cookie's text, and two requests that were merely touched at different times have the same cookie.
 */
const AT_DEADLINE = 'deadline';

/** A cookie as text, and the moment that its `expires` names, in ms since the epoch. */
export interface CookieText {
  readonly cookie: string;
  readonly date: number | undefined;
}

/** A cookie's `expires` that is no date (null, false, an invalid Date) says that the browser ends the session. */
export function encodeCookie(cookie: unknown): CookieText {
  if (typeof cookie !== 'object' || cookie === null) return { cookie: JSON.stringify(cookie) ?? '', date: undefined };
  const plain = toPlain(cookie);
  if (!('expires' in plain)) return { cookie: JSON.stringify(plain), date: undefined };
  const date = dateOf(plain['expires']);
  return { cookie: write(plain, date === undefined ? null : AT_DEADLINE), date };
}

type Expires = typeof AT_DEADLINE | null;

/** The cookie that was written last: nearly all sessions of an app have the same one, and to compare is a quarter. */
let written: { keys: string[]; values: unknown[]; expires: Expires; text: string } | undefined;

function write(plain: Record<string, unknown>, expires: Expires): string {
  const [keys, values] = [Object.keys(plain), Object.values(plain)];
  if (written?.expires === expires && isWritten(written, keys, values)) return written.text;
  const text = JSON.stringify({ ...plain, expires });
  if (values.every((value, at) => keys[at] === 'expires' || isFixed(value))) written = { keys, values, expires, text };
  return text;
}

/** Every other attribute than `expires`, in the same order. */
function isWritten(before: { keys: string[]; values: unknown[] }, keys: string[], values: unknown[]): boolean {
  if (before.keys.length !== keys.length) return false;
  for (let at = 0; at < keys.length; at += 1) {
    if (before.keys[at] !== keys[at]) return false;
    if (before.values[at] !== values[at] && keys[at] !== 'expires') return false;
  }
  return true;
}

/** A value that is what it is: an object can change, and a function can have a toJSON. */
function isFixed(value: unknown): boolean {
  return value === null || (typeof value !== 'object' && typeof value !== 'function');
}

/** The cookie of a text that {@link encodeCookie} made, with the deadline where it had a date. */
export function decodeCookie(text: string, deadline: number): unknown {
  if (text !== read?.text) return parse(text, deadline);
  const cookie: { expires?: unknown } = { ...read.cookie };
  if (read.isDated) cookie.expires = new Date(deadline);
  return cookie;
}

/**
 * The cookie that was read last. Nearly all sessions of an app have the same text, and a copy costs an eighth of reading
 * it. Kept only where all its attributes are fixed values, so that a copy shares nothing.
 */
let read: { readonly text: string; readonly cookie: object; readonly isDated: boolean } | undefined;

function parse(text: string, deadline: number): unknown {
  const cookie: unknown = JSON.parse(text);
  const isDated = isFields(cookie) && cookie['expires'] === AT_DEADLINE;
  if (isFields(cookie) && Object.values(cookie).every(isFixed)) read = { text, cookie: { ...cookie }, isDated };
  if (isDated) cookie['expires'] = new Date(deadline);
  return cookie;
}

/** The moment that a cookie's `expires` names, in ms since the epoch: a Date, a date string or a number. */
export function dateOf(expires: unknown): number | undefined {
  const at = types.isDate(expires) ? expires.getTime() : typeof expires === 'string' ? Date.parse(expires) : expires;
  return typeof at === 'number' && Number.isFinite(at) ? at : undefined;
}

/** What JSON takes an object for. */
export function toPlain(value: object): Record<string, unknown> {
  const { toJSON } = value as { toJSON?: unknown };
  const plain: unknown = typeof toJSON === 'function' ? toJSON.call(value) : value;
  if (typeof plain === 'object' && plain !== null) return plain as Record<string, unknown>;
  throw new TypeError(`toJSON must answer an object, not ${describe(plain)}`);
}
