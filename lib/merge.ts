import { isDeepStrictEqual } from 'node:util';
import type { Entry } from './backend.js';
import { misuse } from './errors.js';
import { companion } from './internal/companion.js';
import { type Fields, isFields, isPlain, mergeFields } from './internal/merge-fields.js';
import { type Codec, readCookie } from './record.js';

/**
 * What a save does when somebody else saved the same session since this request loaded it: `'merge'` (default) keeps
 * both requests' changes, by top-level key; `'overwrite'` writes what this request has, and brings back what was
 * destroyed; a function is given the session as loaded, as stored now and as this request wants it, and answers what to
 * store. Synchronous and pure: it may be called more than once for one save.
 */
export type Concurrency<Session> = 'merge' | 'overwrite' | ((base: Session, theirs: Session, ours: Session) => Session);

/** What a request was given to start from. */
export interface Baseline extends Entry {
  readonly sid: string;
  /** Keys that the framework did not carry into its session object, so that their absence there says nothing. */
  readonly hidden: readonly string[];
}

/** What a save put together for the storage, of what it was given, and what the request had then. */
export interface Written {
  readonly ours: Entry;
  readonly stored: Entry;
  readonly had: Baseline;
}

const NONE: readonly string[] = [];

/**
 * Remembers what each session object started from, for as long as the object lives. `get` *gives* a baseline with the
 * data that it hands out; a framework that makes a session object of that data *takes* it over. Data that was only read
 * has no baseline for a save: whoever passes a plain object to `set` means that object.
 */
export class Baselines {
  readonly #given = companion<Baseline>();
  readonly #taken = companion<Baseline>();
  readonly #wrote = companion<Written>();

  give(data: object, sid: string, { data: text, cookie, expires }: Entry): void {
    this.#given.set(data, { sid, data: text, cookie, expires, hidden: NONE });
  }

  /** @param data what was given, or a session object that took it before */
  take(data: object, session: object): void {
    const baseline = this.#taken.get(data) ?? this.#given.get(data);
    if (baseline === undefined) return;
    const hidden = isPlain(session) ? baseline.hidden : hiddenFrom(session, Object.keys(data));
    this.#taken.set(session, { ...baseline, hidden });
  }

  /** Whether a save of `session` may have anything to start from. */
  knows(session: object): boolean {
    return this.#taken.get(session) !== undefined || this.#wrote.get(session) !== undefined;
  }

  /**
   * Whether saves of this object have to do with each other: a framework's session object, or one that took something
   * over. A plain object that took nothing over and is saved twice is written twice.
   */
  #isTied(session: object): boolean {
    return !isPlain(session) || this.#taken.get(session) !== undefined;
  }

  /** What the save before wrote, as far as is known. */
  written(session: object): Written | undefined {
    return this.#wrote.get(session);
  }

  /**
   * @param found what is stored now
   * @param wrote from before this save: what it would write itself where its first attempt succeeds counts for nothing here
   */
  of(sid: string, session: object, found?: Entry, wrote?: Written): Baseline | undefined {
    const baseline = wrote && found && isSameText(wrote.stored, found) ? wrote.had : this.#taken.get(session);
    return baseline?.sid === sid ? baseline : undefined;
  }

  /**
   * A save may be asked for while the one before it is under way: where it finds what that one `stored`, it starts from
   * what the request had then, although nobody knows yet that it succeeded.
   */
  wrote(session: object, sid: string, ours: Entry, stored: Entry): void {
    if (!this.#isTied(session)) return;
    this.#wrote.set(session, { ours, stored, had: this.#startFrom(session, sid, ours) });
  }

  /**
   * After a save the request starts from what it had, not from what was written: keys that others added are not in its
   * object, and would next look as if it had deleted them.
   */
  renew(session: object, sid: string, ours: Entry): void {
    if (!this.#isTied(session)) return;
    this.#taken.set(session, this.#startFrom(session, sid, ours));
  }

  #startFrom(session: object, sid: string, { data, cookie, expires }: Entry): Baseline {
    const former = this.of(sid, session);
    const hidden = hiddenFrom(session, former?.hidden ?? []);
    return { sid, data, cookie: withoutTick(former?.cookie ?? '', cookie), expires, hidden };
  }
}

/** express-session's Session has an `id` and a `req` of its own, which are no data: only what is enumerable counts. */
function hiddenFrom(session: object, keys: readonly string[]): string[] {
  return keys.filter((key) => !Object.prototype.propertyIsEnumerable.call(session, key));
}

function isSameText(a: Entry, b: Entry): boolean {
  return a.data === b.data && a.cookie === b.cookie;
}

/** What to store for a request that started from `base` and wants `wanted`, where `theirs` is stored now. */
export function mergeSave(base: Baseline, theirs: Entry, wanted: Entry, codec: Codec): Entry {
  return { ...mergeTouch(base, theirs, wanted), data: mergeData(base, theirs, wanted, codec) };
}

/** What to store for a request that changed nothing but its cookie. */
export function mergeTouch(base: Baseline, theirs: Entry, wanted: Omit<Entry, 'data'>): Entry {
  const ours = { ...wanted, cookie: withoutTick(base.cookie, wanted.cookie) };
  return {
    data: theirs.data,
    cookie: mergeCookie(base.cookie, theirs.cookie, ours.cookie),
    expires: mergeDeadline(base, theirs, ours),
  };
}

/** How much time may pass between two looks at the clock on a busy machine, in ms. */
const TICK = 100;

/**
 * express-session computes `originalMaxAge` anew each time it touches a session, from two looks at the clock: what passes
 * between them is missing. Nobody changed that attribute: it is the one that the request was given.
 */
export function withoutTick(base: string, ours: string): string {
  if (ours === base || base === '' || ours === '') return ours;
  const [was, wanted] = [base, ours].map(readCookie);
  if (!isFields(was) || !isFields(wanted) || !isTick(was, wanted)) return ours;
  const whole = { ...wanted, originalMaxAge: was['originalMaxAge'] };
  return isDeepStrictEqual(whole, was) ? base : JSON.stringify(whole);
}

function isTick({ originalMaxAge: was, expires }: Fields, { originalMaxAge: is, expires: until }: Fields): boolean {
  return typeof was === 'number' && typeof is === 'number' && is < was && was - is <= TICK && expires === until;
}

/** Nobody else changed what this request started from. */
export function isUntouched(base: Baseline, theirs: Entry): boolean {
  return isSameText(base, theirs);
}

function mergeData(base: Baseline, theirs: Entry, ours: Entry, codec: Codec): string {
  if (theirs.data === base.data && base.hidden.length === 0) return ours.data;
  const [was, is, wanted] = [base, theirs, ours].map(({ data }) => codec.decodeData(data)) as [Fields, Fields, Fields];
  for (const key of base.hidden) delete was[key];
  return codec.encodeData(mergeFields(was, is, wanted));
}

function mergeCookie(base: string, theirs: string, ours: string): string {
  if (ours === base) return theirs;
  if (theirs === base || base === '' || theirs === '' || ours === '') return ours;
  const [was, is, wanted] = [base, theirs, ours].map(readCookie);
  if (!isFields(was) || !isFields(is) || !isFields(wanted)) return ours;
  return JSON.stringify(mergeFields(was, is, wanted));
}

/**
 * Whoever changed how long the cookie lives set the deadline, or who alone moved it: an app may let a session end sooner
 * by its date alone. Of two touches the later counts.
 */
function mergeDeadline(base: Baseline, theirs: Entry, ours: Omit<Entry, 'data'>): number {
  if (!livesAsLong(base.cookie, ours.cookie)) return ours.expires;
  if (!livesAsLong(base.cookie, theirs.cookie)) return theirs.expires;
  if (theirs.expires === base.expires) return ours.expires;
  if (ours.expires === base.expires) return theirs.expires;
  return Math.max(theirs.expires, ours.expires);
}

function livesAsLong(a: string, b: string): boolean {
  return a === b || lifetimeIn(a) === lifetimeIn(b);
}

function lifetimeIn(cookie: string): string {
  const fields = cookie === '' ? undefined : readCookie(cookie);
  return isFields(fields) ? JSON.stringify([fields['expires'], fields['originalMaxAge']]) : cookie;
}

export function checkConcurrency<Session>(where: string, value: Concurrency<Session>): Concurrency<Session> {
  if (value === 'merge' || value === 'overwrite' || typeof value === 'function') return value;
  throw misuse(`${where}: concurrency must be 'merge', 'overwrite' or a function (base, theirs, ours) => session`);
}
