import { toFields, toStored } from './cookie-key.js';
import type { RecordChange, RecordStore, SessionRecord } from './record-store.js';

/** A session as express-session's stores keep it: data beside its cookie. */
interface Kept {
  cookie: {
    originalMaxAge: number | null;
    expires?: Date | string | null | undefined;
    path?: string | undefined;
    httpOnly?: boolean | undefined;
  };
}

/** A store of ours, as far as records need it. */
export interface KeptSessions {
  getAsync(sid: string): Promise<Kept | undefined>;
  setAsync(sid: string, session: Kept): Promise<void>;
  destroyAsync(sid: string): Promise<void>;
  updateAsync(sid: string, change: (session: Kept | undefined) => Kept | undefined): Promise<unknown>;
}

export interface SessionRecordsOptions {
  readonly now: () => number;
  /** The attributes that the browser is sent, which a new session is kept with. */
  readonly cookie?: { readonly sameSite?: string } | undefined;
}

/** Records in a store for express-session, each as a session whose cookie carries its deadline. */
export function recordsIn(sessions: KeptSessions, { now, cookie }: SessionRecordsOptions): RecordStore {
  const attributes = { path: '/', httpOnly: true, ...cookie, sameSite: (cookie?.sameSite ?? 'lax').toLowerCase() };
  // express-session goes by the attributes that are stored: without `secure`, say, it would send the cookie without.
  const toSession = ({ data, expiresAt }: SessionRecord, former?: Kept): Kept => {
    const until = expiresAt === undefined ? undefined : expiresAt * 1_000;
    // A cookie with a date and no originalMaxAge would never expire once express-session has touched it.
    const dates =
      until === undefined
        ? { originalMaxAge: null, expires: null }
        : { originalMaxAge: until - now(), expires: new Date(until) };
    return { ...toStored(data), cookie: { ...attributes, ...former?.cookie, ...dates } };
  };
  const update = (id: string, change: RecordChange) =>
    sessions.updateAsync(id, (session) => {
      const record = toRecord(session);
      const next = change(record);
      return next === record ? session : next && toSession(next, session);
    });
  return {
    get: async (id) => toRecord(await sessions.getAsync(id)),
    set: (id, data, expiresAt) => sessions.setAsync(id, toSession({ data, expiresAt })),
    delete: (id) => sessions.destroyAsync(id),
    touch: (id, expiresAt) => update(id, (record) => record && { data: record.data, expiresAt }),
    update,
  };
}

function toRecord(session: Kept | undefined): SessionRecord | undefined {
  if (!session) return undefined;
  const data = toFields(session);
  const expires = session.cookie?.expires;
  return expires ? { data, expiresAt: new Date(expires).getTime() / 1_000 } : { data };
}
