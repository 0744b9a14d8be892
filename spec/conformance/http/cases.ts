import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import type { SessionOptions } from 'express-session';
import { noiseDuring } from '../calls.js';
import { dataOf, deadlineOf } from '../samples.js';
import type { Subject } from '../store/subject.js';
import type { Case } from '../suite.js';
import { type App, Gate, type Handler, type Visitor } from './app.js';

export const httpFeatures = {
  touch: 'touch',
  merge: 'merge on save',
  ttl: 'ttl option in ms',
  clock: 'clock that `now` or `Date.now` moves',
} as const;
export type HttpFeature = keyof typeof httpFeatures;

interface Served {
  readonly app: App;
  readonly subject: Subject;
}

export interface HttpContext {
  readonly serve: (options?: Partial<SessionOptions>) => Promise<Served>;
  readonly serveFailing: (options?: Partial<SessionOptions>) => Promise<Served>;
  readonly advance: (ms: number) => void;
  readonly now: () => number;
}

type HttpCase = Case<HttpContext, HttpFeature | 'failing'>;

const MINUTE = 60_000;
/** How much time may pass between two looks at the clock on a busy machine, in ms. */
const TICK = 100;
const lasting = { cookie: { maxAge: MINUTE } };

/** Answers the session's data. */
const read: Handler = (req, res) => void res.json(req.session ? dataOf(req.session) : null);

/** Changes the session and answers what it holds then. */
const change =
  (fields: object): Handler =>
  (req, res, next) => {
    Object.assign(req.session, fields);
    return read(req, res, next);
  };

const login: Handler = (req, res, next) => {
  req.session.regenerate((error: unknown) => {
    if (error) return next(error);
    Object.assign(req.session, { user: 'a' });
    res.json({ id: req.sessionID });
  });
};

const logout: Handler = (req, res, next) => {
  req.session.destroy((error: unknown) => (error ? next(error) : void res.json('bye')));
};

/** A visitor with a session that holds `user`. */
async function visit({ app }: Served): Promise<Visitor> {
  app.on('/login', login).on('/logout', logout).on('/', read);
  const visitor = app.visitor();
  equal((await visitor.get('/login')).status, 200);
  return visitor;
}

/** A request that loads the session, waits at a gate, and then does `act` and ends. */
function slow(app: App, path: string, act: (req: Parameters<Handler>[0]) => void): Gate {
  const gate = new Gate();
  app.on(path, async (req, res) => {
    await gate.pass();
    act(req);
    res.json('late');
  });
  return gate;
}

const usual: HttpCase[] = [
  {
    id: 'http/login',
    title: 'keeps a login under a new id, from request to request and from visitor to visitor',
    ground: 'doc',
    because: 'regenerate makes a new id and session; get answers what set was given',
    run: async ({ serve }) => {
      const served = await serve();
      served.app.on('/cart', change({ cart: [1] }));
      const visitor = served.app.visitor();
      await visitor.get('/cart');
      const before = visitor.sid;
      served.app.on('/login', login).on('/', read);
      await visitor.get('/login');
      notEqual(visitor.sid, before);
      deepEqual((await visitor.get('/')).body, { user: 'a' });
      deepEqual((await visitor.get('/')).body, { user: 'a' });
      equal(await served.subject.get(before), undefined);
      deepEqual((await served.app.visitor().get('/')).body, {});
    },
  },
  {
    id: 'http/logout',
    title: 'ends the session at logout, and the old cookie opens nothing',
    ground: 'doc',
    because: 'destroy deletes a session from the store',
    run: async ({ serve }) => {
      const served = await serve();
      const visitor = await visit(served);
      const thief = visitor.twin();
      equal((await visitor.get('/logout')).status, 200);
      deepEqual((await thief.get('/')).body, {});
      equal(await served.subject.get(visitor.sid), undefined);
    },
  },
  {
    id: 'http/reload',
    title: 'reloads what another request saved, and fails to reload what was destroyed',
    ground: 'doc',
    because: 'reload re-populates the session from the store',
    run: async ({ serve }) => {
      const served = await serve();
      const visitor = await visit(served);
      const gate = new Gate();
      served.app.on('/other', change({ other: 1 })).on('/slow', async (req, res) => {
        await gate.pass();
        req.session.reload((error: unknown) => void res.json(error ? 'gone' : dataOf(req.session)));
      });
      const reloaded = visitor.get('/slow');
      await gate.arrived();
      await visitor.twin().get('/other');
      gate.open();
      deepEqual((await reloaded).body, { user: 'a', other: 1 });
      served.app.on('/gone', (req, res) => {
        req.sessionStore.destroy(req.sessionID, () => {
          req.session.reload((error: unknown) => void res.json(error ? 'gone' : 'there'));
        });
      });
      equal((await visitor.get('/gone')).body, 'gone');
    },
  },
  {
    id: 'http/save',
    title: 'has saved when the callback of save is called',
    ground: 'doc',
    because: 'the callback is called once the session has been set in the store',
    run: async ({ serve }) => {
      const { app, subject } = await serve();
      app.on('/', (req, res, next) => {
        Object.assign(req.session, { n: 1 });
        req.session.save((error: unknown) => {
          if (error) return next(error);
          subject.get(req.sessionID).then((found) => res.json(found ? dataOf(found) : null), next);
        });
      });
      deepEqual((await app.visitor().get('/')).body, { n: 1 });
    },
  },
  {
    id: 'http/unset-destroy',
    title: "ends the session with unset: 'destroy' and req.session = null, and keeps it with 'keep'",
    ground: 'doc',
    because: "unset 'destroy': the session is destroyed when the response ends; 'keep': it is kept and not saved",
    run: async ({ serve }) => {
      for (const unset of ['destroy', 'keep'] as const) {
        const served = await serve({ unset });
        const visitor = await visit(served);
        served.app.on('/unset', (req, res) => {
          Object.assign(req.session, { lost: true });
          Object.assign(req, { session: null });
          res.json('unset');
        });
        await visitor.get('/unset');
        deepEqual((await visitor.get('/')).body, unset === 'keep' ? { user: 'a' } : {});
      }
    },
  },
  {
    id: 'http/uninitialized',
    title: 'stores a new session that nobody changed only with saveUninitialized',
    ground: 'doc',
    because: 'saveUninitialized forces a session that is new and unmodified to be saved',
    run: async ({ serve }) => {
      for (const saveUninitialized of [true, false]) {
        const { app, subject } = await serve({ saveUninitialized });
        let sid = '';
        app.on('/', (req, res) => {
          sid = req.sessionID;
          res.json('hello');
        });
        const { setCookie } = await app.visitor().get('/');
        equal(setCookie !== undefined, saveUninitialized);
        equal((await subject.get(sid)) !== undefined, saveUninitialized);
      }
    },
  },
  {
    id: 'http/hostile-id',
    title: 'keeps sessions under awkward ids that an app made',
    ground: 'reason',
    because: "genid is the app's",
    run: async ({ serve }) => {
      const sids = [
        '../a',
        'a/b',
        'A',
        'a',
        'CON',
        '__proto__',
        'constructor',
        ' a',
        'a;b=c',
        'a.b',
        "' OR 1=1",
        'é',
        '😀',
        '%2e',
      ];
      const made = sids[Symbol.iterator]();
      const { app } = await serve({ genid: () => made.next().value as string });
      app.on('/', (req, res, next) => change({ sid: req.session['sid'] ?? req.sessionID })(req, res, next));
      const visitors = sids.map(() => app.visitor());
      for (const visitor of visitors) await visitor.get('/');
      for (const [n, visitor] of visitors.entries()) deepEqual((await visitor.get('/')).body, { sid: sids[n] });
    },
  },
];

const lifetimes: HttpCase[] = [
  ...[true, false].map(
    (resave): HttpCase => ({
      id: `http/resave-${resave}`,
      title: `keeps the data of requests that change nothing, with resave: ${resave}, and moves the deadline`,
      ground: 'doc',
      because: resave ? 'resave saves the session though it was not modified' : 'an unmodified session is touched',
      needs: ['touch', 'clock'],
      run: async ({ serve, advance, now }) => {
        const served = await serve({ ...lasting, resave });
        const visitor = await visit(served);
        for (let visits = 0; visits < 4; visits += 1) {
          advance(MINUTE - 20_000);
          deepEqual((await visitor.get('/')).body, { user: 'a' });
        }
        const left = deadlineOf(await served.subject.found(visitor.sid)) - now();
        ok(left > MINUTE - 20_000 && left <= MINUTE, `${left} ms are left`);
      },
    }),
  ),
  {
    id: 'http/rolling',
    title: 'sends a cookie with every answer with rolling: true, and only when it is new without',
    ground: 'doc',
    because: 'rolling forces the cookie to be set on every response',
    run: async ({ serve }) => {
      for (const rolling of [true, false]) {
        const served = await serve({ ...lasting, rolling });
        const visitor = await visit(served);
        for (let visits = 0; visits < 2; visits += 1) {
          const { body, setCookie } = await visitor.get('/');
          deepEqual(body, { user: 'a' });
          equal(setCookie !== undefined, rolling);
        }
      }
    },
  },
  {
    id: 'http/expired',
    title: 'gives a visitor whose session has expired a new one, under a new id',
    ground: 'reason',
    because: 'express-session takes and extends an expired session that a store still answers',
    needs: ['clock'],
    run: async ({ serve, advance }) => {
      const served = await serve(lasting);
      served.app.on('/count', (req, res, next) => change({ n: Number(req.session['n'] ?? 0) + 1 })(req, res, next));
      const visitor = await visit(served);
      const before = visitor.sid;
      deepEqual((await visitor.get('/count')).body, { user: 'a', n: 1 });
      advance(MINUTE + 1);
      deepEqual((await visitor.get('/count')).body, { n: 1 });
      notEqual(visitor.sid, before);
    },
  },
  {
    id: 'http/browser-session',
    title: 'ends a session whose cookie has no date after ttl without a visit, and not while there are visits',
    ground: 'reason',
    because: 'connect-sqlite3 never extends it',
    needs: ['ttl', 'clock', 'touch'],
    run: async ({ serve, advance }) => {
      const visitor = await visit(await serve());
      for (let visits = 0; visits < 3; visits += 1) {
        advance(3_500_000);
        deepEqual((await visitor.get('/')).body, { user: 'a' });
      }
      advance(3_600_001);
      deepEqual((await visitor.get('/')).body, {});
    },
  },
  {
    id: 'http/max-age-only',
    title: 'keeps a maxAge that a request changed and nothing else, also through the next requests',
    ground: 'reason',
    because: 'tj/connect-redis#259, jdesboeufs/connect-mongo#351: active users are logged out at the next save',
    needs: ['touch', 'clock'],
    run: async ({ serve, advance }) => {
      const served = await serve(lasting);
      const visitor = await visit(served);
      served.app.on('/remember', (req, res) => {
        req.session.cookie.maxAge = 60 * MINUTE;
        res.json('remembered');
      });
      await visitor.get('/remember');
      for (let visits = 0; visits < 3; visits += 1) {
        advance(50 * MINUTE);
        deepEqual((await visitor.get('/')).body, { user: 'a' });
      }
      // express-session reads the clock twice for it, so some of the milliseconds between may be missing.
      const { originalMaxAge } = (await served.subject.found(visitor.sid)).cookie;
      ok(Math.abs(60 * MINUTE - Number(originalMaxAge)) < TICK, `originalMaxAge is ${originalMaxAge}`);
      advance(60 * MINUTE);
      deepEqual((await visitor.get('/')).body, {});
    },
  },
  {
    id: 'http/destroyed-meanwhile',
    title: 'does not bring a session back by the touch of a reader that was slow',
    ground: 'reason',
    because: 'level-session-store and session-file-store create it again',
    needs: ['touch'],
    run: async ({ serve }) => {
      const served = await serve();
      const visitor = await visit(served);
      const gate = slow(served.app, '/slow', () => {});
      const late = visitor.twin().get('/slow');
      await gate.arrived();
      const { sid } = visitor;
      await visitor.get('/logout');
      gate.open();
      equal((await late).status, 200);
      equal(await served.subject.get(sid), undefined);
      deepEqual(served.app.errors, []);
    },
  },
];

const parallel: HttpCase[] = [
  ...[true, false].map(
    (resave): HttpCase => ({
      id: `http/parallel-keys-resave-${resave}`,
      title: `keeps the keys of 5 requests at once that each set another one, with resave: ${resave}`,
      ground: 'reason',
      because: 'every published store keeps the keys of the last request only',
      needs: ['merge'],
      run: async ({ serve }) => {
        const served = await serve({ resave });
        const visitor = await visit(served);
        const gates = [0, 1, 2, 3, 4].map((n) =>
          slow(served.app, `/slow-${n}`, (req) => Object.assign(req.session, { [`key-${n}`]: n })),
        );
        const idle = slow(served.app, '/idle', () => {});
        const answers = [...gates.keys()].map((n) => visitor.twin().get(`/slow-${n}`));
        const reading = visitor.twin().get('/idle');
        await Promise.all([...gates, idle].map((gate) => gate.arrived()));
        for (const gate of gates) gate.open();
        for (const answer of answers) equal((await answer).status, 200);
        idle.open();
        await reading;
        const all = { user: 'a', 'key-0': 0, 'key-1': 1, 'key-2': 2, 'key-3': 3, 'key-4': 4 };
        deepEqual((await visitor.get('/')).body, all);
      },
    }),
  ),
  ...[true, false].map(
    (resave): HttpCase => ({
      id: `http/logout-sticks-resave-${resave}`,
      title: `does not bring a session back that was logged out of while a writer and a reader were slow, resave: ${resave}`,
      ground: 'reason',
      because: 'expressjs/session#632, tj/connect-redis#328',
      needs: ['merge'],
      run: async ({ serve }) => {
        const served = await serve({ resave });
        const visitor = await visit(served);
        const { sid } = visitor;
        const writing = slow(served.app, '/write', (req) => Object.assign(req.session, { late: true }));
        const reading = slow(served.app, '/read', () => {});
        const answers = ['/write', '/read'].map((path) => visitor.twin().get(path));
        await Promise.all([writing.arrived(), reading.arrived()]);
        equal((await visitor.get('/logout')).status, 200);
        writing.open();
        reading.open();
        for (const answer of answers) equal((await answer).status, 200);
        equal(await served.subject.get(sid), undefined);
        deepEqual(served.app.errors, []);
      },
    }),
  ),
];

const failures: HttpCase[] = [
  {
    id: 'http/storage-fails-get',
    title: 'answers 500, not a new session, when the storage fails to read',
    ground: 'doc',
    because: 'an error of get goes to the app; only ENOENT counts as "no session"',
    needs: ['failing'],
    run: async ({ serveFailing }) => {
      const { app } = await serveFailing();
      app.on('/', read);
      const { status, setCookie } = await app.visitor().signedAs('a').get('/');
      deepEqual([status, setCookie], [500, undefined]);
      equal(app.errors.length, 1);
    },
  },
  {
    id: 'http/storage-fails-set',
    title: 'ends the response and gives the app the error once when the storage fails to write',
    ground: 'reason',
    because: 'a callback that never comes leaves the response open; one that comes twice ends it twice',
    needs: ['failing'],
    run: async ({ serveFailing }) => {
      const { app } = await serveFailing();
      app.on('/', change({ n: 1 }));
      await noiseDuring(async () => {
        const { body } = await app.visitor().get('/');
        deepEqual(body, { n: 1 });
      });
      equal(app.errors.length, 1);
      ok(app.errors[0] instanceof Error);
    },
  },
];

/** Every case, with its ground. */
export const httpCases: readonly HttpCase[] = [...usual, ...lifetimes, ...parallel, ...failures];
