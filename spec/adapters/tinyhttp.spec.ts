import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { App } from '@tinyhttp/app';
import { expect } from 'chai';
import { build } from 'esbuild';
import session, { type SessionData, type Store } from 'express-session';
import original from 'generic-session';
import request from 'supertest';
import {
  Cookie,
  type GetSession,
  MemoryStore,
  type RequestSession,
  SessionManager,
  type SessionManagerOptions,
} from '../../lib/adapters/tinyhttp.js';
import { FileStore } from '../../lib/backends/file.js';
import { SqliteStore } from '../../lib/backends/sqlite.js';
import { failureOf, folders, program } from '../support/folder.js';
import { gate } from '../support/gate.js';

interface Fields {
  views?: number;
  user?: string;
}

type Act = (session: RequestSession<Fields>, req: IncomingMessage, res: ServerResponse) => unknown;
type Calls = 'get' | 'set' | 'touch' | 'destroy';

const quiet = { secret: 'of the spec', resave: false, saveUninitialized: false };
const HOUR = 3_600_000;
const idIn = (cookie = '') => /^[^=]+=s%3A([^.]+)\./.exec(cookie)?.[1];

describe('adapters/tinyhttp', () => {
  const folder = folders();

  it('S1 row 1: SessionManager(options) gives getSession(req, res), a promise of the session', async () => {
    const answers: unknown[] = [];
    const getSession = SessionManager(quiet);
    await request((req: IncomingMessage, res: ServerResponse) => {
      const promise = getSession(req, res);
      answers.push(promise instanceof Promise);
      promise.then(({ id }) => res.end(id), fail(res));
    })
      .get('/')
      .expect(200, /^[\w-]{32}$/);
    expect(answers).to.deep.equal([true]);
  });

  it('S1 row 2: a secret is required; of several the first signs and all verify', async () => {
    const misuse = { code: 'SESSILE_MISUSE', message: 'SessionManager: session requires options.secret' };
    expect(await failureOf(() => SessionManager({} as SessionManagerOptions))).to.include(misuse);
    expect(() => SessionManager({ secret: [] })).to.throw(TypeError);
    const store = new MemoryStore();
    const former = await visit(app({ store, secret: 'former' }, count)).expect(200, '1');
    const rotated = app({ store, secret: ['new', 'former'] }, count);
    await visit(rotated, cookieOf(former)).expect(200, '2');
    await visit(app({ store, secret: 'another' }, count), cookieOf(former)).expect(200, '1');
    const signed = await visit(rotated).expect(200, '1');
    await visit(app({ store, secret: 'new' }, count), cookieOf(signed)).expect(200, '2');
  });

  const stores = {
    'the default store': {},
    'a store': { store: new MemoryStore() },
    "a store of generic-session's kind": { store: original.MemoryStore() },
  };
  for (const [where, options] of Object.entries(stores)) {
    it(`S1 row 3: the counter rises for one visitor and starts at 1 for another, in ${where}`, async () => {
      const served = app({ secret: 'of the spec', ...options }, count);
      const [ada, bob] = [request.agent(served), request.agent(served)];
      await ada.get('/').expect('1');
      await ada.get('/').expect('2');
      await bob.get('/').expect('1');
      await ada.get('/').expect('3');
    });
  }

  it("S1 row 4: the cookie is 'connect.sid', or named by the option name or key", async () => {
    const named = async (options: object) => cookieOf(await visit(app(options, count))).split('=')[0];
    expect(await named({})).to.equal('connect.sid');
    expect(await named({ name: 'mine' })).to.equal('mine');
    expect(await named({ key: 'other' })).to.equal('other');
  });

  it('S1 row 5: genid(req) makes the id', async () => {
    const seen: unknown[] = [];
    const genid = (req: { url: string }) => {
      seen.push(req.url);
      return 'x';
    };
    const answer = await visit(app({ genid }, count));
    expect(cookieOf(answer)).to.match(/^connect\.sid=s%3Ax\./);
    expect(seen).to.deep.equal(['/']);
  });

  it('S1 row 6: resave decides whether an unmodified session is saved', async () => {
    for (const [resave, sets] of [[false, 0] as const, [true, 1] as const, [undefined, 1] as const]) {
      const { store, calls } = counted(new MemoryStore());
      const made = await visit(app({ store }, count));
      calls.set = 0;
      const { resave: _, ...others } = quiet;
      const getSession = SessionManager<Fields>({ ...others, store, ...(resave !== undefined && { resave }) });
      await visit(handler(getSession, show), cookieOf(made)).expect('1');
      expect(calls.set, `resave ${resave}`).to.equal(sets);
    }
  });

  it('S1 row 7: saveUninitialized decides whether an untouched new session is saved', async () => {
    for (const [saveUninitialized, sets] of [[false, 0] as const, [true, 1] as const, [undefined, 1] as const]) {
      const { store, calls } = counted(new MemoryStore());
      const options = {
        secret: 'x',
        resave: false,
        store,
        ...(saveUninitialized !== undefined && { saveUninitialized }),
      };
      const answer = await request(handler(SessionManager<Fields>(options), show)).get('/');
      expect(calls.set).to.equal(sets);
      expect(setCookies(answer)).to.have.lengthOf(sets);
    }
  });

  it('S1 row 8: rolling sends the cookie with every response', async () => {
    for (const rolling of [true, false]) {
      const served = app({ rolling, cookie: { maxAge: 60_000 } }, (one, req) =>
        req.url === '/' ? count(one) : show(one),
      );
      const made = await visit(served);
      const answer = await request(served).get('/look').set('Cookie', cookieOf(made)).expect('1');
      expect(setCookies(answer)).to.have.lengthOf(rolling ? 1 : 0);
    }
  });

  it("S1 row 9: unset 'destroy' ends a session that was set to null, 'keep' leaves it; anything else is refused", async () => {
    expect(() => app({ unset: 'x' as 'keep' }, show)).to.throw(TypeError, 'unset');
    for (const [unset, left] of [['destroy', 0] as const, ['keep', 1] as const]) {
      const store = new MemoryStore();
      const served = app({ unset, store }, (one, req) => {
        if (req.url === '/') return count(one);
        (req as { session?: unknown }).session = null;
        return 'unset';
      });
      const cookie = cookieOf(await visit(served));
      await request(served).get('/unset').set('Cookie', cookie).expect('unset');
      expect(await store.lengthAsync()).to.equal(left);
    }
  });

  it('S1 row 10: the options of the cookie are honoured in the first and in the third answer', async () => {
    const expires = new Date('2099-01-02T03:04:05Z');
    const cookie = { path: '/', domain: 'a.test', httpOnly: false, sameSite: 'strict', expires } as const;
    const served = app({ rolling: true, cookie }, count);
    const first = await visit(served);
    await visit(served, cookieOf(first)).expect('2');
    const third = await visit(served, cookieOf(first)).expect('3');
    for (const answer of [first, third]) {
      expect(attributes(answer)).to.deep.equal([
        'Domain=a.test',
        'Expires=Fri, 02 Jan 2099 03:04:05 GMT',
        'Path=/',
        'SameSite=Strict',
      ]);
    }
    const lasting = app({ rolling: true, cookie: { maxAge: HOUR } }, (one) => {
      count(one);
      return lifetime(one);
    });
    const made = await visit(lasting).expect('an hour');
    await visit(lasting, cookieOf(made)).expect('an hour');
    const last = await visit(lasting, cookieOf(made)).expect('an hour');
    expect(attributes(last).join()).to.match(/^Expires=.*,HttpOnly,Path=\/$/);
    const secure = app({ proxy: true, cookie: { secure: true } }, count);
    expect(setCookies(await visit(secure))).to.deep.equal([]);
    const safe = await request(secure).get('/').set('X-Forwarded-Proto', 'https');
    expect(attributes(safe)).to.include('Secure');
  });

  it('S1 row 11: a request outside the path of the cookie is answered, without a session', async () => {
    const served = app({ cookie: { path: '/in' } }, (one) => (one === undefined ? 'none' : count(one)));
    expect(setCookies(await visit(served).expect('none'))).to.deep.equal([]);
    await request(served).get('/in/side').expect('1');
  });

  it('S1 row 12: the session has the methods of express-session, and what they do sticks', async () => {
    const store = new MemoryStore();
    const getSession = SessionManager<Fields>({ ...quiet, store, cookie: { maxAge: 60_000 } });
    const served = handler(getSession, async (one, req, res) => {
      const called = (call: (done: (error?: unknown) => void) => void) =>
        new Promise<void>((resolve, reject) => call((error) => (error ? reject(error) : resolve())));
      switch (req.url) {
        case '/destroy':
          await called((done) => one.destroy(done));
          return String((await getSession(req, res)) === undefined);
        case '/regenerate': {
          await called((done) => one.regenerate(done));
          const next = await getSession(req, res);
          next.user = 'ada';
          return String(next !== one && next.id !== one.id);
        }
        case '/reload':
          one.views = 99;
          await called((done) => one.reload(done));
          return show(await getSession(req, res));
        case '/touch':
          return String(one.touch() === one && one.resetMaxAge() === one && one.cookie.path);
        case '/save':
          one.views = 7;
          await called((done) => one.save(done));
          return String(((await store.getAsync(one.id)) as Fields).views);
        default:
          return count(one);
      }
    });
    const agent = request.agent(served);
    const first = idIn(cookieOf(await agent.get('/').expect('1')));
    await agent.get('/touch').expect('/');
    await agent.get('/reload').expect('1');
    await agent.get('/save').expect('7');
    const second = idIn(cookieOf(await agent.get('/regenerate').expect('true')));
    expect(second).to.be.a('string').and.not.equal(first);
    expect(await store.idsAsync()).to.deep.equal([second]);
    await agent.get('/destroy').expect('true');
    expect(await store.idsAsync()).to.deep.equal([]);
    const third = idIn(cookieOf(await agent.get('/').expect('1')));
    expect(third).not.to.be.oneOf([first, second]);
  });

  it('S1 row 13: a session that was saved by hand is not saved again at the end', async () => {
    const { store, calls } = counted(new MemoryStore());
    const served = app({ store }, async (one) => {
      one.views = 1;
      await new Promise<void>((resolve, reject) => one.save((error: unknown) => (error ? reject(error) : resolve())));
      return 'saved';
    });
    await visit(served).expect('saved');
    expect(calls.set).to.equal(1);
  });

  it('S1 row 14: what was changed in place is stored when the response has ended', async () => {
    const store = new MemoryStore();
    const served = app({ store }, (one) => {
      one.user = 'ada';
    });
    const id = idIn(cookieOf(await visit(served))) ?? '';
    expect(await store.getAsync(id)).to.include({ user: 'ada' });
  });

  it('S1 row 15: session.cookie has originalMaxAge, maxAge and expires, in milliseconds, also after a reload', async () => {
    const served = app({ cookie: { maxAge: HOUR } }, (one) => {
      count(one);
      const { maxAge = 0, expires } = one.cookie;
      expect(maxAge).to.be.within(HOUR - 60_000, HOUR);
      expect(Number(expires)).to.be.within(Date.now(), Date.now() + HOUR);
      return lifetime(one);
    });
    const made = await visit(served).expect('an hour');
    await visit(served, cookieOf(made)).expect('an hour');
  });

  it('S1 row 16: a store that cannot read rejects; one that cannot write lets the answer end and is heard', async () => {
    const reading = failing('get');
    const made = await visit(app({ store: reading }, count));
    reading.fails = true;
    const served = app({ store: reading }, count);
    await visit(served, cookieOf(made)).expect(500, 'get failed');
    for (const name of ['set', 'touch'] as const) {
      const store = failing(name);
      const heard: unknown[] = [];
      store.on('error', (error) => heard.push((error as Error).message));
      const act = (one: RequestSession<Fields>) => (name === 'set' ? count(one) : show(one));
      const former = await visit(app({ store }, count));
      store.fails = true;
      const answer = await visit(app({ store }, act), cookieOf(former)).expect(200);
      expect(answer.text).to.equal(name === 'set' ? '2' : '1');
      await until(() => heard.length > 0);
      expect(heard).to.deep.equal([`${name} failed`]);
    }
  });

  it('S1 row 17: asked for twice in one request it is the same session, saved once', async () => {
    const { store, calls } = counted(new MemoryStore());
    const getSession = SessionManager<Fields>({ ...quiet, store });
    const served: RequestListener = (req, res) => {
      Promise.all([getSession(req, res), getSession(req, res)]).then(async ([one, other]) => {
        count(one);
        res.end(String(one === other && one === (await getSession(req, res))));
      }, fail(res));
    };
    await request(served).get('/').expect('true');
    expect(calls.set).to.equal(1);
  });

  const others: Record<string, () => Store & { getAsync: MemoryStore['getAsync']; closeAsync(): Promise<void> }> = {
    FileStore: () => new FileStore(folder()),
    SqliteStore: () => new SqliteStore(join(folder(), 'sessions.db')),
  };
  for (const [name, open] of Object.entries(others)) {
    it(`S1 row 18: works with ${name}, whose sessions keep their cookie and deadline`, async () => {
      const store = open();
      try {
        const served = app({ store, cookie: { maxAge: 60_000 } }, count);
        const before = Date.now();
        const made = await visit(served).expect('1');
        await visit(served, cookieOf(made)).expect('2');
        const { cookie } = (await store.getAsync(idIn(cookieOf(made)) ?? '')) as SessionData;
        expect(cookie.originalMaxAge).to.be.within(50_000, 60_000);
        expect(Number(cookie.expires)).to.be.within(before + 60_000, Date.now() + 60_000);
      } finally {
        await store.closeAsync();
      }
    });
  }

  it("S1 row 18: works with express-session's own MemoryStore", async () => {
    const served = app({ store: new session.MemoryStore() }, count);
    const made = await visit(served).expect('1');
    await visit(served, cookieOf(made)).expect('2');
  });

  it('S1 row 18: two requests at once keep both their changes', async () => {
    const store = new MemoryStore();
    const made = await visit(app({ store }, count));
    const arrived = gate(2);
    const served = app({ store }, async (one, req) => {
      await arrived();
      Object.assign(one, { [req.url === '/a' ? 'a' : 'b']: 1 });
    });
    await Promise.all(['/a', '/b'].map((path) => request(served).get(path).set('Cookie', cookieOf(made)).expect(200)));
    expect(await store.getAsync(idIn(cookieOf(made)) ?? '')).to.include({ a: 1, b: 1, views: 1 });
  });

  it('S1 row 19: a store that says disconnect has no sessions, and has them again with connect', async () => {
    const store = new MemoryStore();
    const served = app({ store }, (one) => (one === undefined ? 'none' : count(one)));
    const made = await visit(served).expect('1');
    store.emit('connect');
    await visit(served, cookieOf(made)).expect('2');
    store.emit('disconnect');
    await visit(served, cookieOf(made)).expect('none');
    store.emit('connect');
    await visit(served, cookieOf(made)).expect('3');
  });

  it('S1 row 20: Cookie serialises itself', () => {
    const expires = new Date('2099-01-02T03:04:05Z');
    const cases: [ConstructorParameters<typeof Cookie>[0], string][] = [
      [undefined, 'hello=world; Path=/; HttpOnly'],
      [{}, 'hello=world; Path=/; HttpOnly'],
      [{ path: '' }, 'hello=world; HttpOnly'],
      [{ path: '/test' }, 'hello=world; Path=/test; HttpOnly'],
      [{ httpOnly: false }, 'hello=world; Path=/'],
      [{ domain: 'a.test' }, 'hello=world; Domain=a.test; Path=/; HttpOnly'],
      [{ secure: true, sameSite: 'none' }, 'hello=world; Path=/; HttpOnly; Secure; SameSite=None'],
      [{ expires }, 'hello=world; Path=/; Expires=Fri, 02 Jan 2099 03:04:05 GMT; HttpOnly'],
    ];
    for (const [options, text] of cases) expect(new Cookie(options).serialize('hello', 'world')).to.equal(text);
    expect(new Cookie({ maxAge: HOUR }).originalMaxAge).to.be.within(HOUR - 60_000, HOUR);
    expect(new Cookie()).to.be.an.instanceOf((session as unknown as { Cookie: new () => object }).Cookie);
  });

  it('S1 row 21: MemoryStore has get, set, destroy, touch, clear, length and all, with callbacks that come later', async () => {
    const store = new MemoryStore();
    const called = <T>(call: (done: (error?: unknown, value?: T) => void) => void) =>
      new Promise<T | undefined>((resolve, reject) => {
        let later = false;
        call((error, value) => (error || !later ? reject(error ?? new Error('at once')) : resolve(value)));
        later = true;
      });
    const until = (ms: number) => ({ cookie: { originalMaxAge: ms, expires: new Date(Date.now() + ms) }, views: 1 });
    await called((done) => store.set('a', until(60_000), done));
    await called((done) => store.touch('a', until(3_600_000), done));
    expect(await called<number>((done) => store.length(done))).to.equal(1);
    const found = await called<SessionData>((done) => store.get('a', done));
    expect(found).to.include({ views: 1 });
    expect(Number(found?.cookie.expires)).to.be.above(Date.now() + 1_800_000);
    expect(await called<object>((done) => store.all(done))).to.have.all.keys('a');
    await called((done) => store.destroy('a', done));
    expect(await called((done) => store.get('a', done))).to.equal(undefined);
    await called((done) => store.set('b', until(60_000), done));
    await called((done) => store.clear(done));
    expect(await called<number>((done) => store.length(done))).to.equal(0);
  });

  it('S1 row 22: MemoryStore counts the living', async () => {
    let now = 0;
    const store = new MemoryStore({ now: () => now });
    const until = (ms: number) => ({ cookie: { originalMaxAge: ms, expires: new Date(ms) } });
    await store.setAsync('short', until(1_000));
    await store.setAsync('long', until(5_000));
    expect(await store.lengthAsync()).to.equal(2);
    now = 1_000;
    expect(await store.lengthAsync()).to.equal(1);
  });

  it('S1 row 23: in production a MemoryStore is warned of, once, whether it was given or is the default', async () => {
    const run = (env: string, options: string) =>
      program(`
        process.env.NODE_ENV = '${env}';
        const { SessionManager, MemoryStore } = await import(lib('adapters/tinyhttp.js'));
        const { FileStore } = await import(lib('backends/file.js'));
        process.on('warning', ({ name, code }) => console.log(name, code));
        for (let i = 0; i < 2; i += 1) SessionManager({ secret: 'x', ${options} });
      `);
    const warning = 'SessileWarning SESSILE_MEMORY_STORE\n';
    expect(await run('production', '')).to.equal(warning);
    expect(await run('production', 'store: new MemoryStore()')).to.equal(warning);
    expect(await run('production', `store: new FileStore(${JSON.stringify(folder())})`)).to.equal('');
    expect(await run('development', '')).to.equal('');
  }).timeout(180_000);

  it('works in an app of @tinyhttp/app, below a mounted path too, also where `res.end` is looked up first', async () => {
    const getSession = SessionManager<Fields>(quiet);
    const sub = new App().use('/', async (req, res) => res.end(`sub ${count(await getSession(req, res))}`));
    const main = new App().use('/sub', sub).get('/', async (req, res) => res.end(count(await getSession(req, res))));
    const agent = request.agent(main.handler.bind(main) as RequestListener);
    await agent.get('/').expect('1');
    await agent.get('/sub').expect('sub 2');
  });

  it('refuses a misspelt option', async () => {
    const options = { secret: 'x', saveUninitialised: true };
    const { message, code } = await failureOf(() => SessionManager(options));
    expect(code).to.equal('SESSILE_MISUSE');
    expect(message).to.include('did you mean "saveUninitialized"');
  });

  it('rejects where the response has ended: nothing could be saved any more', async () => {
    const getSession = SessionManager(quiet);
    let late: Error | undefined;
    await request((req: IncomingMessage, res: ServerResponse) => {
      res.end('ended');
      getSession(req, res).catch((error: Error) => {
        late = error;
      });
    }).get('/');
    expect(late).to.include({ code: 'SESSILE_MISUSE' });
  });

  it('says what to install where express-session is missing', async () => {
    const dir = folder();
    await build({
      entryPoints: [join(import.meta.dirname, '../../lib/adapters/tinyhttp.ts')],
      outfile: join(dir, 'tinyhttp.mjs'),
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
    });
    mkdirSync(join(dir, 'node_modules'));
    cpSync(
      join(import.meta.dirname, '../../node_modules/fastest-levenshtein'),
      join(dir, 'node_modules/fastest-levenshtein'),
      {
        recursive: true,
      },
    );
    const code = `
      const { Cookie, SessionManager } = await import('./tinyhttp.mjs');
      for (const act of [() => SessionManager({ secret: 'x' }), () => new Cookie()])
        try { act(); } catch ({ code, message }) { console.log(code, message); }
    `;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], {
      cwd: dir,
      encoding: 'utf8',
      env: { ...process.env, NODE_V8_COVERAGE: '' },
    });
    const hint = 'needs express-session; install it (npm install express-session)';
    expect(stderr).to.equal('');
    expect(stdout).to.equal(`SESSILE_MISUSE SessionManager: ${hint}\nSESSILE_MISUSE Cookie: ${hint}\n`);
  });
});

function app(options: Partial<SessionManagerOptions>, act: Act): RequestListener {
  return handler(SessionManager<Fields>({ ...quiet, ...options }), act);
}

/** Answers with what `act` answers. */
function handler(getSession: GetSession<Fields>, act: Act): RequestListener {
  return (req, res) => {
    getSession(req, res)
      .then((one) => act(one, req, res))
      .then((text) => res.end(text), fail(res));
  };
}

function fail(res: ServerResponse) {
  return ({ message }: Error): void => {
    res.statusCode = 500;
    res.end(message);
  };
}

function count(one: RequestSession<Fields>): string {
  one.views = (one.views ?? 0) + 1;
  return String(one.views);
}

/** express-session computes originalMaxAge anew from two looks at the clock. */
function lifetime({ cookie: { originalMaxAge } }: RequestSession<Fields>): string {
  expect(originalMaxAge).to.be.within(HOUR - 60_000, HOUR);
  return 'an hour';
}

function show(one: RequestSession<Fields>): string {
  return String(one.views);
}

function visit(served: RequestListener, cookie?: string): request.Test {
  const test = request(served).get('/');
  return cookie === undefined ? test : test.set('Cookie', cookie);
}

function setCookies({ headers }: request.Response): string[] {
  const found: unknown = headers['set-cookie'];
  return Array.isArray(found) ? found : [];
}

function cookieOf(answer: request.Response): string {
  return setCookies(answer)[0]?.split(';')[0] ?? expect.fail('no cookie was set');
}

function attributes(answer: request.Response): string[] {
  return (setCookies(answer)[0] ?? '').split('; ').slice(1).sort();
}

function counted(store: MemoryStore): { store: MemoryStore; calls: Record<Calls, number> } {
  const calls = { get: 0, set: 0, touch: 0, destroy: 0 };
  for (const name of Object.keys(calls) as Calls[]) {
    const method = store[name].bind(store) as (...args: unknown[]) => void;
    Object.assign(store, {
      [name]: (...args: unknown[]) => {
        calls[name] += 1;
        method(...args);
      },
    });
  }
  return { store, calls };
}

/** A store one of whose methods fails as soon as `fails` is set. */
function failing(name: 'get' | 'set' | 'touch'): MemoryStore & { fails: boolean } {
  const store = Object.assign(new MemoryStore(), { fails: false });
  const method = store[name].bind(store) as (...args: unknown[]) => void;
  Object.assign(store, {
    [name]: (...args: unknown[]) => {
      if (!store.fails) return method(...args);
      (args.at(-1) as (error: Error) => void)(new Error(`${name} failed`));
    },
  });
  return store;
}

/** Gives up when mocha does, so that a spec that fails ends. */
async function until(condition: () => boolean): Promise<void> {
  for (const started = performance.now(); !condition() && performance.now() - started < 9_000; ) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
