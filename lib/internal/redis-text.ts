import type { Entry } from '../backend.js';
import { dateOf, encodeCookie } from './cookie-text.js';

/*
 * An entry as connect-redis keeps a session: one JSON object, the cookie in it. The deadline is inside, as text of fixed
 * width in one place, so that a touch rewrites 24 bytes:
 *
 *     {"cookie":{"originalMaxAge":60000,"expires":"2026-11-21T13:42:35.000Z","path":"/"},"user":"ada"}
 *     {"cookie":{"originalMaxAge":null,"expires":null,"path":"/","deadline":"2026-11-21T13:42:35.000Z"},"user":"ada"}
 *     {"sessile":{"deadline":"2026-11-21T13:42:35.000Z","cookie":…,"data":…}}
 *
 * The first is a cookie with a date, which is the deadline; express-session reads and writes it so. The second is a
 * cookie without one: express-session ignores the attribute, and drops it when it saves the session by connect-redis.
 * The third is what is no session of express-session: without a cookie, or with data that a serializer made.
 */

/** What was found. Without `expires` the text names no deadline: connect-redis wrote it, for a cookie without a date. */
export type Found = Omit<Entry, 'expires'> & { readonly expires: number | undefined };

/** What an Entry's cookie has in place of its date. */
const PLACE = '"expires":"deadline"';
const FLAT_COOKIE = /^\{"cookie":(\{(?:[^"{}]|"(?:[^"\\]|\\.)*")*\})/;
const DATED = /([{,]"expires":")(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"/;
const MARKED = /(?:,|(?<=^\{))"deadline":"([^"]+)"\}$/;
const ENVELOPE = /^\{"sessile":\{"deadline":"([^"]+)"(?:,"cookie":|,"data":)/;

/** Where in a text the deadline stands: what is before it, and what is between it and the data. */
export interface Frame {
  readonly head: string;
  readonly tail: string;
}

let framed: { readonly cookie: string; readonly frame: Frame } | undefined;

/** The frame of an entry with this cookie; undefined where the entry needs an envelope. Nearly all have the same. */
export function frameOf(cookie: string): Frame | undefined {
  if (framed?.cookie === cookie) return framed.frame;
  const frame = makeFrame(cookie);
  if (frame) framed = { cookie, frame };
  return frame;
}

function makeFrame(cookie: string): Frame | undefined {
  const flat = FLAT_COOKIE.exec(`{"cookie":${cookie}`)?.[1];
  if (flat !== cookie || MARKED.test(cookie) || DATED.test(cookie)) return undefined;
  const open = `{"cookie":${cookie}`;
  const place = open.search(/(?<=[{,])"expires":"deadline"/);
  if (place !== -1) {
    const at = place + '"expires":"'.length;
    return { head: open.slice(0, at), tail: open.slice(place + PLACE.length - 1) };
  }
  const comma = cookie === '{}' ? '' : ',';
  return { head: `${open.slice(0, -1)}${comma}"deadline":"`, tail: '"}' };
}

/** A date of 24 characters; undefined for one that has more, past the year 9999. */
export function dateText(at: number): string | undefined {
  const whole = Math.trunc(at);
  const second = Math.floor(whole / 1_000);
  const start = starts.get(second) ?? startOf(second);
  return start && `${start}${String(whole - second * 1_000).padStart(3, '0')}Z`;
}

/**
 * What the dates of a second begin with. A busy server names two seconds, that of now and that of the new deadline, many
 * times: to make the text anew was the most that a touch took of this process.
 */
const starts = new Map<number, string>();
const SECONDS = 64;

function startOf(second: number): string | undefined {
  const text = new Date(second * 1_000).toISOString();
  if (text.length !== 24) return undefined;
  const start = text.slice(0, -4);
  if (starts.size >= SECONDS) starts.clear();
  starts.set(second, start);
  return start;
}

export function formatEntry({ data, cookie, expires }: Entry): string {
  const date = dateText(expires) ?? new Date(expires).toISOString();
  const frame = data.startsWith('{') && !data.startsWith('{"cookie":') ? frameOf(cookie) : undefined;
  if (frame === undefined) {
    const cookiePart = cookie === '' ? '' : `,"cookie":${cookie}`;
    return `{"sessile":{"deadline":"${date}"${cookiePart},"data":${data}}}`;
  }
  return `${frame.head}${date}${frame.tail}${data === '{}' ? '}' : `,${data.slice(1)}`}`;
}

/** @throws SyntaxError or TypeError for what is no session; its message may quote the text */
export function parseEntry(text: string): Found {
  return parseFlat(text) ?? parseEnvelope(text) ?? parseForeign(text);
}

/**
 * What {@link formatEntry} made, and what express-session and connect-redis make of the same session. Whether the data
 * can be read turns out when somebody reads it.
 */
function parseFlat(text: string): Found | undefined {
  const own = FLAT_COOKIE.exec(text);
  const kept = own?.[1];
  if (own === null || kept === undefined) return undefined;
  const rest = text.slice(own[0].length);
  if (!(rest === '}' || (rest.startsWith(',"') && rest.endsWith('}')))) return undefined;
  const data = rest === '}' ? '{}' : `{${rest.slice(1)}`;
  const marked = MARKED.exec(kept);
  if (marked) return { data, cookie: `${kept.slice(0, marked.index)}}`, expires: dateOf(marked[1]) };
  const dated = DATED.exec(kept);
  if (dated) return { data, cookie: kept.replace(DATED, '$1deadline"'), expires: dateOf(dated[2]) };
  return kept.includes('"expires":"') ? undefined : { data, cookie: kept, expires: undefined };
}

function parseEnvelope(text: string): Found | undefined {
  const own = ENVELOPE.exec(text);
  if (own === null) return undefined;
  const { sessile } = JSON.parse(text) as { sessile: { cookie?: unknown; data?: unknown } };
  const cookie = 'cookie' in sessile ? JSON.stringify(sessile.cookie) : '';
  return { data: JSON.stringify(sessile.data), cookie, expires: dateOf(own[1]) };
}

/** What somebody else wrote in an order, or with spaces, of their own. */
function parseForeign(text: string): Found {
  const session: unknown = JSON.parse(text);
  if (typeof session !== 'object' || session === null || Array.isArray(session)) throw new TypeError('no session');
  const { cookie, ...data } = session as { cookie?: unknown };
  const encoded = encodeCookie(cookie);
  return { data: JSON.stringify(data), cookie: encoded.cookie, expires: encoded.date };
}
