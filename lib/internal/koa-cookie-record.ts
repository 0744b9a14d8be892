import { dateOf } from './cookie-text.js';
import type { Fields } from './merge-fields.js';

/** What sessions of koa-generic-session and koa-session-ts have as `cookie`: options of the cookies package. */
export interface KoaCookie {
  maxAge?: number | null | undefined;
  expires?: Date | undefined;
  path?: string | undefined;
  signed?: boolean | undefined;
  [attribute: string]: unknown;
}

/**
 * The ms that a session lives by its cookie: by `expires` where the app set one, else by `maxAge`; undefined where the
 * browser ends it.
 */
export function lifetimeOf(cookie: unknown, now: () => number): number | undefined {
  const { maxAge, expires } = (cookie ?? {}) as Fields;
  const at = dateOf(expires);
  if (at !== undefined) return Math.ceil(at - now());
  return typeof maxAge === 'number' ? maxAge : undefined;
}

/**
 * The record of a session, as express-session would keep it. The deadline that every store goes by is not what the app
 * set as `expires`: that one is kept as `fixed`.
 * @param lifetime ms from now; undefined: the browser ends it, and the store's `ttl` counts
 */
export function toRecord(session: object, lifetime: number | undefined, now: () => number): Fields {
  const { cookie, ...own } = session as { cookie?: unknown };
  const { maxAge, expires, ...attributes } = (cookie ?? { path: '/', httpOnly: true }) as KoaCookie;
  const fixed = dateOf(expires);
  return {
    ...own,
    cookie: {
      ...attributes,
      originalMaxAge: typeof maxAge === 'number' ? maxAge : null,
      expires: lifetime === undefined ? null : new Date(now() + lifetime),
      ...(fixed !== undefined && { fixed }),
    },
  };
}

/**
 * The session of such a record. It has no `expires` of the record: koa-generic-session would take that for one that the
 * app set, and never extend it.
 */
export function fromRecord(record: object): Fields & { cookie: KoaCookie } {
  const { cookie, ...own } = record as { cookie?: unknown };
  const { originalMaxAge, expires, fixed, ...attributes } = (cookie ?? {}) as Fields;
  const lifetime = typeof originalMaxAge === 'number' ? originalMaxAge : null;
  const set = typeof fixed === 'number' ? { expires: new Date(fixed) } : {};
  return { ...own, cookie: { ...attributes, maxAge: lifetime, ...set } };
}
