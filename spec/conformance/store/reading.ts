import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { noiseDuring } from '../calls.js';
import { dataOf, deadlineOf, sessionOf } from '../samples.js';
import type { StoreCase } from './subject.js';

export const readCases: readonly StoreCase[] = [
  {
    id: 'get/emitter',
    title: 'is an EventEmitter that can make and replace sessions',
    ground: 'doc',
    because: 'a session store must be an EventEmitter; the middleware also calls createSession and regenerate on it',
    run: ({ store }) => {
      ok(store instanceof EventEmitter || typeof (store as { on?: unknown }).on === 'function');
      equal(typeof store.createSession, 'function');
      equal(typeof store.regenerate, 'function');
    },
  },
  {
    id: 'get/unknown',
    title: 'answers no session and no error for an unknown id',
    ground: 'doc',
    because: 'session is null or undefined if it was not found and there was no error',
    run: async ({ subject }) => {
      await subject.set('other', { cookie: {} });
      equal(await subject.get('unknown'), undefined);
    },
  },
  {
    id: 'get/unknown-silent',
    title: 'misses an unknown id in silence',
    ground: 'reason',
    because: 'valery-barysok/session-file-store#26, #96, #106, #113: five log lines for every stale cookie',
    run: async ({ store, subject }) => {
      const errors: unknown[] = [];
      store.on('error', (error) => errors.push(error));
      deepEqual(await noiseDuring(() => subject.get('unknown')), []);
      deepEqual(errors, []);
    },
  },
  {
    id: 'get/round-trip',
    title: 'answers what was set',
    ground: 'doc',
    because: 'get is used to get a session from the store, given its id',
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { user: 'é', nested: { list: [1, 2] } }));
      await subject.set('b', sessionOf(clock, { user: 'b' }));
      deepEqual(dataOf(await subject.found('a')), { user: 'é', nested: { list: [1, 2] } });
      deepEqual(dataOf(await subject.found('b')), { user: 'b' });
    },
  },
  {
    id: 'get/fresh',
    title: 'answers a fresh copy each time',
    ground: 'reason',
    because: 'express-session replaces the cookie inside the object it is given, so that a shared one leaks',
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { nested: { list: [1] } }));
      const first = await subject.found('a');
      (first['nested'] as { list: number[] }).list.push(2);
      first['more'] = true;
      Object.assign(first.cookie, { path: '/mutated' });
      const second = await subject.found('a');
      notEqual(first, second);
      deepEqual(dataOf(second), { nested: { list: [1] } });
      equal(second.cookie.path, '/');
    },
  },
  {
    id: 'get/mutable',
    title: 'answers an object that can be changed',
    ground: 'reason',
    because: 'a frozen session is a 500: "cannot assign to read only property cookie"',
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { list: [1] }));
      const session = await subject.found('a');
      session['added'] = 1;
      (session['list'] as number[]).push(2);
      Object.assign(session, { cookie: {} });
      deepEqual(dataOf(session), { list: [1, 2], added: 1 });
    },
  },
  {
    id: 'get/cookie',
    title: "answers the cookie's attributes as they were set",
    ground: 'reason',
    because:
      'the attributes of a loaded session come from the store and not from the options: a lost `secure` stays lost',
    run: async ({ subject, clock }) => {
      const session = sessionOf(clock);
      const attributes = { secure: true, httpOnly: true, domain: 'example.org', path: '/app', sameSite: 'strict' };
      await subject.set('a', { ...session, cookie: { ...session.cookie, ...attributes } });
      const { cookie } = await subject.found('a');
      for (const [name, value] of Object.entries(attributes)) equal(cookie[name as 'path'], value, name);
    },
  },
  {
    id: 'get/original-max-age',
    title: 'answers originalMaxAge and expires as they were set',
    ground: 'reason',
    because: 'a session that lost its originalMaxAge never expires again after its next touch',
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, {}, 60_000));
      const session = await subject.found('a');
      equal(session.cookie.originalMaxAge, 60_000);
      equal(deadlineOf(session), clock.now() + 60_000);
    },
  },
  {
    id: 'get/browser-cookie',
    title: 'answers a cookie without a date as one without a date',
    ground: 'reason',
    because: 'a cookie that ends with the browser must not become one that outlives it',
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, {}, null));
      const { cookie } = await subject.found('a');
      ok(cookie.expires === null || cookie.expires === undefined, `expires is ${cookie.expires}`);
      equal(cookie.originalMaxAge, null);
    },
  },
  {
    id: 'get/create-session',
    title: "answers what express-session's createSession takes",
    ground: 'doc',
    because: 'the session argument should be a session',
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { user: 'a' }));
      const session = await subject.load('a');
      equal(session['user'], 'a');
      equal(session.id, 'a');
      equal(session.cookie.originalMaxAge, 60_000);
      equal(session.cookie.expires instanceof Date, true);
    },
  },
  {
    id: 'destroy/removes',
    title: 'ends a session, and only that one',
    ground: 'doc',
    because: 'destroy is used to delete a session from the store, given its id',
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { user: 'a' }));
      await subject.set('b', sessionOf(clock, { user: 'b' }));
      await subject.destroy('a');
      equal(await subject.get('a'), undefined);
      deepEqual(dataOf(await subject.found('b')), { user: 'b' });
    },
  },
  {
    id: 'destroy/twice',
    title: 'ends a session twice, or one that never was, without an error',
    ground: 'reason',
    because: 'two tabs log out at once',
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock));
      await Promise.all([subject.destroy('a'), subject.destroy('a')]);
      await subject.destroy('a');
      await subject.destroy('never');
      equal(await subject.get('a'), undefined);
    },
  },
  {
    id: 'destroy/set-again',
    title: 'takes a new session under an id that was destroyed',
    ground: 'doc',
    because: 'set is used to upsert a session',
    run: async ({ subject, clock }) => {
      await subject.set('a', sessionOf(clock, { old: true }));
      await subject.destroy('a');
      await subject.set('a', sessionOf(clock, { fresh: true }));
      deepEqual(dataOf(await subject.found('a')), { fresh: true });
    },
  },
  {
    id: 'destroy/same-tick',
    title: 'destroys what was set in the same tick, and keeps what is set right after it',
    ground: 'reason',
    because: 'the later of two calls has the last word, whether or not the first has ended',
    run: async ({ subject, clock }) => {
      await Promise.all([subject.set('a', sessionOf(clock, { n: 1 })), subject.destroy('a')]);
      equal(await subject.get('a'), undefined);
      await Promise.all([subject.destroy('a'), subject.set('a', sessionOf(clock, { n: 2 }))]);
      deepEqual(dataOf(await subject.found('a')), { n: 2 });
    },
  },
];
