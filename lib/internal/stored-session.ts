import { dateOf } from './cookie-text.js';
import { type Fields, isFields } from './merge-fields.js';

/**
 * A fresh session that express-session can load, made of what a promise store answered; undefined where that is no
 * session. express-session fails without a cookie, and lets a session live for ever whose cookie lacks `originalMaxAge`
 * or `expires`: what is missing is made of the other one, of `cookie.maxAge` (ms), or of what koa-session writes in place
 * of a cookie (`_expire`, `_maxAge`, `_session`), and is null where nothing tells it.
 *
 * @throws what JSON.stringify throws
 */
export function storedSession(answer: unknown, now: number): Fields | undefined {
  if (!isFields(answer)) return undefined;
  const { cookie, ...fields } = JSON.parse(JSON.stringify(answer)) as Fields;
  if (isFields(cookie)) return { ...fields, cookie: whole(cookie, now) };
  const { _expire, _maxAge, _session, ...data } = fields;
  return { ...data, cookie: { ...lifetime(_expire, _maxAge, now), httpOnly: true, path: '/' } };
}

function whole(cookie: Fields, now: number): Fields {
  if ('originalMaxAge' in cookie && 'expires' in cookie) return cookie;
  const { maxAge, originalMaxAge = maxAge, expires, ...others } = cookie;
  return { ...others, ...lifetime(expires, originalMaxAge, now) };
}

function lifetime(expires: unknown, maxAge: unknown, now: number): Fields {
  const known = typeof maxAge === 'number' ? maxAge : undefined;
  const date = dateOf(expires) ?? (known === undefined ? undefined : now + known);
  if (date === undefined) return { originalMaxAge: null, expires: null };
  return { originalMaxAge: known ?? date - now, expires: new Date(date) };
}
