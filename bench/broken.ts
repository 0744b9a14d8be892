import session, { type SessionData } from 'express-session';
import type { StoreFace, Subject } from './contract.js';

/** Subjects that are broken on purpose: `npm run bench broken -- --with bench/broken.ts` shows that the gate notices. */
export const subjects: readonly Subject[] = [
  broken('broken-forgets', 'keeps nothing', () => ({
    get: (_, callback) => setImmediate(callback),
    set: (_, __, callback) => setImmediate(callback),
    touch: (_, __, callback) => setImmediate(callback),
  })),
  broken('broken-finds-anything', 'answers any id with what was set last', () => {
    let last = '';
    return {
      get: (_, callback) => setImmediate(callback, null, JSON.parse(last)),
      set: (_, data, callback) => {
        last = JSON.stringify(data);
        setImmediate(callback);
      },
      touch: (_, __, callback) => setImmediate(callback),
    };
  }),
  broken('broken-lazy-touch', 'touch does nothing', () => ({
    ...memory(),
    touch: (_, __, callback) => setImmediate(callback),
  })),
  broken('broken-alias', 'hands out the very object that it keeps', () => {
    const map = new Map<string, SessionData>();
    return {
      get: (sid, callback) => setImmediate(callback, null, map.get(sid)),
      set: (sid, data, callback) => {
        map.set(sid, structuredClone({ ...data, cookie: { ...data.cookie } }) as SessionData);
        setImmediate(callback);
      },
      touch: (_, __, callback) => setImmediate(callback),
    };
  }),
  {
    ...broken('broken-lazy-prune', 'prune removes nothing', () => memory()),
    only: ['prune'],
    open: async () => ({ store: memory(), prune: async () => 0 }),
  },
  broken('broken-crash', 'ends the process', () => process.exit(3)),
];

function broken(name: string, about: string, make: () => StoreFace): Subject {
  const synced = { save: 'n.a.', touch: 'n.a.' } as const;
  return { name, kind: 'memory', role: 'peer', about, synced, open: async () => ({ store: make() }) };
}

function memory(): StoreFace {
  const store = new session.MemoryStore() as unknown as StoreFace;
  return {
    get: (sid, callback) => store.get(sid, callback),
    set: (sid, data, callback) => store.set(sid, data, callback),
    touch: (sid, data, callback) => store.touch(sid, data, callback),
  };
}
