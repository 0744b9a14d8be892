import express from 'express';
import session from 'express-session';
import { httpSuite } from './http.js';
import { storeSuite } from './store.js';

const realNow = Date.now;

/** express-session's own MemoryStore reads Date.now, so that is what the suite's clock replaces. */
storeSuite<session.MemoryStore>({
  title: "express-session's MemoryStore",
  describe,
  it,
  create: ({ now }) => {
    Date.now = now;
    return new session.MemoryStore();
  },
  destroy: () => {
    Date.now = realNow;
  },
  program: (body) => `import session from 'express-session'; const store = new session.MemoryStore(); ${body}`,
  skip: {
    'callback/set-cycle': 'express-session 1.19 lets set throw what JSON.stringify throws',
    'callback/set-bigint': 'express-session 1.19 lets set throw what JSON.stringify throws',
  },
  supports: {
    ttl: false,
    ids: false,
    update: false,
    entries: false,
    prune: false,
    close: false,
    promises: false,
    merge: false,
    misuse: false,
    errorEvent: false,
    codes: false,
    pruneInterval: false,
  },
});

httpSuite<session.MemoryStore>({
  title: "express-session's MemoryStore",
  describe,
  it,
  express,
  session,
  create: () => new session.MemoryStore(),
  destroy: () => {},
  supports: { merge: false, ttl: false },
});
