import { END_OF_TIME, isExpired } from './backend.js';
import { misuse } from './errors.js';
import { checkDuration, checkFunction, describe } from './internal/options.js';

export { dateOf } from './internal/cookie-text.js';
export { isExpired };

const ONE_DAY = 86_400_000;

export interface ExpiryOptions<Session> {
  /**
   * How long a session lives whose cookie has no date (a browser-session cookie, or no cookie at all), in milliseconds
   * from its last save or touch; or a function of the session and its id that answers that. Default: one day.
   */
  ttl?: number | ((session: Session, sid: string) => number);
  /** The clock, in milliseconds since the epoch. Default: `Date.now`. */
  now?: () => number;
}

/** The time of day in ms since the epoch, for options `now` whose default it is. */
export const systemClock: () => number = Date.now;

/** Turns cookies and `ttl` into deadlines. The only reader of a clock. */
export class Expiry<Session> {
  readonly #ttl: number | ((session: Session, sid: string) => number);
  readonly now: () => number;

  constructor(where: string, { ttl = ONE_DAY, now = systemClock }: ExpiryOptions<Session>) {
    if (typeof ttl !== 'function') checkDuration(where, 'ttl', ttl, 1);
    checkFunction(where, 'now', now);
    this.#ttl = ttl;
    this.now = now;
  }

  /** The deadline of a session whose cookie expires at `date`, or has no date. Whole ms since the epoch. */
  deadline(date: number | undefined, session: Session, sid: string): number {
    const at = date ?? this.now() + this.#lifetime(session, sid);
    return Math.min(Math.max(Math.trunc(at), 0), END_OF_TIME);
  }

  #lifetime(session: Session, sid: string): number {
    if (typeof this.#ttl === 'number') return this.#ttl;
    const answer = this.#ttl(session, sid);
    if (typeof answer === 'number' && answer >= 0) return answer;
    throw misuse(`ttl(session, sid) must answer a number of milliseconds >= 0, not ${describe(answer)}`);
  }
}
