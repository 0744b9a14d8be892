import { createHash, hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Entry } from '../backend.js';
import { SessileError } from '../errors.js';

/**
 * How an entry looks in a file of its own. Valid JSON on one line; everything before `version` has a fixed width, so that
 * a touch is one write of a few bytes at {@link STAMP_AT}.
 *
 *     {"expires":   1763690000000,"check":"9e8f7a6b","sum":"1a2b3c4d","version":1,"sizes":[34,103],
 *     "sid":"…","cookie":{…},"data":{…}}
 *
 * `check` is the CRC-32 of the deadline's digits and `sum`; `sum` is the CRC-32 of all bytes from `"version"` on. So a
 * touch need not read the data, and yet no flipped byte and no cut-off end is taken for a session. `sizes` are the
 * lengths of the sid's and the cookie's text in UTF-16 units; a session without a cookie has no such key and size 0.
 */
const OPEN = '{"expires":';
const DIGITS = 16;
const HEAD = /^\{"expires":([ \d]{16}),"check":"([\da-f]{8})","sum":"([\da-f]{8})",$/;
/** Length of the part that carries the deadline and its check, with the sum: what {@link parseHead} needs. */
export const HEAD_BYTES = OPEN.length + DIGITS + ',"check":"01234567","sum":"01234567",'.length;
/** Where the bytes that a touch writes begin. */
export const STAMP_AT = OPEN.length;
const REST = /^"version":1,"sizes":\[(\d+),(\d+)\],"sid":/;

/** What a file can be found to be, when it is not an entry. */
export class NotAnEntry extends Error {}

export interface Head {
  readonly expires: number;
  readonly sum: string;
}

export function formatEntry(sid: string, { data, cookie, expires }: Entry): string {
  const id = JSON.stringify(sid);
  const tail = cookie === '' ? `,"data":${data}}\n` : `,"cookie":${cookie},"data":${data}}\n`;
  const rest = `"version":1,"sizes":[${id.length},${cookie.length}],"sid":${id}${tail}`;
  const sum = hex(crc32(rest));
  return `${OPEN}${formatStamp(expires, sum)}","sum":"${sum}",${rest}`;
}

/** The bytes that a touch writes at {@link STAMP_AT}. */
export function formatStamp(expires: number, sum: string): string {
  const digits = String(expires).padStart(DIGITS);
  return `${digits},"check":"${hex(crc32(digits + sum))}`;
}

/** @throws NotAnEntry */
export function parseHead(bytes: Buffer, length: number): Head {
  const match = length < HEAD_BYTES ? null : HEAD.exec(bytes.toString('latin1', 0, HEAD_BYTES));
  if (match === null) throw new NotAnEntry('the file does not begin like a session');
  const [, digits = '', check = '', sum = ''] = match;
  if (crc32(digits + sum) !== sumOf(check)) throw new NotAnEntry('the deadline does not match its check');
  return { expires: Number(digits), sum };
}

/** @throws NotAnEntry; SessileError `SESSILE_FORMAT` */
export function parseEntry(bytes: Buffer, length: number): Entry & { readonly sid: string } {
  const { expires, sum } = parseHead(bytes, length);
  const rest = bytes.subarray(HEAD_BYTES, length);
  if (crc32(rest) !== sumOf(sum)) throw new NotAnEntry('the content does not match its sum');
  return { expires, ...parseRest(rest.toString()) };
}

/**
 * The part before the data, from the first bytes of a file, with the id as JSON text. Undefined where the part is longer,
 * and where it has another form: that is for {@link parseEntry} to judge, which sees all that the sum covers.
 * @throws NotAnEntry
 */
export function parseFront(
  bytes: Buffer,
  length: number,
): (Omit<Entry, 'data'> & { id: string; sum: string }) | undefined {
  const head = parseHead(bytes, length);
  const text = bytes.toString('utf8', HEAD_BYTES, length);
  const places = findParts(text);
  if (places === undefined || places.cookieEnd > text.length) return undefined;
  return { ...head, ...cut(text, places) };
}

/** The sum matched, so this is the text that {@link formatEntry} wrote, or what took its place in another version. */
function parseRest(text: string): { sid: string; cookie: string; data: string } {
  const places = findParts(text);
  if (places === undefined) {
    throw new SessileError('SESSILE_FORMAT', 'A session file was written by another version of sessile');
  }
  const { id, cookie } = cut(text, places);
  return { sid: textOf(id), cookie, data: text.slice(places.cookieEnd + ',"data":'.length, -2) };
}

/** What JSON text of a string says. To look for escapes, of which hardly any id has one, costs less than to parse it. */
function textOf(json: string): string {
  return json.includes('\\') ? (JSON.parse(json) as string) : json.slice(1, -1);
}

interface Places {
  readonly idAt: number;
  readonly idEnd: number;
  readonly cookieAt: number;
  readonly cookieEnd: number;
}

function findParts(text: string): Places | undefined {
  const match = REST.exec(text);
  if (match === null) return undefined;
  const idAt = match[0].length;
  const idEnd = idAt + Number(match[1]);
  const cookieSize = Number(match[2]);
  const cookieAt = idEnd + (cookieSize === 0 ? 0 : ',"cookie":'.length);
  return { idAt, idEnd, cookieAt, cookieEnd: cookieAt + cookieSize };
}

function cut(text: string, { idAt, idEnd, cookieAt, cookieEnd }: Places): { id: string; cookie: string } {
  return { id: text.slice(idAt, idEnd), cookie: text.slice(cookieAt, cookieEnd) };
}

/**
 * The name that an id has on disk: 64 lower-case hex digits. UTF-8 has no form for a lone surrogate and would make all of
 * them one; ids that have any are hashed as UTF-16 behind a byte that no UTF-8 text contains.
 */
export function nameOf(sid: string): string {
  if (sid.isWellFormed()) return hash('sha256', sid);
  return createHash('sha256').update('\xff', 'latin1').update(sid, 'utf16le').digest('hex');
}

/** What the name of an entry's file ends with, behind {@link nameOf}. */
export const SUFFIX = '.json';

const FILE_NAME = /^[\da-f]{64}\.json$/;

/** Whether a file of this name is ours, as far as the name tells. */
export function isFileName(name: string): boolean {
  return FILE_NAME.test(name);
}

/** For comparing: to write the other one as hex takes longer than to read this. */
function sumOf(hex: string): number {
  return Number.parseInt(hex, 16);
}

function hex(sum: number): string {
  return sum.toString(16).padStart(8, '0');
}
