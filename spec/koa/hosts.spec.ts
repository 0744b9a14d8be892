import { expect } from 'chai';
import type { Context } from 'koa';
import { MemoryStore } from '../../lib/backends/memory.js';
import { Gate, Site, Visitor } from '../support/visitor.js';
import { common, type Handler, type Host, type HostOptions, hosts } from './hosts.js';

const HOUR = 3_600_000;

for (const host of hosts) describe(`${host.name}, with a store of ours`, () => journeys(host));

function journeys(host: Host): void {
  const realNow = Date.now;
  let offset: number;
  let store: MemoryStore;
  let errors: Error[];
  const sites: Site[] = [];

  beforeEach(() => {
    offset = 0;
    errors = [];
    Date.now = () => realNow() + offset;
    store = new MemoryStore({ now: Date.now });
  });

  afterEach(async () => {
    Date.now = realNow;
    for (const site of sites.splice(0)) await site.close();
    await store.closeAsync();
  });

  async function visit(routes: Record<string, Handler> = {}, options: Partial<HostOptions> = {}) {
    const app = new host.Application();
    app.keys = ['key of the spec'];
    app.on('error', (error) => errors.push(error));
    host.use(app, store, { maxAge: HOUR, ...options });
    app.use(async (ctx) => {
      const handler = { ...common, ...routes }[ctx.path];
      ctx.body = (await handler?.(ctx)) ?? shown(ctx['session']);
    });
    const site = await Site.open(app.callback());
    sites.push(site);
    return new Visitor(site);
  }

  it('gives a new visitor no cookie, and stores nothing, until something is put into the session', async () => {
    const visitor = await visit();
    expect(await visitor.get('/')).to.deep.include({ status: 200, body: '{}', cookies: [] });
    expect(await store.lengthAsync()).to.equal(0);
  });

  it('keeps, changes and reads back; an unmodified request sends no cookie', async () => {
    const visitor = await visit();
    expect((await visitor.get('/set?user=ada')).cookies).to.have.length(1);
    expect(await visitor.json('/')).to.deep.equal({ user: 'ada' });
    await visitor.get('/set?user=bob&n=1');
    expect(await visitor.get('/')).to.deep.include({ body: '{"user":"bob","n":"1"}', cookies: [] });
  });

  it('stores sessions with a cookie that express-session can use', async () => {
    const visitor = await visit();
    const before = Date.now();
    await visitor.get('/set?user=ada');
    const [kept] = Object.values(await store.allAsync());
    expect(kept?.cookie).to.include({ originalMaxAge: HOUR, httpOnly: true, path: '/' });
    const expires = kept?.cookie.expires as Date;
    expect(expires.getTime() - host.grace - HOUR).to.be.within(before, Date.now());
    expect(kept).to.have.all.keys('cookie', 'user');
  });

  it('has a session to the end of its time, and not longer', async () => {
    const visitor = await visit();
    await visitor.get('/set?user=ada');
    offset += HOUR - 60_000;
    expect(await visitor.json('/')).to.deep.equal({ user: 'ada' });
    await visitor.get('/set?n=1');
    offset += HOUR - 60_000;
    expect(await visitor.json('/')).to.deep.equal({ user: 'ada', n: '1' });
    offset += 120_000;
    expect(await visitor.json('/')).to.deep.equal({});
  });

  it('extends the session with each request, with rolling', async () => {
    const visitor = await visit({}, { rolling: true });
    await visitor.get('/set?user=ada');
    for (let n = 0; n < 3; n += 1) {
      offset += HOUR - 60_000;
      expect(await visitor.get('/'))
        .to.include({ body: '{"user":"ada"}' })
        .with.property('cookies')
        .with.length(1);
    }
  });

  it('ends the session: the old cookie opens nothing', async () => {
    const visitor = await visit();
    await visitor.get('/set?user=ada');
    const thief = visitor.twin();
    await visitor.get('/end');
    expect(visitor.cookies.size).to.equal(0);
    expect(await store.lengthAsync()).to.equal(0);
    expect(await thief.json('/')).to.deep.equal({});
  });

  it('gives a session another id: the old cookie opens nothing', async () => {
    const visitor = await visit({
      '/regenerate': async (ctx) => {
        await host.regenerate(ctx);
        ctx['session'].fresh = true;
        return 'regenerated';
      },
    });
    await visitor.get('/set?user=ada');
    const thief = visitor.twin();
    await visitor.get('/regenerate');
    expect(await visitor.json('/')).to.include({ fresh: true });
    expect(await thief.json('/')).to.deep.equal({});
    expect(await store.lengthAsync()).to.equal(1);
  });

  it('opens nothing for a tampered cookie', async () => {
    const visitor = await visit({}, { signed: true });
    await visitor.get('/set?user=ada');
    expect(visitor.cookies.size).to.equal(2);
    const [[name = '']] = [...visitor.cookies] as [[string, string]];
    visitor.cookies.set(`${name}.sig`, 'forged');
    expect(await visitor.json('/')).to.deep.equal({});
  });

  it('fails while the store is down, and nobody is logged out by that', async () => {
    const visitor = await visit();
    await visitor.get('/set?user=ada');
    for (const [method, path] of [
      ['getAsync', '/'],
      ['setAsync', '/set?n=1'],
      ['destroyAsync', '/end'],
    ] as const) {
      const twin = visitor.twin();
      Object.assign(store, {
        [method]: () => Promise.reject(Object.assign(new Error('down'), { code: 'SESSILE_IO' })),
      });
      expect((await twin.get(path)).status).to.equal(500);
      expect(errors.at(-1)).to.have.property('code', 'SESSILE_IO');
      delete (store as Partial<MemoryStore>)[method];
      expect(await visitor.json('/')).to.deep.equal({ user: 'ada' });
    }
  });

  it('loses no update of parallel requests', async () => {
    const gate = new Gate(4);
    const together = (change: (session: Record<string, unknown>) => void) => async (ctx: Context) => {
      const session = ctx['session'];
      await gate.pass();
      change(session);
    };
    const visitor = await visit({
      '/a': together((session) => Object.assign(session, { a: 1 })),
      '/b': together((session) => Object.assign(session, { b: 2 })),
      '/c': together((session) => delete session['user']),
      '/d': together((session) => Object.assign(session, { list: [1] })),
    });
    await visitor.get('/set?user=ada&kept=1');
    const pages = ['/a', '/b', '/c', '/d'].map((path) => visitor.twin().get(path));
    await gate.full;
    gate.open();
    for (const { status } of await Promise.all(pages)) expect(status).to.equal(200);
    expect(await visitor.json('/')).to.deep.equal({ kept: '1', a: 1, b: 2, list: [1] });
  });

  it('a slow request does not bring back a session that was ended or given another id', async () => {
    for (const path of ['/end', '/regenerate']) {
      const gate = new Gate(1);
      const visitor = await visit({
        '/slow': async (ctx) => {
          const session = ctx['session'];
          await gate.pass();
          session.late = true;
        },
        '/regenerate': async (ctx) => {
          await host.regenerate(ctx);
          return 'regenerated';
        },
      });
      await visitor.get('/set?user=ada');
      const old = visitor.twin();
      const slow = visitor.twin().get('/slow');
      await gate.full;
      await visitor.get(path);
      gate.open();
      expect((await slow).status).to.equal(200);
      expect(await old.json('/'), path).to.deep.equal({});
      for (const kept of Object.values(await store.allAsync())) expect(kept).not.to.have.property('late');
    }
  });

  if (!host.hasNoCookie) {
    it("keeps values that are called as koa-session's own are", async () => {
      const visitor = await visit({
        '/names': (ctx) => {
          Object.assign(ctx['session'], { _expire: 1, _maxAge: 2, _session: true });
        },
      });
      await visitor.get('/names');
      expect(await visitor.json('/')).to.deep.equal({ _expire: 1, _maxAge: 2, _session: true });
      await visitor.get('/set?n=1');
      expect(await visitor.json('/')).to.deep.equal({ _expire: 1, _maxAge: 2, _session: true, n: '1' });
    });
    return;
  }

  it('keeps values called cookie and ~cookie', async () => {
    const visitor = await visit({
      '/names': (ctx) => {
        Object.assign(ctx['session'], { cookie: 'chocolate', '~cookie': 1 });
      },
    });
    await visitor.get('/names');
    expect(await visitor.json('/')).to.deep.equal({ cookie: 'chocolate', '~cookie': 1 });
    await visitor.get('/set?n=1');
    expect(await visitor.json('/')).to.deep.equal({ cookie: 'chocolate', '~cookie': 1, n: '1' });
  });

  it('does not bring back the old id when nobody waits for regenerate', async () => {
    const visitor = await visit({
      '/regenerate': (ctx) => {
        ctx['session'].regenerate(() => {});
        ctx['session'].fresh = true;
        return 'regenerating';
      },
    });
    await visitor.get('/set?user=ada');
    const thief = visitor.twin();
    await visitor.get('/regenerate');
    expect(await thief.json('/')).to.deep.equal({});
  });

  it('saves twice in one request without undoing what others saved between', async () => {
    const gate = new Gate(1);
    const visitor = await visit({
      '/twice': async (ctx) => {
        Object.assign(ctx['session'], { first: 1, passing: 1 });
        await ctx['session'].save();
        await gate.pass();
        ctx['session'].second = 2;
        delete ctx['session'].passing;
      },
    });
    await visitor.get('/set?user=ada');
    const twice = visitor.twin().get('/twice');
    await gate.full;
    await visitor.get('/set?other=1');
    gate.open();
    await twice;
    expect(await visitor.json('/')).to.deep.equal({ user: 'ada', first: 1, other: '1', second: 2 });
  });
}

/** A session as its app sees it, without what the host keeps in it. */
function shown(session: object): string {
  const { cookie, ...own } = JSON.parse(JSON.stringify(session)) as { cookie?: unknown };
  return JSON.stringify(typeof cookie === 'object' ? own : { ...own, cookie });
}
