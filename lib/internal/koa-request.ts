import type { Context } from 'koa';
import type { Awaitable } from '../backend.js';
import type { Availability } from './availability.js';
import type { KoaCookie } from './koa-cookie-record.js';
import type { CookieSession, CookieSessions } from './koa-cookie-sessions.js';

/** The default of koa-session-ts. */
export const defaultCookie = { httpOnly: true, maxAge: 86_400_000, overwrite: true, path: '/', secure: false };

/** What one middleware does for all its requests. */
export interface KoaSettings {
  readonly key: string;
  readonly store: unknown;
  readonly sessions: CookieSessions;
  readonly availability: Availability;
  readonly cookieOptions: KoaCookie;
  readonly defer: boolean;
  readonly rolling: boolean;
  readonly allowEmpty: boolean;
  readonly genSid: (ctx: Context, length: number) => Awaitable<string>;
  readonly errorHandler: (error: Error, type: 'get' | 'set', ctx: Context) => unknown;
  readonly valid: (ctx: Context, session: CookieSession) => unknown;
  readonly beforeSave: (ctx: Context, session: CookieSession) => unknown;
}

type Value = Partial<CookieSession> | null | undefined;

/** The session of one request: loaded when it is first needed, saved at the end if it was changed. */
export class KoaRequest {
  readonly #ctx: Context;
  readonly #settings: KoaSettings;
  readonly #signed: boolean;
  #loading: Promise<void> | undefined;
  #regenerating: Promise<CookieSession> | undefined;
  #assigned = false;
  #session: Value;
  #isNew = true;
  #original: string | undefined;

  constructor(ctx: Context, settings: KoaSettings) {
    this.#ctx = ctx;
    this.#settings = settings;
    const { signed = Boolean(ctx.app.keys) } = settings.cookieOptions;
    this.#signed = Boolean(signed);
  }

  /** Puts on `ctx` what koa-session-ts puts there. */
  expose(): void {
    const [request, { defer, store }] = [this, this.#settings];
    Object.defineProperties(this.#ctx, {
      session: {
        enumerable: true,
        configurable: true,
        get: () => (defer ? unheeded(request.load().then(() => request.#session)) : request.#session),
        set: (value: Value) => request.#assign(value),
      },
      sessionStore: { enumerable: true, value: store },
      sessionSave: { enumerable: true, writable: true, value: null },
      regenerateSession: { enumerable: true, value: () => request.#beginAnew() },
    });
  }

  /** Once per request. Rejects with what the store, or who judges sessions, rejected with. */
  load(): Promise<void> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  /**
   * Rejects with what stops it. A handler need not have waited for the new session that it asked for: of one that could
   * not begin the app is told, unless that is what the handler has `thrown`.
   */
  async commit(thrown?: unknown): Promise<void> {
    if (this.#loading === undefined && !this.#assigned) return;
    await this.load();
    await this.#regenerating?.catch((error: unknown) => {
      if (error !== thrown) this.#ctx.app.emit('error', error, this.#ctx);
    });
    const { sessionSave } = this.#ctx;
    if (sessionSave === false) return;
    if (!this.#session) await this.#end();
    else if (sessionSave === true || this.#isToSave(this.#session)) await this.#save(this.#session);
  }

  async #load(): Promise<void> {
    await this.#settings.availability.ready();
    this.#ctx.sessionId ||= this.#ctx.cookies.get(this.#settings.key, { signed: this.#signed });
    const found = this.#ctx.sessionId && (await this.#find(this.#ctx.sessionId));
    const session = found || (await this.#start());
    this.#isNew = !found;
    this.#original = textOf(session);
    if (!this.#assigned) this.#session = session;
  }

  /** Where the store fails and the app's handler goes on without a session, the visitor keeps his cookie for later. */
  async #find(sid: string): Promise<CookieSession | undefined> {
    const { sessions, errorHandler, valid } = this.#settings;
    let session: CookieSession | undefined;
    try {
      session = await sessions.get(sid, this.#ctx);
    } catch (error) {
      await errorHandler(error as Error, 'get', this.#ctx);
      return undefined;
    }
    if (session && (await valid(this.#ctx, session))) return session;
    this.#clearCookie();
    return undefined;
  }

  async #start(): Promise<CookieSession> {
    this.#ctx.sessionId = await this.#settings.genSid(this.#ctx, 24);
    return { cookie: this.#newCookie() };
  }

  #newCookie(): KoaCookie {
    return { ...defaultCookie, ...this.#settings.cookieOptions, signed: this.#signed };
  }

  #assign(value: Value): void {
    this.#assigned = true;
    this.#session = value;
  }

  #beginAnew(): Promise<CookieSession> {
    this.#regenerating = unheeded(this.#regenerate());
    return this.#regenerating;
  }

  async #regenerate(): Promise<CookieSession> {
    await this.load();
    if (!this.#isNew) await this.#settings.sessions.destroy(this.#ctx.sessionId);
    const session = await this.#start();
    this.#clearCookie();
    this.#isNew = true;
    this.#original = textOf(session);
    this.#assign(session);
    return session;
  }

  /** There may be nothing to end: then the visitor's cookie is not ours to clear. */
  async #end(): Promise<void> {
    if (this.#isNew) return;
    this.#clearCookie();
    await this.#settings.sessions.destroy(this.#ctx.sessionId);
  }

  #isToSave(session: Partial<CookieSession>): boolean {
    const { allowEmpty, rolling } = this.#settings;
    const text = textOf(this.#complete(session));
    return text === undefined || text !== this.#original || (this.#isNew ? allowEmpty : rolling);
  }

  async #save(session: Partial<CookieSession>): Promise<void> {
    const { sessions, beforeSave, errorHandler } = this.#settings;
    await beforeSave(this.#ctx, session as CookieSession);
    const saved = this.#complete(session);
    try {
      await sessions.set(this.#ctx.sessionId, saved, { holder: this.#ctx });
    } catch (error) {
      await errorHandler(error as Error, 'set', this.#ctx);
      return;
    }
    this.#setCookie(this.#ctx.sessionId, saved.cookie);
  }

  /** An object that the app put in the session's place need not have a cookie. */
  #complete(session: Partial<CookieSession>): CookieSession {
    return session.cookie ? (session as CookieSession) : { ...session, cookie: this.#newCookie() };
  }

  #clearCookie(): void {
    const { maxAge, expires, ...attributes } = this.#newCookie();
    this.#setCookie(null, attributes);
  }

  /** Whatever the session's cookie says, it is signed as it will be read. */
  #setCookie(value: string | null, cookie: KoaCookie): void {
    if (this.#ctx.headerSent) return;
    this.#ctx.cookies.set(this.#settings.key, value, { ...(cookie as object), signed: this.#signed });
  }
}

/** Nobody need wait for it: the end of the request does. */
function unheeded<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** Undefined for what is no JSON: the store will say so. */
function textOf(session: object): string | undefined {
  try {
    return JSON.stringify(session);
  } catch {
    return undefined;
  }
}
