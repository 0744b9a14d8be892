import { deepEqual, equal, notDeepEqual, ok } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionData } from 'express-session';
import type { SessionStore } from '../../../lib/store.js';
import { crashesDuring, noiseDuring } from '../calls.js';
import type { Gate } from '../http/app.js';
import type { Case } from '../suite.js';
import type { Visitor } from './visitor.js';

/** A running app with a store of its own, and a clock that only the case moves. */
export interface Journey {
  readonly store: SessionStore;
  visitor(): Visitor;
  gate(name: string): Gate;
  advance(ms: number): void;
}

export interface JourneyContext {
  /** How long sessions live, in ms. */
  readonly maxAge: number;
  start(settings?: { rolling?: boolean }): Promise<Journey>;
}

const ids = [
  'journey/new-visitor',
  'journey/login',
  'journey/read-back',
  'journey/change',
  'journey/unmodified',
  'journey/rolling',
  'journey/expiry',
  'journey/regenerate',
  'journey/logout',
  'journey/tampered-cookie',
  'journey/store-down',
  'journey/parallel',
  'journey/parallel-logout',
] as const;
export type JourneyId = (typeof ids)[number];

interface JourneyCase extends Case<JourneyContext, never> {
  readonly id: JourneyId;
}

/** A visitor who has logged in. */
async function ada({ visitor }: Journey): Promise<Visitor> {
  const visiting = visitor();
  equal((await visiting.get('/login?user=ada')).status, 200);
  return visiting;
}

/** A framework may answer before what it saves is stored; a busy machine then takes its time. */
const PATIENCE = 30_000;

/** The ids of the sessions that are stored, once there are as many. */
async function idsOf({ store }: Journey, count: number): Promise<string[]> {
  const limit = performance.now() + PATIENCE;
  for (;;) {
    const ids = await store.idsAsync();
    if (ids.length === count) return ids;
    if (performance.now() > limit) throw new Error(`${ids.length} sessions are stored, not ${count}`);
    await sleep(2);
  }
}

/** The one session that is stored, without its cookie. */
async function stored(journey: Journey): Promise<object> {
  const [sid = ''] = await idsOf(journey, 1);
  const { cookie: _, ...data } = (await journey.store.getAsync(sid)) as SessionData;
  return data;
}

const visits: JourneyCase[] = [
  {
    id: 'journey/new-visitor',
    title: 'gives a visitor who only looks neither a cookie nor a session',
    ground: 'doc',
    because: 'a session that is new and empty is not saved, where the framework lets an app say so',
    run: async ({ start }) => {
      const journey = await start();
      const { status, body, cookies } = await journey.visitor().get('/read');
      deepEqual([status, body, cookies], [200, {}, []]);
      equal(await journey.store.lengthAsync(), 0);
    },
  },
  {
    id: 'journey/login',
    title: 'stores a session at the login and sends its cookie',
    ground: 'doc',
    because: 'a session that was changed is saved',
    run: async ({ start }) => {
      const journey = await start();
      const { status, body, cookies } = await journey.visitor().get('/login?user=ada');
      deepEqual([status, body], [200, { user: 'ada' }]);
      ok(cookies.length > 0, 'a cookie is set');
      ok(
        JSON.stringify(await stored(journey)).includes('"ada"'),
        'the user is stored, wherever the framework keeps it',
      );
    },
  },
  {
    id: 'journey/read-back',
    title: 'gives each visitor their own session in later requests, and a stranger none',
    ground: 'doc',
    because: 'a session is found by its cookie',
    run: async ({ start }) => {
      const journey = await start();
      const visitor = await ada(journey);
      const other = journey.visitor();
      await other.get('/login?user=bob');
      for (let times = 0; times < 2; times += 1) {
        deepEqual((await visitor.get('/read')).body, { user: 'ada' });
        deepEqual((await other.get('/read')).body, { user: 'bob' });
      }
      deepEqual((await journey.visitor().get('/read')).body, {});
      await idsOf(journey, 2);
    },
  },
  {
    id: 'journey/change',
    title: 'keeps a key that was added, one that was changed and one that was removed',
    ground: 'doc',
    because: 'a session that was changed is saved',
    run: async ({ start }) => {
      const journey = await start();
      const visitor = await ada(journey);
      await visitor.get('/set?cart=1&seen=yes');
      deepEqual((await visitor.get('/read')).body, { user: 'ada', cart: '1', seen: 'yes' });
      await visitor.get('/set?cart=2');
      await visitor.get('/unset?seen');
      deepEqual((await visitor.get('/read')).body, { user: 'ada', cart: '2' });
    },
  },
  {
    id: 'journey/unmodified',
    title: 'leaves the session and the cookie as they are in a request that changes nothing',
    ground: 'doc',
    because: 'without `rolling` a cookie is sent when it is new',
    run: async ({ start }) => {
      const journey = await start();
      const visitor = await ada(journey);
      const before = await stored(journey);
      const { status, body, cookies } = await visitor.get('/read');
      deepEqual([status, body, cookies], [200, { user: 'ada' }, []]);
      deepEqual(await stored(journey), before);
    },
  },
];

const lifetimes: JourneyCase[] = [
  {
    id: 'journey/rolling',
    title: 'renews the cookie and the session with every answer, where the app asks for that',
    ground: 'doc',
    because: 'rolling resets the expiration to maxAge with every answer',
    run: async ({ start, maxAge }) => {
      const journey = await start({ rolling: true });
      const visitor = await ada(journey);
      for (let times = 0; times < 3; times += 1) {
        journey.advance(maxAge * 0.5);
        const { body, cookies } = await visitor.get('/read');
        deepEqual(body, { user: 'ada' });
        ok(cookies.length > 0, 'a cookie is set');
      }
    },
  },
  {
    id: 'journey/expiry',
    title: 'does not know a session whose time has passed, whatever cookie comes',
    ground: 'reason',
    because: 'most frameworks take an expired session that a store still answers',
    run: async ({ start, maxAge }) => {
      const journey = await start();
      const visitor = await ada(journey);
      journey.advance(maxAge / 2);
      deepEqual((await visitor.get('/read')).body, { user: 'ada' });
      journey.advance(maxAge + 1);
      const { status, body } = await visitor.get('/read');
      deepEqual([status, body], [200, {}]);
      await visitor.get('/login?user=eve');
      deepEqual((await visitor.get('/read')).body, { user: 'eve' });
    },
  },
];

const ends: JourneyCase[] = [
  {
    id: 'journey/regenerate',
    title: 'logs in under a new id, and the id before it opens nothing',
    ground: 'doc',
    because: 'regenerate makes a new id; a fixed one is how sessions are stolen',
    run: async ({ start }) => {
      const journey = await start();
      const visitor = journey.visitor();
      await visitor.get('/set?cart=1');
      const before = await idsOf(journey, 1);
      const thief = visitor.twin();
      deepEqual((await visitor.get('/login?user=ada')).body['user'], 'ada');
      deepEqual((await visitor.get('/read')).body['user'], 'ada');
      deepEqual((await thief.get('/read')).body, {});
      notDeepEqual(await idsOf(journey, 1), before);
    },
  },
  {
    id: 'journey/logout',
    title: 'ends the session at the logout, and its cookie opens nothing any more',
    ground: 'doc',
    because: 'destroy removes the session from the store',
    run: async ({ start }) => {
      const journey = await start();
      const visitor = await ada(journey);
      const thief = visitor.twin();
      equal((await visitor.get('/logout')).status, 200);
      await idsOf(journey, 0);
      deepEqual((await visitor.get('/read')).body, {});
      deepEqual((await thief.get('/read')).body, {});
    },
  },
  {
    id: 'journey/tampered-cookie',
    title: 'takes a visitor whose cookie was tampered with for a stranger, and harms nobody',
    ground: 'reason',
    because: 'cookies come from anybody',
    run: async ({ start }) => {
      const journey = await start();
      const visitor = await ada(journey);
      const { status, body } = await visitor.tampered().get('/read');
      deepEqual([status, body], [200, {}]);
      deepEqual((await visitor.get('/read')).body, { user: 'ada' });
    },
  },
  {
    id: 'journey/store-down',
    title: 'fails a request that cannot read its session, ends one that cannot save it, and crashes for neither',
    ground: 'reason',
    because: 'a store that is down must not look like a logout, hang a response or end the process',
    run: async ({ start }) => {
      const journey = await start();
      const visitor = await ada(journey);
      const { cookies } = visitor;
      const crashes = await crashesDuring(async () => {
        await noiseDuring(async () => {
          const late = visitor.twin().get('/slow?gate=down&late=1');
          await journey.gate('down').arrived();
          await journey.store.closeAsync();
          journey.gate('down').open();
          await late.catch(() => {});
          const { status } = await visitor.get('/read');
          equal(status, 500);
          equal(visitor.cookies, cookies, 'who was logged in keeps the cookie');
        });
      });
      deepEqual(crashes, []);
    },
  },
];

const parallel: JourneyCase[] = [
  {
    id: 'journey/parallel',
    title: 'keeps the keys of five requests at once that each set one',
    ground: 'reason',
    because: 'every published store keeps the keys of the last request only',
    run: async ({ start }) => {
      const journey = await start();
      const visitor = await ada(journey);
      const keys = ['a', 'b', 'c', 'd', 'e'];
      const answers = keys.map((key) => visitor.twin().get(`/slow?gate=${key}&${key}=1`));
      await Promise.all(keys.map((key) => journey.gate(key).arrived()));
      for (const key of keys) journey.gate(key).open();
      for (const answer of answers) equal((await answer).status, 200);
      deepEqual((await visitor.get('/read')).body, { user: 'ada', a: '1', b: '1', c: '1', d: '1', e: '1' });
    },
  },
  {
    id: 'journey/parallel-logout',
    title: 'does not bring a session back that was logged out of while a writer and a reader were slow',
    ground: 'reason',
    because: 'expressjs/session#632, tj/connect-redis#328',
    run: async ({ start }) => {
      const journey = await start();
      const visitor = await ada(journey);
      const thief = visitor.twin();
      const answers = ['/slow?gate=write&late=1', '/slow?gate=read'].map((path) => visitor.twin().get(path));
      await Promise.all(['write', 'read'].map((name) => journey.gate(name).arrived()));
      equal((await visitor.get('/logout')).status, 200);
      for (const name of ['write', 'read']) journey.gate(name).open();
      await Promise.all(answers);
      equal((await thief.get('/read')).body['user'], undefined);
    },
  },
];

export const journeyCases: readonly JourneyCase[] = [...visits, ...lifetimes, ...ends, ...parallel];
