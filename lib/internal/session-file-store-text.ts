import { END_OF_TIME, type Entry } from '../backend.js';
import { encodeCookie } from './cookie-text.js';
import { NotAnEntry } from './entry-text.js';
import { isFields } from './merge-fields.js';

/**
 * What session-file-store 1.5 wrote, unencrypted, as an entry; undefined for JSON without the mark that it puts on each
 * session, `__lastAccess`: that is somebody else's, or encrypted. The mark itself is no part of the data.
 * @param ttl for a session whose cookie names no lifetime, in ms
 * @throws NotAnEntry for what is no JSON
 */
export function parseSession(text: string, ttl: number): Entry | undefined {
  const session = parse(text);
  if (!isFields(session)) return undefined;
  const { cookie, __lastAccess: lastAccess, ...data } = session;
  if (typeof lastAccess !== 'number') return undefined;
  return {
    data: JSON.stringify(data),
    cookie: encodeCookie(cookie).cookie,
    expires: deadlineOf(lastAccess, lifetimeOf(cookie) ?? ttl),
  };
}

/** What JSON.parse says about broken text quotes it: that must not get into an error. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new NotAnEntry('the file is no JSON');
  }
}

/** There a session is alive in the very millisecond of its deadline, and dead without any lifetime. */
function deadlineOf(lastAccess: number, lifetime: number): number {
  const at = lifetime === 0 ? 0 : lastAccess + lifetime + 1;
  return Math.min(Math.max(Math.trunc(at), 0), END_OF_TIME);
}

function lifetimeOf(cookie: unknown): number | undefined {
  const age = isFields(cookie) ? cookie['originalMaxAge'] : undefined;
  return typeof age === 'number' && age !== 0 ? age : undefined;
}
