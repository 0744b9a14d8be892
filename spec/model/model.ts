import { isDeepStrictEqual } from 'node:util';
import type { Session } from 'express-session';
import { type CookieShape, isCanonical, type SessionShape, TTL, type Values } from './shapes.js';

/** A cookie as it is kept: `expires` holds no date, but says whether the entry's deadline is one. */
type KeptCookie = Readonly<Record<string, unknown>> | undefined;

interface Kept {
  readonly data: Values;
  readonly cookie: KeptCookie;
  readonly expires: number;
}

/** What a request was given when it loaded its session, and the express-session Session that was made of it. */
export interface LoadedSession {
  readonly id: string;
  readonly session: Session & Values;
  base: Kept;
}

const DATED = 'deadline';

/** What the store should do, in the plainest words: a Map, a clock that somebody moves, and nothing asynchronous. */
export class ModelStore {
  now = 1_700_000_000_000;
  readonly #kept = new Map<string, Kept>();

  get(id: string): Values | undefined {
    const kept = this.#living(id);
    return kept && view(kept);
  }

  set(id: string, { data, cookie }: SessionShape): void {
    this.#keep(id, { data: plain(data), ...this.#cookie(cookie) });
  }

  touch(id: string, shape: CookieShape): void {
    const kept = this.#living(id);
    if (kept) this.#kept.set(id, { data: kept.data, ...this.#cookie(shape) });
  }

  destroy(id: string): void {
    this.#kept.delete(id);
  }

  /** @param next what the change answered for what {@link get} shows */
  update(id: string, next: Values | undefined): Values | undefined {
    if (next === undefined) this.destroy(id);
    else this.#keep(id, this.#entryOf(next));
    return this.get(id);
  }

  /** For a session that {@link isCanonical}: express-session brings any other cookie into its own form. */
  load(id: string, session: Session & Values): LoadedSession | undefined {
    const kept = this.#living(id);
    if (kept === undefined || !isCanonical(kept.cookie)) return undefined;
    return { id, session, base: { ...kept, data: this.#entryOf(session).data } };
  }

  /** What is there wins, but for keys that the request changed; a request's cookie is never changed but for its date. */
  save(loaded: LoadedSession): void {
    const { id, session, base } = loaded;
    const ours = this.#entryOf(session);
    loaded.base = { ...ours, cookie: base.cookie };
    const theirs = this.#living(id);
    if (theirs === undefined) {
      this.destroy(id);
      return;
    }
    const keys = new Set([...Object.keys(ours.data), ...Object.keys(theirs.data)]);
    const merged = [...keys].flatMap((key) => {
      const from = isSameAt(key, base.data, ours.data) ? theirs.data : ours.data;
      return Object.hasOwn(from, key) ? [[key, from[key]] as const] : [];
    });
    this.#keep(id, {
      data: Object.fromEntries(merged),
      cookie: theirs.cookie,
      expires: mergedDeadline(base, theirs, ours),
    });
  }

  /** The touch that express-session makes at the end of a request that changed nothing. */
  extend(loaded: LoadedSession): void {
    const { id, session, base } = loaded;
    const { expires } = this.#entryOf(session);
    const kept = this.#living(id);
    if (kept && isDeepStrictEqual(kept.cookie, base.cookie)) this.#kept.set(id, { ...kept, expires });
    loaded.base = { ...base, expires };
  }

  clear(): void {
    this.#kept.clear();
  }

  /** How many dead ones it removed. */
  prune(): number {
    const dead = [...this.#kept.keys()].filter((id) => this.#living(id) === undefined);
    for (const id of dead) this.#kept.delete(id);
    return dead.length;
  }

  ids(): string[] {
    return [...this.#kept.keys()].filter((id) => this.#living(id) !== undefined);
  }

  all(): Record<string, Values> {
    const all = Object.create(null) as Record<string, Values>;
    for (const id of this.ids()) all[id] = this.get(id) as Values;
    return all;
  }

  #living(id: string): Kept | undefined {
    const kept = this.#kept.get(id);
    return kept !== undefined && this.now < kept.expires ? kept : undefined;
  }

  #keep(id: string, kept: Kept): void {
    if (this.now < kept.expires) this.#kept.set(id, kept);
    else this.#kept.delete(id);
  }

  #cookie(shape: CookieShape): { cookie: KeptCookie; expires: number } {
    if (shape === undefined) return { cookie: undefined, expires: this.now + TTL };
    const { lasts, ...fields } = shape;
    if (typeof lasts === 'number') return { cookie: { ...fields, expires: DATED }, expires: this.now + lasts };
    if (lasts === 'unsaid') return { cookie: fields, expires: this.now + TTL };
    return { cookie: { ...fields, expires: null }, expires: this.now + TTL };
  }

  #entryOf(session: Values): Kept {
    const { cookie, ...data } = plain(session);
    if (cookie === undefined) return { data, ...this.#cookie(undefined) };
    const { expires, ...fields } = cookie as Values;
    if (typeof expires === 'string')
      return { data, cookie: { ...fields, expires: DATED }, expires: Date.parse(expires) };
    const unsaid = !Object.hasOwn(cookie as Values, 'expires');
    return { data, cookie: unsaid ? fields : { ...fields, expires: null }, expires: this.now + TTL };
  }
}

function view({ data, cookie, expires }: Kept): Values {
  if (cookie === undefined) return plain(data);
  const shown = cookie['expires'] === DATED ? { ...cookie, expires: new Date(expires) } : cookie;
  return { ...plain(data), cookie: { ...shown } };
}

function plain(value: Values): Values {
  return JSON.parse(JSON.stringify(value)) as Values;
}

function isSameAt(key: string, a: Values, b: Values): boolean {
  return Object.hasOwn(a, key) === Object.hasOwn(b, key) && isDeepStrictEqual(a[key], b[key]);
}

/** Who alone moved it decides; a request never changes its cookie's lifetime. */
function mergedDeadline(base: Kept, theirs: Kept, ours: Kept): number {
  if (!isSameLifetime(theirs.cookie, base.cookie) || ours.expires === base.expires) return theirs.expires;
  return theirs.expires === base.expires ? ours.expires : Math.max(theirs.expires, ours.expires);
}

function isSameLifetime(a: KeptCookie, b: KeptCookie): boolean {
  return a?.['expires'] === b?.['expires'] && a?.['originalMaxAge'] === b?.['originalMaxAge'];
}
