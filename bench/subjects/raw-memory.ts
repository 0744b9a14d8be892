import type { SessionData } from 'express-session';
import { LRUCache } from 'lru-cache';
import type { Opened, Subject } from '../contract.js';

const only = ['set', 'get', 'touch', 'miss'];

/** What memory can do at best. They call back at once, which a store may not. */
export const rawMemory: readonly Subject[] = [
  {
    name: 'raw-map',
    kind: 'memory',
    role: 'raw',
    about: 'a Map of JSON text: stringify and set, get and parse; touch moves a number',
    synced: { save: 'n.a.', touch: 'n.a.' },
    only,
    open: async () => openMap(),
  },
  {
    name: 'raw-lru-cache',
    kind: 'memory',
    role: 'raw',
    about: 'bare lru-cache of texts that are ready: no JSON at all; touch sets again',
    package: 'lru-cache',
    synced: { save: 'n.a.', touch: 'n.a.' },
    only,
    open: async () => openLru(),
  },
];

/** What the raw subjects keep and answer with. */
interface Kept {
  text: string;
  expires: number;
}

function openMap(): Opened {
  const map = new Map<string, Kept>();
  return {
    store: {
      get(sid, callback) {
        const kept = map.get(sid);
        callback(null, kept && { session: JSON.parse(kept.text) as SessionData, expires: kept.expires });
      },
      set(sid, session, callback) {
        map.set(sid, { text: JSON.stringify(session), expires: deadline(session) });
        callback();
      },
      touch(sid, session, callback) {
        const kept = map.get(sid);
        if (kept) kept.expires = deadline(session);
        callback();
      },
    },
    unpack: (found) => {
      const { session, expires } = found as { session: SessionData; expires: number };
      return withDeadline(session, expires);
    },
  };
}

function openLru(): Opened {
  const cache = new LRUCache<string, Kept>({ max: 2_000_000 });
  const texts = new WeakMap<SessionData, string>();
  return {
    store: {
      get(sid, callback) {
        callback(null, cache.get(sid));
      },
      set(sid, session, callback) {
        cache.set(sid, { text: textOnce(texts, session), expires: deadline(session) });
        callback();
      },
      touch(sid, session, callback) {
        const kept = cache.get(sid);
        if (kept) cache.set(sid, { text: kept.text, expires: deadline(session) });
        callback();
      },
    },
    unpack: (found) => {
      const { text, expires } = found as Kept;
      return withDeadline(JSON.parse(text) as SessionData, expires);
    },
  };
}

/** The text of a session is made once, however often it is saved: a raw subject that has no JSON in it. */
export function textOnce(texts: WeakMap<SessionData, string>, session: SessionData): string {
  let text = texts.get(session);
  if (text === undefined) {
    text = JSON.stringify(session);
    texts.set(session, text);
  }
  return text;
}

export function deadline(session: SessionData): number {
  return (session.cookie.expires as Date).getTime();
}

export function withDeadline(session: SessionData, expires: number): SessionData {
  session.cookie.expires = new Date(expires);
  return session;
}
