import { dateOf } from './cookie-text.js';

/**
 * A stored cookie as stores for express-session expect one in a session that they are given: `expires` is a Date where it
 * names one, and there is a `maxAge`, the ms that are left or null, which JSON must not see.
 */
export function liveCookie(stored: Readonly<Record<string, unknown>>, now: () => number): Record<string, unknown> {
  const { maxAge: _, ...others } = stored;
  const cookie: Record<string, unknown> = others;
  const date = dateOf(stored['expires']);
  if (date !== undefined) cookie['expires'] = new Date(date);
  const maxAge = () => (date === undefined ? null : date - now());
  return Object.defineProperty(cookie, 'maxAge', { get: maxAge, enumerable: false, configurable: true });
}
