import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import express, { type Request, type Response } from 'express';
import session from 'express-session';
import { FileStore } from '../../lib/backends/file.js';
import { adopt } from '../../lib/backends/foreign.js';
import { MemoryStore } from '../../lib/backends/memory.js';
import { SqliteStore } from '../../lib/backends/sqlite.js';
import { perKey } from '../../lib/facade/per-request.js';
import type { SessionStore } from '../../lib/store.js';
import { folders } from '../support/folder.js';

type Data = session.Session & Record<string, unknown>;
type Handler = (req: Request, data: Data) => unknown;

const add = (n: unknown = 0) => (n as number) + 1;

describe('perKey', () => {
  const folder = folders();
  const toClose: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of toClose.splice(0)) await close();
  });

  const stores: Record<string, () => SessionStore> = {
    MemoryStore: () => new MemoryStore(),
    FileStore: () => new FileStore(folder()),
    SqliteStore: () => new SqliteStore(':memory:'),
    'an adopted store': () => adopt(new session.MemoryStore()),
  };

  /** An app with express-session; what a path's handler answers is the response. */
  async function app(
    store: session.Store | undefined,
    routes: Record<string, Handler>,
    options = {},
  ): Promise<Browser> {
    const made = express();
    if (store) made.use(session({ store, secret: 'spec', resave: false, saveUninitialized: false, ...options }));
    for (const [path, handler] of Object.entries(routes)) {
      made.get(path, async (req: Request, res: Response) => {
        try {
          res.json((await handler(req, req.session as Data)) ?? null);
        } catch (error) {
          res.status(500).json(String(error));
        }
      });
    }
    const server: Server = made.listen(0, '127.0.0.1');
    await once(server, 'listening');
    toClose.push(() => {
      server.closeAllConnections();
      server.close();
    });
    if (store && 'closeAsync' in store) toClose.push(() => (store as SessionStore).closeAsync());
    return new Browser(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }

  for (const [name, open] of Object.entries(stores)) {
    describe(`over ${name}`, () => {
      it('begins a session, whose cookie is sent, and goes on with it', async () => {
        const browser = await app(open(), {
          '/set': (req) => perKey(req).setAsync('a', 1),
          '/get': (req, { a }) => Promise.all([perKey(req).getAsync('a'), a]),
        });
        await browser.ask('/set');
        expect(browser.cookie).to.match(/^connect\.sid=s%3A/);
        expect(await browser.ask('/get')).to.deep.equal([1, 1]);
      });

      it('begins a session with acts that run at once, and counts them all', async () => {
        const browser = await app(open(), {
          '/begin': (req) => {
            const handle = perKey(req);
            const counts = Array.from({ length: 5 }, () => perKey(req).updateAsync('n', add));
            return Promise.all([...counts, handle.setAsync('b', 2)]).then((answers) => answers.slice(0, 5));
          },
          '/all': (req) => perKey(req).getAllAsync(),
        });
        expect(await browser.ask('/begin')).to.deep.equal([1, 2, 3, 4, 5]);
        expect(await browser.ask('/all')).to.deep.equal({ n: 5, b: 2 });
      });

      it('and req.session do not undo each other', async () => {
        const browser = await app(open(), {
          '/begin': (_, data) => void Object.assign(data, { kept: 1, mine: 1, gone: 1 }),
          '/both': async (req, data) => {
            data['mine'] = 2;
            await perKey(req).setAsync('theirs', 3);
            await perKey(req).delAsync('gone');
          },
          '/all': (req) => perKey(req).getAllAsync(),
          '/session': (_, { cookie: __, ...data }) => data,
        });
        await browser.ask('/begin');
        await browser.ask('/both');
        expect(await browser.ask('/all')).to.deep.equal({ kept: 1, mine: 2, theirs: 3 });
        expect(await browser.ask('/session')).to.deep.equal({ kept: 1, mine: 2, theirs: 3 });
      });

      it('counts every request of many at once, though each of them saves its session too', async () => {
        const browser = await app(open(), {
          '/begin': (req) => perKey(req).setAsync('n', 0),
          '/count/:i': async (req, data) => {
            data[`k${req.params['i']}`] = true;
            await perKey(req).updateAsync('n', add);
          },
          '/all': (req) => perKey(req).getAllAsync(),
        });
        await browser.ask('/begin');
        await Promise.all(Array.from({ length: 40 }, (_, i) => browser.ask(`/count/${i}`)));
        const all = (await browser.ask('/all')) as Record<string, unknown>;
        expect(all['n']).to.equal(40);
        expect(Object.keys(all)).to.have.length(41);
      });

      it('leaves nothing of a new session that ends while its first value is on its way', async () => {
        const store = open();
        const browser = await app(store, {
          '/': async (req) => {
            const handle = perKey(req);
            const set = handle.setAsync('a', 1);
            const ended = handle.destroyAsync();
            const late = handle.setAsync('b', 1).catch((error: Error) => error.name);
            await Promise.all([set, ended]);
            return late;
          },
        });
        expect(await browser.ask('/')).to.equal('TypeError');
        expect(await store.idsAsync()).to.deep.equal([]);
      });

      it('in a request that outlives the logout, brings nothing back', async () => {
        const store = open();
        let slow: (() => void) | undefined;
        const atLogout = new Promise<void>((resolve) => {
          slow = resolve;
        });
        let loaded: (() => void) | undefined;
        const isLoaded = new Promise<void>((resolve) => {
          loaded = resolve;
        });
        const browser = await app(store, {
          '/begin': (_, data) => void Object.assign(data, { user: 'ada' }),
          '/slow': async (req) => {
            loaded?.();
            await atLogout;
            await perKey(req).setAsync('a', 1);
          },
          '/logout': (req) => perKey(req).destroyAsync(),
        });
        await browser.ask('/begin');
        const pending = browser.ask('/slow');
        await isLoaded;
        await browser.ask('/logout');
        slow?.();
        await pending;
        expect(await store.idsAsync()).to.deep.equal([]);
      });
    });
  }

  it('is one handle for a request', () => {
    const req = {};
    expect(perKey(req)).to.equal(perKey(req)).and.not.equal(perKey({}));
  });

  it('delAll empties the session, which goes on', async () => {
    const browser = await app(new MemoryStore(), {
      '/begin': (_, data) => void Object.assign(data, { a: 1, b: 2 }),
      '/clear': async (req, data) => {
        data['mine'] = true;
        await perKey(req).delAllAsync();
      },
      '/all': (req) => perKey(req).getAllAsync(),
      '/set': (_, data) => void Object.assign(data, { c: 3 }),
    });
    await browser.ask('/begin');
    const { cookie } = browser;
    await browser.ask('/clear');
    expect(await browser.ask('/all')).to.deep.equal({ mine: true });
    await browser.ask('/set');
    expect(await browser.ask('/all')).to.deep.equal({ mine: true, c: 3 });
    expect(browser.cookie).to.equal(cookie);
  });

  it('has generic-session methods with callbacks', async () => {
    const browser = await app(new MemoryStore(), {
      '/': (req) =>
        new Promise((resolve) => {
          const handle = perKey(req);
          handle.set('a', 1);
          handle.get('a');
          handle.getAll();
          handle.set('b', () => {
            handle.del('a', () => handle.get((_, all) => resolve(all)));
          });
        }),
    });
    expect(await browser.ask('/')).to.deep.equal({ b: null });
  });

  it('does not show what only req.session has so far, nor req.session what it set', async () => {
    const browser = await app(new MemoryStore(), {
      '/begin': (_, data) => void Object.assign(data, { a: 'stored' }),
      '/look': async (req, data) => {
        data['a'] = 'unsaved';
        await perKey(req).setAsync('b', 'set');
        return [await perKey(req).getAsync('a'), data['b'] ?? 'unseen'];
      },
    });
    await browser.ask('/begin');
    expect(await browser.ask('/look')).to.deep.equal(['stored', 'unseen']);
  });

  it('keeps keys of any name, in a session that is there', async () => {
    const names = ['cookie', '~cookie', '__proto__', 'constructor', 'toString', '', 'id', 'save', 'req', '0'];
    const store = new MemoryStore();
    const browser = await app(store, {
      '/begin': (_, data) => void Object.assign(data, { user: 'ada' }),
      '/set': (req) => Promise.all(names.map((name) => perKey(req).setAsync(name, name))),
      '/session': (_, data) => {
        data['visits'] = add(data['visits']);
        return data.cookie.originalMaxAge;
      },
      '/entries': async (req) => Object.entries(await perKey(req).getAllAsync()),
    });
    await browser.ask('/begin');
    await browser.ask('/set');
    expect(await browser.ask('/session')).to.equal(null);
    const found = (await browser.ask('/entries')) as [string, unknown][];
    const expected = [['user', 'ada'], ['visits', 1], ...names.map((name) => [name, name])];
    expect(found).to.have.deep.members(expected);
    expect(Object.prototype).to.not.have.any.keys('cookie', '', '0');
  });

  it('begins a session with a key of nearly any name', async () => {
    for (const name of ['cookie', '__proto__', 'constructor', 'toString', '']) {
      const browser = await app(new MemoryStore(), {
        '/set': (req) => perKey(req).setAsync(name, name),
        '/get': (req) => perKey(req).getAsync(name),
      });
      await browser.ask('/set');
      expect(await browser.ask('/get'), name).to.equal(name);
    }
    for (const name of ['id', 'req', 'save', 'touch', 'regenerate']) {
      const store = new MemoryStore();
      const browser = await app(store, { '/set': (req) => perKey(req).setAsync(name, name) });
      expect(await browser.ask('/set')).to.include('cannot be the first value');
      expect(await store.lengthAsync()).to.equal(0);
    }
  });

  it('leaves the cookie of the session as it is', async () => {
    const store = new MemoryStore();
    const cookie = { maxAge: 60_000, sameSite: 'lax' };
    const routes: Record<string, Handler> = {
      '/begin': (_, data) => void Object.assign(data, { a: 1 }),
      '/set': (req) => perKey(req).setAsync('b', 1),
    };
    const browser = await app(store, routes, { cookie });
    await browser.ask('/begin');
    await browser.ask('/set');
    const [stored] = Object.values(await store.allAsync());
    expect(stored?.cookie).to.include({ originalMaxAge: 60_000, sameSite: 'lax', path: '/', httpOnly: true });
  });

  it('an update that throws begins nothing', async () => {
    const store = new MemoryStore();
    const fail = () => {
      throw new Error('thrown by a spec');
    };
    const browser = await app(store, { '/': (req) => perKey(req).updateAsync('a', fail) });
    expect(await browser.ask('/')).to.equal('Error: thrown by a spec');
    expect(await store.lengthAsync()).to.equal(0);
  });

  it('says so where there is no session, or a store that cannot', async () => {
    const act = (req: Request) => perKey(req).setAsync('a', 1);
    expect(await (await app(undefined, { '/': act })).ask('/')).to.include('runs no session in this request');
    expect(await (await app(new session.MemoryStore(), { '/': act })).ask('/')).to.include('adopt(store)');
    const destroyed: Handler = async (req, data) => {
      await new Promise((resolve) => data.destroy(resolve));
      return act(req);
    };
    expect(await (await app(new MemoryStore(), { '/': destroyed })).ask('/')).to.include('runs no session');
  });
});

class Browser {
  cookie = '';
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async ask(path: string): Promise<unknown> {
    const response = await fetch(this.#url + path, { headers: { cookie: this.cookie } });
    const [line] = response.headers.getSetCookie();
    if (line) this.cookie = line.split(';')[0] ?? '';
    return response.json();
  }
}
