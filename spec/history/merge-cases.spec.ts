import { expect } from 'chai';
import type { Request } from 'express';
import type { SessionOptions } from 'express-session';
import { MemoryStore } from '../../lib/backends/memory.js';
import { type Act, type AnySession, StagedApp } from './staged-app.js';

const HOUR = 3_600_000;

const data = (req: Request) => req.session as unknown as AnySession;

const assign =
  (fields: object): Act =>
  (req) =>
    void Object.assign(req.session, fields);

const remove =
  (key: string): Act =>
  (req) =>
    void delete data(req)[key];

const extend =
  (maxAge: number): Act =>
  (req) =>
    void Object.assign(req.session.cookie, { maxAge });

const call = (req: Request, method: 'save' | 'reload' | 'regenerate') =>
  new Promise<void>((resolve, reject) => {
    req.session[method]((error: unknown) => (error ? reject(error as Error) : resolve()));
  });

/** Lets another request on the same session begin and end. */
type Meanwhile = (act: Act) => Promise<void>;

/** examples/parallel/README.md has an answer for each of these; the titles say the same in the words of a request. */
describe('what a request does while another one saves the same session', () => {
  let store: MemoryStore;
  let app: StagedApp;
  let sid: string;
  let cookie: string;

  beforeEach(() => {
    store = new MemoryStore();
  });

  afterEach(async () => {
    await app.close();
    await store.closeAsync();
  });

  async function login(fields: object, options: Partial<SessionOptions> = {}): Promise<void> {
    app = await StagedApp.open(store, { cookie: { maxAge: HOUR }, ...options });
    const answer = await app.alone(assign(fields));
    sid = answer.body;
    cookie = answer.cookie as string;
  }

  /** A request that has loaded its session before `act` begins, and ends after it. */
  async function slow(act: (req: Request, meanwhile: Meanwhile) => Promise<void>) {
    const meanwhile: Meanwhile = async (other) => {
      expect((await app.alone(other, cookie)).status).to.equal(200);
    };
    const answer = await app.alone((req) => act(req, meanwhile), cookie);
    expect(answer.status, answer.body).to.equal(200);
    return answer;
  }

  async function stored(id = sid): Promise<Record<string, unknown> | undefined> {
    const found = await store.getAsync(id);
    if (found === undefined) return undefined;
    const { cookie: _, ...others } = found;
    return { ...others };
  }

  it('several saves: what others saved between them stays', async () => {
    await login({ user: 'ada' });
    await slow(async (req, meanwhile) => {
      for (const n of [1, 2, 3]) {
        data(req)[`mine ${n}`] = n;
        await meanwhile(assign({ [`theirs ${n}`]: n }));
        await call(req, 'save');
      }
      delete data(req)['mine 1'];
    });
    const theirs = { 'theirs 1': 1, 'theirs 2': 2, 'theirs 3': 3 };
    expect(await stored()).to.deep.equal({ user: 'ada', 'mine 2': 2, 'mine 3': 3, ...theirs });
  });

  it('reload: what was not saved is dropped, and the request goes on from what is stored', async () => {
    await login({ user: 'ada', n: 1 });
    await slow(async (req, meanwhile) => {
      assign({ n: 2, unsaved: true })(req, async () => {});
      await meanwhile(assign({ n: 3 }));
      await call(req, 'reload');
      expect(data(req)).to.include({ n: 3 }).and.not.to.have.property('unsaved');
      await meanwhile(assign({ theirs: true }));
      data(req)['n'] = Number(data(req)['n']) + 1;
    });
    expect(await stored()).to.deep.equal({ user: 'ada', n: 4, theirs: true });
  });

  it('regenerate: the old session is gone for all, and the new one has what this request gave it', async () => {
    await login({ user: 'ada' });
    let late: Promise<unknown> = Promise.resolve();
    const answer = await slow(async (req) => {
      let arrived = () => {};
      const there = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      let go = () => {};
      const gate = new Promise<void>((resolve) => {
        go = resolve;
      });
      const other = app.alone(async (beside) => {
        arrived();
        await gate;
        data(beside)['late'] = true;
      }, cookie);
      await there;
      await call(req, 'regenerate');
      data(req)['user'] = 'grace';
      late = other;
      go();
      expect((await other).status).to.equal(200);
    });
    await late;
    expect(answer.body).not.to.equal(sid);
    expect(await stored()).to.equal(undefined);
    expect(await stored(answer.body)).to.deep.equal({ user: 'grace' });
  });

  it("req.session = null with unset: 'destroy': the session is gone, whatever was saved meanwhile", async () => {
    await login({ user: 'ada' }, { unset: 'destroy' });
    await slow(async (req, meanwhile) => {
      await meanwhile(assign({ theirs: true }));
      (req as { session?: unknown }).session = null;
    });
    expect(await stored()).to.equal(undefined);
  });

  it("req.session = null with unset: 'keep': the request saves nothing", async () => {
    await login({ user: 'ada' }, { unset: 'keep' });
    await slow(async (req, meanwhile) => {
      data(req)['mine'] = true;
      await meanwhile(assign({ theirs: true }));
      (req as { session?: unknown }).session = null;
    });
    expect(await stored()).to.deep.equal({ user: 'ada', theirs: true });
  });

  it('resave: true: a request that changed nothing undoes nothing', async () => {
    await login({ user: 'ada', n: 1, old: true }, { resave: true });
    await slow(async (_, meanwhile) => {
      await meanwhile(assign({ n: 2, theirs: true }));
      await meanwhile(remove('old'));
    });
    expect(await stored()).to.deep.equal({ user: 'ada', n: 2, theirs: true });
  });

  for (const resave of [false, true]) {
    it(`rolling: true, resave: ${resave}: a cookie with every answer, the maxAge of another request stays`, async () => {
      await login({ user: 'ada' }, { rolling: true, resave });
      const answer = await slow(async (_, meanwhile) => {
        await meanwhile(extend(2 * HOUR));
      });
      expect(answer.cookie).to.equal(cookie);
      expect(await lifetime()).to.be.within(2 * HOUR - 60_000, 2 * HOUR);
    });
  }

  it('a changed maxAge: it stays beside the keys that others save, and of two the later counts', async () => {
    await login({ user: 'ada' });
    await slow(async (req, meanwhile) => {
      await meanwhile(extend(3 * HOUR));
      data(req)['mine'] = true;
    });
    expect(await lifetime()).to.be.within(3 * HOUR - 60_000, 3 * HOUR);
    await slow(async (req, meanwhile) => {
      await meanwhile(extend(5 * HOUR));
      req.session.cookie.maxAge = 2 * HOUR;
    });
    expect(await lifetime()).to.be.within(2 * HOUR - 60_000, 2 * HOUR);
    expect(await stored()).to.deep.equal({ user: 'ada', mine: true });
  });

  it('a nested object is one value: the later save has all of it', async () => {
    await login({ cart: { apples: 1 }, prefs: { dark: false } });
    await slow(async (req, meanwhile) => {
      await meanwhile((other) => void Object.assign(data(other)['cart'] as object, { pears: 2 }));
      await meanwhile(assign({ prefs: { dark: true } }));
      data(req)['cart'] = { plums: 3 };
    });
    expect(await stored()).to.deep.equal({ cart: { plums: 3 }, prefs: { dark: true } });
  });

  it('a deleted key stays deleted beside the keys of others, also where one of them changed it before', async () => {
    await login({ user: 'ada', old: 1, older: 1 });
    await slow(async (req, meanwhile) => {
      await meanwhile(assign({ theirs: true, older: 2 }));
      delete data(req)['old'];
      delete data(req)['older'];
    });
    expect(await stored()).to.deep.equal({ user: 'ada', theirs: true });
  });

  it('a key that another request deleted stays deleted, unless this one changed it', async () => {
    await login({ user: 'ada', old: 1, older: 1 });
    await slow(async (req, meanwhile) => {
      await meanwhile(remove('old'));
      await meanwhile(remove('older'));
      Object.assign(data(req), { mine: true, older: 2 });
    });
    expect(await stored()).to.deep.equal({ user: 'ada', mine: true, older: 2 });
  });

  it('a key that is set back to its former value was not changed', async () => {
    await login({ user: 'ada', n: 1 });
    await slow(async (req, meanwhile) => {
      data(req)['n'] = 2;
      await meanwhile(assign({ n: 3 }));
      Object.assign(data(req), { n: 1, mine: true });
    });
    expect(await stored()).to.deep.equal({ user: 'ada', n: 3, mine: true });
  });

  it('a key that is set back after it was saved was changed', async () => {
    await login({ user: 'ada', n: 1 });
    await slow(async (req, meanwhile) => {
      data(req)['n'] = 2;
      await call(req, 'save');
      await meanwhile(assign({ n: 3 }));
      data(req)['n'] = 1;
    });
    expect(await stored()).to.deep.equal({ user: 'ada', n: 1 });
  });

  for (const key of ['__proto__', 'constructor']) {
    it(`a key named ${key}: stored and kept as any other, though express-session shows it to no request`, async () => {
      await login({ user: 'ada' });
      const own = { value: { a: 1 }, enumerable: true, configurable: true, writable: true };
      await slow(async (req, meanwhile) => {
        Object.defineProperty(req.session, key, own);
        await meanwhile(assign({ theirs: true }));
      });
      await slow(async (req, meanwhile) => {
        await meanwhile(assign({ n: 1 }));
        expect(Object.keys(req.session)).not.to.include(key);
        data(req)['mine'] = true;
      });
      const found = (await store.getAsync(sid)) as object;
      expect(Object.keys(found).sort()).to.deep.equal([key, 'cookie', 'mine', 'n', 'theirs', 'user'].sort());
      expect(Object.getOwnPropertyDescriptor(found, key)?.value).to.deep.equal({ a: 1 });
      expect(({} as { a?: unknown }).a).to.equal(undefined);
    });
  }

  for (const saved of [false, true]) {
    const how = saved ? 'where other keys changed too' : 'where nothing else changed';
    it(`the key named cookie is the cookie, and goes by attribute, ${how}; in a nested object it is data`, async () => {
      await login({ user: 'ada', prefs: { cookie: 'no' } });
      await slow(async (req, meanwhile) => {
        await meanwhile(extend(2 * HOUR));
        await meanwhile(assign({ prefs: { cookie: 'yes' } }));
        req.session.cookie.originalMaxAge = HOUR - 1;
        req.session.cookie.path = '/mine';
        if (saved) data(req)['mine'] = true;
      });
      const found = await store.getAsync(sid);
      expect(found?.cookie).to.include({ path: '/mine' });
      expect(await lifetime()).to.be.within(2 * HOUR - 60_000, 2 * HOUR);
      expect(Number(found?.cookie.expires) - Date.now()).to.be.within(2 * HOUR - 60_000, 2 * HOUR);
      expect(await stored()).to.deep.equal({ user: 'ada', prefs: { cookie: 'yes' }, ...(saved && { mine: true }) });
    });
  }

  async function lifetime(): Promise<number> {
    return Number((await store.getAsync(sid))?.cookie.originalMaxAge);
  }
});
