import type { Entry } from '../backend.js';
import { decodeCookie, encodeCookie, toPlain } from './cookie-text.js';
import { liveCookie } from './live-cookie.js';
import { type Fields, isFields } from './merge-fields.js';

/**
 * Kept inside the cookie of what we hand to somebody else's store: express-session drops it when it saves such a session
 * by itself, and with it goes what it says.
 */
interface Note {
  /** The deadline in ms since the epoch. */
  readonly deadline: number;
  /** The entry's cookie, where it is no JSON object. */
  readonly cookie?: string;
  /** The entry's data, where it is no JSON object. */
  readonly data?: string;
}

const NOTE = 'sessile';

/** What session-file-store writes into each session that it keeps; it is none of the app's. */
const STAMP = '__lastAccess';

/** What express-session needs of a cookie that nobody gave. */
const BARE = { originalMaxAge: null, expires: null, httpOnly: true, path: '/' };

/** An entry as the session that express-session would hand to a store. */
export function toForeign({ data, cookie, expires }: Entry, now: () => number): object {
  const fields: unknown = JSON.parse(data);
  const attributes = cookie === '' ? undefined : decodeCookie(cookie, expires);
  const note: Note = {
    deadline: expires,
    ...(!isFields(attributes) && { cookie }),
    ...(!isFields(fields) && { data }),
  };
  const foreign = liveCookie({ ...(isFields(attributes) ? attributes : BARE), [NOTE]: note }, now);
  return { ...(isFields(fields) && fields), cookie: foreign };
}

/**
 * A session that somebody else's store answered, as an entry. Its deadline is known where we wrote it and nobody else did
 * since. Else the store is trusted: its cookie's date may be stale, as many stores do not write it when they touch.
 *
 * @param deadline of a session whose cookie expires at a date, or has no date
 * @throws what JSON.stringify and `deadline` throw
 */
export function fromForeign(found: object, now: number, deadline: (date?: number) => number): Entry {
  const { cookie, ...fields } = toPlain(found);
  if (typeof fields[STAMP] === 'number') delete fields[STAMP];
  const { [NOTE]: note, ...attributes } = isFields(cookie) ? toPlain(cookie) : {};
  const { cookie: text, date } = encodeCookie(isFields(cookie) ? attributes : cookie);
  if (isNote(note) && (date === undefined || date === note.deadline)) {
    return { data: note.data ?? JSON.stringify(fields), cookie: note.cookie ?? text, expires: note.deadline };
  }
  const expires = deadline(date !== undefined && date > now ? date : renewed(attributes, now));
  return { data: JSON.stringify(fields), cookie: text, expires };
}

/** As express-session does it with a session whose date has passed: it lives once more as long as it was made for. */
function renewed({ originalMaxAge }: Fields, now: number): number | undefined {
  return typeof originalMaxAge === 'number' && originalMaxAge > 0 ? now + originalMaxAge : undefined;
}

function isNote(value: unknown): value is Note {
  return isFields(value) && typeof value['deadline'] === 'number';
}
