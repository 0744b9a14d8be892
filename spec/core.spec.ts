import { expect } from 'chai';
import type { SessionData } from 'express-session';
import type { Entry } from '../lib/backend.js';
import { type SessionChange, SessionCore } from '../lib/core.js';
import { Expiry, type ExpiryOptions } from '../lib/expiry.js';
import type { Concurrency } from '../lib/merge.js';
import { Codec, type Serializer } from '../lib/record.js';
import { ScriptedBackend } from './support/scripted-backend.js';

const START = 1_000_000;
const TTL = 1_000;

/** Stands for the session object that a framework makes: not plain, so that saves of it are tied to what it had. */
class Loaded {
  [key: string]: unknown;
}

interface Given {
  promises?: boolean;
  concurrency?: Concurrency<SessionData>;
  ttl?: ExpiryOptions<SessionData>['ttl'];
  serializer?: Serializer;
}

function setUp({ promises = false, concurrency = 'merge', ttl = TTL, serializer }: Given = {}) {
  const clock = { now: START };
  const complaints: (Error & { code?: string })[] = [];
  const backend = new ScriptedBackend({ promises });
  const core = new SessionCore({
    backend,
    expiry: new Expiry('Spec', { ttl, now: () => clock.now }),
    codec: new Codec('Spec', serializer),
    concurrency,
    complain: (error) => complaints.push(error),
  });

  /** Loads a session as a request does, by way of a framework's session object. */
  async function load(sid = 'a'): Promise<Loaded & SessionData> {
    const data = await core.get(sid);
    if (data === undefined) return expect.fail('no such session');
    const loaded: Loaded & SessionData = Object.assign(new Loaded(), data);
    core.take(data, loaded);
    return loaded;
  }
  const stored = async (sid = 'a') => (await core.get(sid)) as Record<string, unknown> | undefined;
  return { clock, complaints, backend, core, load, stored };
}

const session = (fields: object) => fields as SessionData;
const cookie = (fields: object = {}) => ({ originalMaxAge: null, expires: null, path: '/', ...fields });
const inMs = (ms: number) => new Date(START + ms);

async function failure(run: () => unknown): Promise<Error & { code?: string }> {
  try {
    await run();
  } catch (error) {
    return error as Error;
  }
  return expect.fail('it did not fail');
}

for (const promises of [false, true]) {
  describe(`SessionCore over a backend that answers ${promises ? 'with promises' : 'at once'}`, () => {
    it('answers with a value only where the backend does', async () => {
      const { core } = setUp({ promises });
      const outcomes = [
        core.set('a', session({})),
        core.get('a'),
        core.touch('a', session({})),
        core.update('a', () => session({})),
        core.count(),
        core.prune(),
        core.destroy('a'),
        core.clear(),
      ];
      for (const outcome of outcomes) expect(outcome instanceof Promise).to.equal(promises);
      await Promise.all(outcomes);
    });

    it('gets what was set, fresh each time, until the deadline', async () => {
      const { core, clock, stored } = setUp({ promises });
      await core.set('a', session({ list: [1], cookie: cookie() }));
      const first = (await stored()) as { list: number[] };
      expect(first).to.deep.equal({ list: [1], cookie: cookie() });
      first.list.push(2);
      expect(await stored()).to.deep.equal({ list: [1], cookie: cookie() });
      clock.now += TTL - 1;
      expect(await stored()).not.to.equal(undefined);
      clock.now += 1;
      expect(await stored()).to.equal(undefined);
    });

    it('shows the deadline in the cookie', async () => {
      const { core, stored } = setUp({ promises });
      await core.set('a', session({ cookie: cookie({ expires: inMs(50).toISOString() }) }));
      await core.touch('a', session({ cookie: cookie({ expires: inMs(70) }) }));
      expect(await stored()).to.deep.equal({ cookie: cookie({ expires: inMs(70) }) });
    });

    it('stores a session whose deadline has passed by removing it', async () => {
      const { core, backend } = setUp({ promises });
      await core.set('a', session({ cookie: cookie() }));
      await core.set('a', session({ cookie: cookie({ expires: inMs(0) }) }));
      expect(backend.kept.size).to.equal(0);
    });

    it('reads a session at the moment of the call', async () => {
      const { core, stored } = setUp({ promises });
      const given = { user: 1 };
      const done = core.set('a', session(given));
      given.user = 2;
      await done;
      expect(await stored()).to.deep.equal({ user: 1 });
    });

    it('touches the living only', async () => {
      const { core, backend, clock, stored } = setUp({ promises });
      await core.touch('a', session({ user: 1 }));
      expect(backend.kept.size).to.equal(0);
      await core.set('a', session({ user: 1 }));
      clock.now += TTL - 1;
      await core.touch('a', session({ user: 2 }));
      clock.now += TTL - 1;
      expect(await stored()).to.deep.equal({ user: 1 });
      clock.now += 1;
      await core.touch('a', session({}));
      expect(await stored()).to.equal(undefined);
    });

    it('destroys, also what is not there', async () => {
      const { core, stored } = setUp({ promises });
      await core.set('a', session({}));
      await core.destroy('a');
      await core.destroy('a');
      expect(await stored()).to.equal(undefined);
    });

    it('counts, names and lists the living, and prunes the dead', async () => {
      const { core, backend, clock } = setUp({ promises });
      await core.set('dead', session({}));
      clock.now += TTL;
      await core.set('__proto__', session({ user: 1 }));
      await core.set('b', session({ user: 2 }));
      expect(await core.count()).to.equal(2);
      expect(await core.ids()).to.deep.equal(['__proto__', 'b']);
      const all = await core.all();
      expect(Object.entries(all)).to.deep.equal([
        ['__proto__', { user: 1 }],
        ['b', { user: 2 }],
      ]);
      expect(Object.getPrototypeOf(all)).to.equal(null);
      expect(backend.kept.size).to.equal(3);
      expect(await core.prune()).to.equal(1);
      expect(backend.kept.size).to.equal(2);
      await core.clear();
      expect(backend.kept.size).to.equal(0);
    });

    it('lets what the backend fails with through', async () => {
      const { core, backend } = setUp({ promises });
      const error = new Error('disk');
      for (const [act, run] of [
        ['read', () => core.get('a')],
        ['update', () => core.set('a', session({}))],
        ['update', () => core.destroy('a')],
        ['update', () => core.update('a', () => session({}))],
        ['touch', () => core.touch('a', session({}))],
        ['count', () => core.count()],
        ['prune', () => core.prune()],
        ['clear', () => core.clear()],
      ] as const) {
        backend.failNext(act, error);
        expect(await failure(run)).to.equal(error);
      }
    });
  });

  describe(`SessionCore saving over a backend that answers ${promises ? 'with promises' : 'at once'}`, () => {
    it('keeps the changes of requests that loaded the same session', async () => {
      const { core, load, stored } = setUp({ promises });
      await core.set('a', session({ gone: 1, cookie: cookie() }));
      const requests = await Promise.all([1, 2, 3].map(() => load()));
      for (const [n, request] of requests.entries()) request[`key${n}`] = n;
      delete requests[0]?.['gone'];
      await Promise.all(requests.map((request) => core.set('a', request)));
      expect(await stored()).to.deep.equal({ key0: 0, key1: 1, key2: 2, cookie: cookie() });
    });

    for (const [how, end] of Object.entries({
      destroyed: ({ core }) => core.destroy('a'),
      cleared: ({ core }) => core.clear(),
      expired: ({ clock }) => {
        clock.now += TTL;
      },
    } satisfies Record<string, (given: ReturnType<typeof setUp>) => unknown>)) {
      it(`brings nothing back that was ${how} meanwhile, however often it is saved`, async () => {
        const given = setUp({ promises });
        await given.core.set('a', session({ user: 1 }));
        const request = await given.load();
        await end(given);
        request['mine'] = 2;
        await given.core.set('a', request);
        await given.core.set('a', request);
        await given.core.touch('a', request);
        expect(given.backend.kept.size).to.equal(0);
      });
    }

    it('does not bring back a session that was new to this request and destroyed after its first save', async () => {
      const { core, backend } = setUp({ promises });
      const request = session(new Loaded());
      await core.set('a', request);
      await core.destroy('a');
      await core.set('a', request);
      expect(backend.kept.size).to.equal(0);
    });

    it('writes a plain object as it is, each time, destroyed or not', async () => {
      const { core, stored } = setUp({ promises });
      const plain = session({ user: 1 });
      await core.set('a', plain);
      await core.update('a', () => session({ other: 1 }));
      await core.set('a', plain);
      expect(await stored()).to.deep.equal({ user: 1 });
      await core.destroy('a');
      await core.set('a', plain);
      expect(await stored()).to.deep.equal({ user: 1 });
    });

    it('writes what get answered as it is, where no framework made a session object of it', async () => {
      const { core, stored } = setUp({ promises });
      await core.set('a', session({ user: 1 }));
      const data = (await core.get('a')) as SessionData;
      await core.update('a', () => session({ other: 1 }));
      await core.set('a', data);
      expect(await stored()).to.deep.equal({ user: 1 });
    });

    it('writes a session object under another id as it is', async () => {
      const { core, load, stored } = setUp({ promises });
      await core.set('a', session({ user: 1 }));
      await core.set('b', await load('a'));
      expect(await stored('b')).to.deep.equal({ user: 1 });
    });

    it('keeps what others added between two saves of one session object', async () => {
      const { core, load, stored } = setUp({ promises });
      await core.set('a', session({ user: 1 }));
      const request = await load();
      request['mine'] = 1;
      await core.set('a', request);
      await core.update('a', (now) => session({ ...now, theirs: 1 }));
      request['mine'] = 2;
      await core.set('a', request);
      await core.set('a', request);
      expect(await stored()).to.deep.equal({ user: 1, mine: 2, theirs: 1 });
    });

    it('takes back in a second save what a first one stored, though the first is still under way', async () => {
      const { core, load, stored } = setUp({ promises });
      await core.set('a', session({ step: 1, theirs: 0 }));
      const request = await load();
      await core.update('a', (now) => session({ ...now, theirs: 1 }));
      Object.assign(request, { step: 2, flash: 'hi' });
      const first = core.set('a', request);
      request['step'] = 1;
      delete request['flash'];
      const second = core.set('a', request);
      await Promise.all([first, second]);
      expect(await stored()).to.deep.equal({ step: 1, theirs: 1 });
    });

    it('loses nothing in a second save when the first fails that is still under way', async () => {
      const { core, backend, load, stored } = setUp({ promises });
      await core.set('a', session({ step: 1 }));
      const request = await load();
      request['mine'] = 1;
      backend.failNext('update', new Error('disk'));
      const first = failure(() => core.set('a', request));
      request['more'] = 1;
      const second = core.set('a', request);
      expect((await first).message).to.equal('disk');
      await second;
      expect(await stored()).to.deep.equal({ step: 1, mine: 1, more: 1 });
    });

    it('starts a save after a touch from what was saved before it', async () => {
      const { core, load, stored } = setUp({ promises });
      await core.set('a', session({ cookie: cookie() }));
      const request = await load();
      request['flash'] = 'hi';
      const saved = core.set('a', request);
      await Promise.all([saved, core.touch('a', request)]);
      await core.update('a', (now) => session({ ...now, theirs: 1 }));
      delete request['flash'];
      await core.set('a', request);
      expect(await stored()).to.deep.equal({ theirs: 1, cookie: cookie() });
    });

    it('starts from what the save before stored, where the answer of that was lost and what was seen is gone', async () => {
      const { core, backend, load, stored } = setUp({ promises });
      backend.guesses = true;
      await core.set('a', session({ n: 1 }));
      const request = await load();
      request['user'] = 'zoe';
      backend.lost = new Error('no answer');
      await failure(() => core.set('a', request));
      expect(await stored()).to.have.property('user', 'zoe');
      delete request['user'];
      await core.set('a', request);
      expect(await stored()).to.not.have.property('user');
    });

    it('keeps the later deadline of a renewal that came between, where what was seen is gone', async () => {
      const { core, backend, load } = setUp({ promises });
      backend.guesses = true;
      await core.set('a', session({ n: 1, cookie: cookie({ expires: inMs(500) }) }));
      const request = await load();
      await core.touch('a', session({ cookie: cookie({ expires: inMs(600) }) }));
      request.cookie = cookie({ expires: inMs(900) }) as unknown as SessionData['cookie'];
      await core.set('a', request);
      expect(backend.kept.get('a')).to.have.property('expires', START + 900);
    });

    it('answers the last of the answers where the backend retries', async () => {
      const { core, backend, load, stored } = setUp({ promises });
      await core.set('a', session({ n: 1 }));
      backend.retries = 2;
      let asked = 0;
      const answer = await core.update('a', (now) => session({ ...now, asked: ++asked }));
      expect(answer).to.deep.equal({ n: 1, asked: 3 });
      const request = await load();
      request['n'] = 2;
      await core.set('a', request);
      expect(await stored()).to.deep.equal({ n: 2, asked: 3 });
    });
  });
}

describe('SessionCore saving', () => {
  it('starts a failed save from where it started before', async () => {
    const { core, backend, load, stored } = setUp();
    await core.set('a', session({ flash: 'hi' }));
    const request = await load();
    delete request['flash'];
    backend.failNext('update', new Error('disk'));
    await failure(() => core.set('a', request));
    await core.update('a', (now) => session({ ...now, theirs: 1 }));
    await core.set('a', request);
    expect(await stored()).to.deep.equal({ theirs: 1 });
  });

  it('keeps keys that the framework hid', async () => {
    const { core, backend, stored } = setUp();
    backend.kept.set('a', { data: '{"toString":1,"user":1}', cookie: '', expires: START + TTL });
    const data = (await core.get('a')) as SessionData;
    const request = Object.assign(new Loaded(), { user: 2 });
    core.take(data, request);
    await core.set('a', request as unknown as SessionData);
    await core.set('a', request as unknown as SessionData);
    expect(await stored()).to.deep.equal({ toString: 1, user: 2 });
  });

  it('cannot save over what it cannot read, and leaves that as it is', async () => {
    const { core, backend, load } = setUp();
    await core.set('a', session({ user: 1 }));
    const request = await load();
    const broken = { data: '{"user":', cookie: '', expires: START + TTL };
    backend.kept.set('a', broken);
    request['mine'] = 2;
    expect(await failure(() => core.set('a', request))).to.have.property('code', 'SESSILE_CORRUPT');
    expect(backend.kept.get('a')).to.equal(broken);
  });

  it('encrypts with random text and merges none the less', async () => {
    let salt = 0;
    const serializer: Serializer = {
      stringify: (data) => `${++salt}:${JSON.stringify(data)}`,
      parse: (text) => JSON.parse(text.slice(text.indexOf(':') + 1)) as object,
    };
    const { core, load, stored } = setUp({ serializer });
    await core.set('a', session({ mine: 1, theirs: 1 }));
    const [one, two] = [await load(), await load()];
    one['theirs'] = 2;
    two['mine'] = 2;
    await core.set('a', one);
    await core.set('a', two);
    expect(await stored()).to.deep.equal({ mine: 2, theirs: 2 });
  });

  it('stores nothing of a session that cannot be written', async () => {
    const { core, stored } = setUp();
    await core.set('a', session({ user: 1 }));
    expect(await failure(() => core.set('a', session({ user: 1n })))).to.have.property('code', 'SESSILE_SERIALIZE');
    expect(await stored()).to.deep.equal({ user: 1 });
  });

  for (const answer of [-1, Number.NaN, 'soon', undefined]) {
    it(`stores nothing where ttl answers ${String(answer)}`, async () => {
      const { core, backend } = setUp({ ttl: () => answer as number });
      for (const run of [() => core.set('a', session({})), () => core.touch('a', session({}))]) {
        expect(await failure(run)).to.have.property('code', 'SESSILE_MISUSE');
      }
      expect(backend.calls).to.deep.equal([]);
    });
  }

  it('gives a ttl function the session and its id', async () => {
    const { core, clock, stored } = setUp({ ttl: (given, sid) => (given as never as { ms: number }).ms + sid.length });
    await core.set('abc', session({ ms: 7 }));
    clock.now += 9;
    expect(await stored('abc')).to.deep.equal({ ms: 7 });
    clock.now += 1;
    expect(await stored('abc')).to.equal(undefined);
  });
});

describe('SessionCore over a backend that can write', () => {
  const plain = () => session({ user: 1, cookie: cookie() });
  const loaded = () => Object.assign(new Loaded(), plain());

  for (const promises of [false, true]) {
    it(`has it write what nothing is known of, ${promises ? 'later' : 'at once'}`, async () => {
      const { core, backend, stored } = setUp({ promises });
      backend.withWrite();
      await core.set('a', plain());
      expect(backend.calls).to.deep.equal(['write']);
      expect(await stored()).to.deep.equal(plain());
    });
  }

  it('delivers what the write failed with', async () => {
    const { core, backend } = setUp({ promises: true });
    const error = new Error('disk');
    backend.withWrite().failNext('write', error);
    expect(await failure(() => core.set('a', plain()))).to.equal(error);
  });

  it("has it write everything with concurrency 'overwrite'", async () => {
    const { core, backend, load } = setUp({ concurrency: 'overwrite' });
    backend.withWrite();
    await core.set('a', plain());
    await core.set('a', await load());
    expect(backend.calls).to.deep.equal(['write', 'read', 'write']);
  });

  it('updates where a save may have something to start from: what was loaded, or took something over, or was saved', async () => {
    const { core, backend } = setUp();
    backend.withWrite();
    const first = loaded();
    await core.set('a', first);
    await core.set('a', first);
    const data = await core.get('a');
    const taken = plain();
    core.take(data as object, taken);
    await core.set('a', taken);
    expect(backend.calls).to.deep.equal(['write', 'update', 'read', 'update']);
  });

  it('updates for the second save of a new session that is asked for before the first is done', async () => {
    const { core, backend, stored } = setUp({ promises: true });
    backend.withWrite();
    const first = loaded();
    const saves = [core.set('a', first), core.destroy('a'), core.set('a', Object.assign(first, { user: 2 }))];
    await Promise.all(saves);
    expect(backend.calls).to.deep.equal(['write', 'write', 'update']);
    expect(await stored()).to.deep.equal({ ...plain(), user: 2 });
  });

  it('has it remove what is ended, and what is dead when it is saved', async () => {
    const { core, backend } = setUp();
    backend.withWrite();
    await core.set('a', plain());
    await core.set('a', session({ user: 1, cookie: cookie({ originalMaxAge: 1, expires: inMs(-1) }) }));
    expect(backend.kept.size).to.equal(0);
    await core.set('a', plain());
    await core.destroy('a');
    expect(backend.kept.size).to.equal(0);
    expect(backend.calls).to.deep.equal(['write', 'write', 'write', 'write']);
  });
});

describe('SessionCore.touch', () => {
  const hour = cookie({ originalMaxAge: 3_600_000, expires: inMs(100) });
  const month = cookie({ originalMaxAge: 9_000_000, expires: inMs(900) });
  const later = (given: object, ms: number) => ({ ...given, expires: inMs(ms) });

  async function two(concurrency: Concurrency<SessionData> = 'merge') {
    const given = setUp({ concurrency });
    await given.core.set('a', session({ cookie: hour }));
    return { ...given, one: await given.load(), other: await given.load() };
  }

  it('leaves the cookie that another request changed, unless this one changed it too', async () => {
    const { core, one, other, stored } = await two();
    Object.assign(one, { cookie: month });
    Object.assign(other, { cookie: later(hour, 200) });
    await core.touch('a', one);
    await core.touch('a', other);
    expect(await stored()).to.deep.equal({ cookie: month });
    Object.assign(other, { cookie: later({ ...hour, originalMaxAge: 5 }, 5) });
    await core.touch('a', other);
    expect(await stored()).to.deep.equal({ cookie: { ...hour, originalMaxAge: 5, expires: inMs(5) } });
  });

  it('moves the deadline after a save whose cookie had lost a millisecond to the clock', async () => {
    const { core, one, stored } = await two();
    Object.assign(one, { user: 1, cookie: { ...hour, originalMaxAge: 3_599_999 } });
    await core.set('a', one);
    Object.assign(one, { cookie: later({ ...hour, originalMaxAge: 3_599_998 }, 300) });
    await core.touch('a', one);
    expect(await stored()).to.deep.equal({ user: 1, cookie: later(hour, 300) });
  });

  it('insists on a cookie once only', async () => {
    const { core, one, other, stored } = await two();
    Object.assign(one, { cookie: month });
    await core.touch('a', one);
    const short = later({ ...hour, originalMaxAge: 60_000 }, 300);
    Object.assign(other, { cookie: short });
    await core.touch('a', other);
    await core.touch('a', one);
    expect(await stored()).to.deep.equal({ cookie: short });
  });

  it('merges a changed cookie by attribute with what another request made of it, and revives nothing', async () => {
    const { core, one, other, stored } = await two();
    Object.assign(one, { cookie: month });
    await core.touch('a', one);
    await core.touch('a', Object.assign(other, { cookie: later({ ...hour, secure: true }, 300) }));
    expect(await stored()).to.deep.equal({ cookie: { ...month, secure: true } });
    await core.destroy('a');
    await core.touch('a', Object.assign(other, { cookie: later({ ...hour, httpOnly: true }, 300) }));
    expect(await stored()).to.equal(undefined);
  });

  it('always moves the cookie of a plain object, and where concurrency is overwrite', async () => {
    for (const concurrency of ['merge', 'overwrite'] as const) {
      const { core, one, other, stored } = await two(concurrency);
      Object.assign(one, { cookie: month });
      await core.touch('a', one);
      const last =
        concurrency === 'merge'
          ? session({ cookie: later(hour, 200) })
          : Object.assign(other, { cookie: later(hour, 200) });
      await core.touch('a', last as SessionData);
      expect(await stored()).to.deep.equal({ cookie: later(hour, 200) });
    }
  });

  it('changes no data', async () => {
    const { core, one, stored } = await two();
    await core.touch('a', Object.assign(one, { user: 1 }));
    expect(await stored()).to.deep.equal({ cookie: hour });
  });
});

describe('SessionCore with concurrency overwrite', () => {
  it('writes what the request has, and brings back what was destroyed', async () => {
    const { core, load, stored } = setUp({ concurrency: 'overwrite' });
    await core.set('a', session({ user: 1 }));
    const request = await load();
    await core.update('a', () => session({ other: 1 }));
    await core.set('a', request);
    expect(await stored()).to.deep.equal({ user: 1 });
    await core.destroy('a');
    await core.set('a', request);
    expect(await stored()).to.deep.equal({ user: 1 });
  });
});

describe('SessionCore with a function for concurrency', () => {
  type Rule = (base: SessionData, theirs: SessionData, ours: SessionData) => SessionData;

  async function conflict(rule: Rule, stored: Entry['data'] = '{"n":1}') {
    const given = setUp({ concurrency: rule });
    given.backend.kept.set('a', { data: stored, cookie: '{"path":"/"}', expires: START + TTL });
    const request = await given.load();
    await given.core.update('a', (now) => session({ ...now, n: 10 }));
    request['n'] = 5;
    return { ...given, request };
  }

  it('is asked with all three, as sessions, and decides', async () => {
    const asked: object[][] = [];
    const { core, request, stored } = await conflict((base, theirs, ours) => {
      asked.push([base, theirs, ours]);
      const [was, is, wanted] = [base, theirs, ours].map((each) => (each as never as { n: number }).n) as [
        number,
        number,
        number,
      ];
      return session({ n: is + wanted - was, cookie: ours.cookie });
    });
    await core.set('a', request);
    expect(asked).to.deep.equal([
      [
        { n: 1, cookie: { path: '/' } },
        { n: 10, cookie: { path: '/' } },
        { n: 5, cookie: { path: '/' } },
      ],
    ]);
    expect(await stored()).to.deep.equal({ n: 14, cookie: { path: '/' } });
  });

  it('is not asked where nobody else wrote, and hidden keys stay', async () => {
    const { core, backend, stored } = setUp({ concurrency: () => expect.fail('asked') });
    backend.kept.set('a', { data: '{"toString":1,"n":1}', cookie: '', expires: START + TTL });
    const data = (await core.get('a')) as SessionData;
    const request = Object.assign(new Loaded(), { n: 2 });
    core.take(data, request);
    await core.set('a', request as unknown as SessionData);
    expect(await stored()).to.deep.equal({ toString: 1, n: 2 });
  });

  it('does not see hidden keys in what the request started from, as if it had deleted them', async () => {
    let seen: object = {};
    const { core, stored } = await conflict((base, theirs, ours) => {
      seen = base;
      return { ...theirs, ...ours };
    }, '{"n":1,"toString":1}');
    const data = (await core.get('a')) as SessionData;
    const request = Object.assign(new Loaded(), { n: 2, cookie: data.cookie });
    core.take(data, request);
    await core.update('a', (now) => session({ ...now, n: 11 }));
    await core.set('a', request as unknown as SessionData);
    expect(Object.keys(seen)).to.deep.equal(['n', 'cookie']);
    expect(await stored()).to.deep.equal({ n: 2, toString: 1, cookie: { path: '/' } });
  });

  it('is not asked where the session was destroyed', async () => {
    const { core, request, backend } = await conflict(() => expect.fail('asked'));
    await core.destroy('a');
    await core.set('a', request);
    expect(backend.kept.size).to.equal(0);
  });

  it('may end the session by its cookie', async () => {
    const { core, request, backend } = await conflict(() => session({ cookie: { expires: inMs(-1) } }));
    await core.set('a', request);
    expect(backend.kept.size).to.equal(0);
  });

  it('stores nothing when it throws, and lets its error through', async () => {
    const error = new Error('no');
    const { core, request, stored } = await conflict(() => {
      throw error;
    });
    expect(await failure(() => core.set('a', request))).to.equal(error);
    expect(await stored()).to.include({ n: 10 });
  });

  for (const answer of [undefined, null, 'text', [], Promise.resolve({}), Promise.reject(new Error('late'))]) {
    const kind = answer instanceof Promise ? 'a promise' : Array.isArray(answer) ? 'an array' : String(answer);
    if (answer instanceof Promise) answer.catch(() => {});
    it(`stores nothing when it answers ${kind}`, async () => {
      const { core, request, stored } = await conflict(() => answer as never);
      expect(await failure(() => core.set('a', request))).to.include({ code: 'SESSILE_MISUSE' });
      expect(await stored()).to.include({ n: 10 });
    });
  }
});

describe('SessionCore.update', () => {
  it('creates, changes and removes', async () => {
    const { core, backend } = setUp();
    const add: SessionChange = (now) => session({ n: ((now as never as { n: number } | undefined)?.n ?? 0) + 1 });
    expect(await core.update('a', add)).to.deep.equal({ n: 1 });
    expect(await core.update('a', add)).to.deep.equal({ n: 2 });
    expect(await core.update('a', () => undefined)).to.equal(undefined);
    expect(backend.kept.size).to.equal(0);
  });

  it('is given nothing in place of the dead and of the corrupt', async () => {
    const { core, backend, clock, complaints } = setUp();
    const seen: unknown[] = [];
    await core.set('a', session({ user: 1 }));
    clock.now += TTL;
    backend.kept.set('b', { data: 'broken', cookie: '', expires: clock.now + 1 });
    for (const sid of ['a', 'b']) {
      await core.update(sid, (now) => {
        seen.push(now);
        return session({ user: 2 });
      });
    }
    expect(seen).to.deep.equal([undefined, undefined]);
    expect(complaints.map(({ code }) => code)).to.deep.equal(['SESSILE_CORRUPT']);
  });

  it('removes a session that is given a past deadline', async () => {
    const { core, backend } = setUp();
    expect(await core.update('a', () => session({ cookie: cookie({ expires: inMs(0) }) }))).to.equal(undefined);
    expect(backend.kept.size).to.equal(0);
  });

  it('answers a copy of what is stored', async () => {
    const { core, stored } = setUp();
    const given = { list: [1] };
    const answer = (await core.update('a', () => session(given))) as unknown as typeof given;
    answer.list.push(2);
    given.list.push(3);
    expect(await stored()).to.deep.equal({ list: [1] });
  });

  it('stores nothing when change throws, and lets its error through', async () => {
    const { core, stored } = setUp();
    await core.set('a', session({ user: 1 }));
    const error = new Error('no');
    const thrown = await failure(() =>
      core.update('a', () => {
        throw error;
      }),
    );
    expect(thrown).to.equal(error);
    expect(await stored()).to.deep.equal({ user: 1 });
  });

  for (const answer of [null, false, 0, '', 'text', true, []]) {
    it(`stores nothing when change answers ${JSON.stringify(answer)}`, async () => {
      const { core, stored } = setUp();
      await core.set('a', session({ user: 1 }));
      expect(await failure(() => core.update('a', () => answer as never))).to.include({ code: 'SESSILE_MISUSE' });
      expect(await stored()).to.deep.equal({ user: 1 });
    });
  }

  it('refuses an async change, and leaves none of its failures unhandled', async () => {
    const { core, backend } = setUp();
    const unhandled: unknown[] = [];
    const listen = (reason: unknown) => unhandled.push(reason);
    const listeners = process.rawListeners('unhandledRejection') as NodeJS.UnhandledRejectionListener[];
    process.removeAllListeners('unhandledRejection').on('unhandledRejection', listen);
    try {
      const asynchronous = async () => {
        throw new Error('late');
      };
      expect(await failure(() => core.update('a', asynchronous as never))).to.include({ code: 'SESSILE_MISUSE' });
      await new Promise((resolve) => setTimeout(resolve, 5));
    } finally {
      process.off('unhandledRejection', listen);
      for (const listener of listeners) process.on('unhandledRejection', listener);
    }
    expect(unhandled).to.deep.equal([]);
    expect(backend.kept.size).to.equal(0);
  });

  it('refuses what is no function', async () => {
    const { core } = setUp();
    expect(await failure(() => core.update('a', undefined as never))).to.include({ code: 'SESSILE_MISUSE' });
  });
});

describe('SessionCore', () => {
  for (const wrong of [undefined, null, 5, {}, ['a']]) {
    it(`refuses ${JSON.stringify(wrong)} for a session id, and touches nothing`, async () => {
      const { core, backend } = setUp();
      const sid = wrong as never;
      for (const run of [
        () => core.get(sid),
        () => core.set(sid, session({})),
        () => core.touch(sid, session({})),
        () => core.destroy(sid),
        () => core.update(sid, () => undefined),
      ]) {
        expect(await failure(run))
          .to.be.instanceOf(TypeError)
          .and.include({ code: 'SESSILE_MISUSE' });
      }
      expect(backend.calls).to.deep.equal([]);
    });
  }

  it('takes what it cannot read for a miss, and complains', async () => {
    const { core, backend, complaints } = setUp();
    backend.kept.set('a', { data: 'broken', cookie: '', expires: START + TTL });
    await core.set('b', session({ user: 1 }));
    expect(await core.get('a')).to.equal(undefined);
    expect(await core.all()).to.deep.equal(Object.assign(Object.create(null), { b: { user: 1 } }));
    expect(complaints.map(({ code }) => code)).to.deep.equal(['SESSILE_CORRUPT', 'SESSILE_CORRUPT']);
  });

  it('says nothing of what it cannot read once that is dead', async () => {
    const { core, backend, complaints } = setUp();
    backend.kept.set('a', { data: 'broken', cookie: '', expires: START });
    expect(await core.get('a')).to.equal(undefined);
    expect(await core.all()).to.be.empty;
    expect(complaints).to.deep.equal([]);
  });
});
