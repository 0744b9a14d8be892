import { toFields, toStored } from './cookie-key.js';
import { dateOf } from './cookie-text.js';
import type { Fields } from './merge-fields.js';

export interface RecordContext {
  /** ms that the store is to keep the session; else it says that the browser ends it. */
  readonly maxAge: unknown;
  /** The record that this one follows, if there is one. */
  readonly former?: object | undefined;
  /** Attributes of the cookie that the framework sends, for a record that has no former one. */
  readonly attributes?: object | undefined;
  readonly now: () => number;
}

const ATTRIBUTES = ['path', 'domain', 'httpOnly', 'secure', 'sameSite', 'priority', 'partitioned'];

/**
 * koa-session, and egg-session on it, keep no cookie in a session but `_expire` (epoch ms), `_maxAge` (ms) or `_session`.
 * Here that becomes a cookie as express-session keeps it, which carries the deadline for every kind of store. The store
 * is told to keep a session some seconds longer than `_expire`, so that koa-session sees for itself that it expired:
 * `grace` says how many ms.
 */
export function toRecord(data: object, { maxAge, former, attributes, now }: RecordContext): Fields {
  const { _expire, _maxAge, _session, ...own } = data as Fields;
  const [expire, lifetime, kept] = [_expire, _maxAge, maxAge].map(numberOf);
  const grace = kept === undefined || lifetime === undefined ? 0 : kept - lifetime;
  const fromOwn = expire === undefined ? undefined : expire + grace;
  const expires = fromOwn ?? (kept === undefined ? undefined : now() + kept);
  const cookie: Fields = {
    path: '/',
    httpOnly: true,
    ...pick(attributes),
    ...cookieOf(former),
    originalMaxAge: lifetime ?? kept ?? null,
    expires: expires === undefined ? null : new Date(expires),
  };
  delete cookie['grace'];
  if (fromOwn !== undefined && grace !== 0) cookie['grace'] = grace;
  return { ...unseenIn(former), ...toStored(withoutFunctions(own)), cookie };
}

/** What {@link toRecord} was given, of its record or of one that express-session wrote. */
export function fromRecord(record: object): Fields {
  const fields = toFields(record);
  const cookie = cookieOf(record);
  if (cookie === undefined) return fields;
  const expires = dateOf(cookie['expires']);
  if (expires === undefined) return { ...fields, _session: true };
  const lifetime = numberOf(cookie['originalMaxAge']);
  const expire = expires - (numberOf(cookie['grace']) ?? 0);
  return { ...fields, _expire: expire, ...(lifetime !== undefined && { _maxAge: lifetime }) };
}

/**
 * koa-session shows its users no key that starts with `_`, nor `isNew`, and saves none: where another framework put one
 * into a session that both use, its absence says nothing.
 */
function unseenIn(former: object | undefined): Fields {
  return Object.fromEntries(Object.entries(former ?? {}).filter(([key]) => key.startsWith('_') || key === 'isNew'));
}

function withoutFunctions(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => typeof value !== 'function'));
}

function pick(attributes: object | undefined): Fields {
  const found = Object.entries(attributes ?? {});
  return Object.fromEntries(found.filter(([key, value]) => ATTRIBUTES.includes(key) && value !== undefined));
}

function cookieOf(record: object | undefined): Fields | undefined {
  const cookie = (record as { cookie?: unknown } | undefined)?.cookie;
  return typeof cookie === 'object' && cookie !== null ? (cookie as Fields) : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
