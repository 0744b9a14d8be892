import { expect } from 'chai';
import Cookies from 'cookies';
import express from 'express';
import session from 'express-session';
import fc from 'fast-check';
import original from 'generic-session';
import Keygrip from 'keygrip';
import request from 'supertest';
import { FileStore } from '../lib/backends/file.js';
import { adopt } from '../lib/backends/foreign.js';
import { MemoryStore } from '../lib/backends/memory.js';
import { SqliteStore } from '../lib/backends/sqlite.js';
import type { AnyStore } from '../lib/bridge.js';
import { type GenericSession, type GenericSessionOptions, type GenericStore, genericSession } from '../lib/facade.js';
import { recorder } from './generic/recorder.js';
import { type Handle, NOTHING, Site, Visitor } from './generic/visitor.js';
import { folders } from './support/folder.js';
import { warnings } from './support/process-events.js';

const TWO_WEEKS = 1_209_600_000;
const START = Date.UTC(2030, 0, 1);

describe('genericSession', () => {
  const folder = folders();
  const toClose: { close?(): unknown; closeAsync?(): unknown }[] = [];
  afterEach(async () => {
    for (const one of toClose.splice(0)) await (one.closeAsync ? one.closeAsync() : one.close?.());
  });

  type Given = { store?: AnyStore | GenericStore; seen?: (session: GenericSession) => void };

  async function open({
    store = new MemoryStore(),
    seen,
    ...options
  }: Given & GenericSessionOptions = {}): Promise<Site> {
    const site = await Site.open((req, res) => {
      const handle = genericSession(req, res, store, options);
      seen?.(handle);
      return handle as unknown as Handle;
    });
    toClose.push(site);
    return site;
  }

  /** A handle on a session of its own, outside any server. */
  function handle(store: AnyStore | GenericStore, options: GenericSessionOptions = {}): GenericSession {
    const req = { headers: {}, socket: {} };
    const headers: Record<string, unknown> = {};
    const res = {
      getHeader: (name: string) => headers[name],
      setHeader(name: string, value: unknown) {
        headers[name] = value;
      },
    };
    return genericSession(req as never, res as never, store, options);
  }

  describe('the cookie', () => {
    it('S4 row 62: is set at once, on every request, and stays the same', async () => {
      const site = await open();
      const visitor = new Visitor();
      await visitor.send(site);
      const first = await visitor.cookie(site);
      expect(first).to.match(/^[A-Za-z0-9+/]{40}$/);
      expect(visitor.cookies.map(({ key, path, httpOnly }) => [key, path, httpOnly])).to.deep.equal([['s', '/', true]]);
      await visitor.send(site);
      expect(visitor.cookies.map(({ key, value }) => [key, value])).to.deep.equal([['s', first]]);
    });

    it('S4 row 63: is signed by the first key, and read with any', async () => {
      const store = new MemoryStore();
      const [before, after] = [
        await open({ store, keys: ['old'] }),
        await open({ store, keys: new Keygrip(['new', 'old']) }),
      ];
      const visitor = new Visitor();
      await visitor.ask(before, 'set', 'a', 1);
      expect(visitor.cookies.map(({ key }) => key)).to.deep.equal(['s', 's.sig']);
      expect(await visitor.ask(after, 'get', 'a')).to.equal('1');
      const signature = await visitor.cookie(after, 's.sig');
      expect(signature).to.equal(new Keygrip(['new']).sign(`s=${await visitor.cookie(after)}`));
    });

    it('S4 row 63: is another one where its signature is wrong', async () => {
      const store = new MemoryStore();
      const site = await open({ store, keys: ['secret'] });
      const visitor = new Visitor();
      await visitor.ask(site, 'set', 'a', 1);
      const token = await visitor.cookie(site);
      await visitor.jar.setCookie('s.sig=forged; path=/', site.url);
      expect(await visitor.ask(site, 'get', 'a')).to.equal('undefined');
      expect(await visitor.cookie(site))
        .to.match(/^.{40}$/)
        .and.not.equal(token);
      const { text } = await request(site.url)
        .post('/')
        .set('cookie', 's=chosen')
        .send([['getAll']]);
      expect(text).to.include('"value":"{}"');
      expect(await store.lengthAsync()).to.equal(1);
    });

    it('S4 row 63: has no keys but good ones', () => {
      for (const keys of [[], [''], [1], 'secret', '', null, 0, {}, { sign() {} }]) {
        expect(() => handle(new MemoryStore(), { keys: keys as never }), String(keys))
          .to.throw(TypeError, 'keys must')
          .with.property('code', 'SESSILE_MISUSE');
      }
    });

    it('S4 row 64: is read and written by `cookies` where that is given', async () => {
      const calls: unknown[][] = [];
      const cookies = {
        get: (...args: unknown[]) => void calls.push(['get', ...args]),
        set: (...args: unknown[]) => void calls.push(['set', ...args]),
      };
      const now = () => START;
      const made = handle(new MemoryStore(), { cookies, keys: ['a'], expire: 60, now });
      const options = { expires: new Date(START + 60_000), signed: true };
      expect(calls).to.deep.equal([
        ['get', 's', options],
        ['set', 's', made.token, options],
      ]);
      await made.destroyAsync();
      expect(calls[2]).to.deep.equal(['set', 's', '', { expires: new Date(0), signed: true, overwrite: true }]);
      expect(() => handle(new MemoryStore(), { cookies: {} as never })).to.throw(TypeError, 'cookies must');
    });

    it('S4 row 64: works with an instance of the package cookies, which signs with keys of its own', async () => {
      const store = new MemoryStore();
      const site = await Site.open(
        (req, res) =>
          genericSession(req, res, store, {
            cookies: new Cookies(req, res, { keys: ['of the jar'] }),
            keys: ['not used'],
          }) as unknown as Handle,
      );
      toClose.push(site);
      const visitor = new Visitor();
      await visitor.ask(site, 'set', 'a', 1);
      expect(await visitor.ask(site, 'get', 'a')).to.equal('1');
      const signature = new Keygrip(['of the jar']).sign(`s=${await visitor.cookie(site)}`);
      expect(await visitor.cookie(site, 's.sig')).to.equal(signature);
    });

    it('S4 row 65: expires after `expire` seconds, two weeks without it; a store is told milliseconds', async () => {
      for (const [expire, ms] of [
        [60, 60_000],
        [undefined, TWO_WEEKS],
        [0.5, 500],
        [1e300, Date.UTC(9999, 11, 31) - START],
      ] as const) {
        const store = recorder();
        const site = await open({ store, now: () => START, ...(expire !== undefined && { expire }) });
        const visitor = new Visitor();
        await visitor.send(site, ['get', 'a']);
        expect(visitor.cookies[0]?.expires).to.deep.equal(new Date(Math.floor((START + ms) / 1000) * 1000));
      }
      const store = recorder();
      await handle(store, { expire: 60, keys: ['a'] }).setAsync('k', 'v');
      expect(store.calls.map((call) => call.at(-1))).to.deep.equal([60_000]);
      for (const expire of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '60', null]) {
        expect(() => handle(new MemoryStore(), { expire: expire as never }), String(expire)).to.throw(
          TypeError,
          'expire',
        );
      }
    });

    it('S4 row 66: has a name, and the id a prefix', async () => {
      for (const [options, name, prefix] of [
        [{}, 's', 'session:'],
        [{ cookieName: 'sid', idPrefix: '' }, 'sid', ''],
        [{ idPrefix: '../x:' }, 's', '../x:'],
      ] as const) {
        const store = new FileStore(folder());
        const site = await open({ store, ...options });
        const visitor = new Visitor();
        await visitor.ask(site, 'set', 'a', 1);
        expect(visitor.id).to.equal(prefix + (await visitor.cookie(site, name)));
        expect(await store.idsAsync()).to.deep.equal([visitor.id]);
      }
      for (const options of [{ cookieName: '' }, { cookieName: 1 }, { idPrefix: null }, { idprefix: '' }]) {
        expect(() => handle(new MemoryStore(), options as never)).to.throw(TypeError);
      }
    });

    it('a token that the visitor makes up reaches no other session, whatever it is', async () => {
      const store = new FileStore(folder());
      const site = await open({ store });
      for (const token of ['../../etc/passwd', '__proto__', '%00', 'a"b', 'constructor']) {
        const { text } = await request(site.url)
          .post('/')
          .set('cookie', `s=${token}`)
          .send([['set', 'a', 1], ['getAll']]);
        expect(text).to.include('{\\"a\\":1}');
      }
      expect(await store.lengthAsync()).to.equal(5);
    });
  });

  describe('the filter', () => {
    it('S4 row 67: is the middleware, and gives request and response the same session', async () => {
      expect(genericSession.filter).to.equal(genericSession.middleware);
      const app = express();
      app.use(genericSession.filter(new MemoryStore(), { keys: ['a'] }));
      app.get('/', (req, res) => {
        const { session } = req as unknown as { session: GenericSession };
        session.set('a', 1, () => {
          session.get('a', (_, value) => {
            res.json([session === (res as unknown as { session: unknown }).session, value]);
          });
        });
      });
      const { body } = await request(app).get('/');
      expect(body).to.deep.equal([true, 1]);
    });

    it('S4 row 67: refuses wrong options when it is made, and passes on what fails in a request', () => {
      const store = new MemoryStore();
      expect(() => genericSession.filter(store, { keys: [] })).to.throw(TypeError, 'keys must');
      expect(() => genericSession.filter({} as never)).to.throw(TypeError);
      const cookies = {
        get() {
          throw new Error('jar is broken');
        },
        set() {},
      };
      let passed: unknown;
      genericSession.filter(store, { cookies })({} as never, {} as never, (error) => {
        passed = error;
      });
      expect(passed).to.be.an('error').with.property('message', 'jar is broken');
    });
  });

  describe('the methods', () => {
    it('S4 row 68: get is get, getAll or a renewal', async () => {
      const store = recorder();
      const site = await open({ store });
      const visitor = new Visitor();
      await visitor.send(site, ['get', 'a'], ['get'], ['get', null], ['get', NOTHING], ['get', ''], ['get', 0]);
      const { id } = visitor;
      const all = ['getAll', id, TWO_WEEKS];
      const one = (key: string) => ['get', id, key, TWO_WEEKS];
      expect(store.calls).to.deep.equal([one('a'), all, all, all, one(''), one('0')]);

      const renewing = recorder();
      const renewed = handle(renewing);
      renewed.get('a');
      renewed.get();
      await renewed.getAllAsync();
      const extend = ['extend', renewed.id, TWO_WEEKS];
      expect(renewing.calls).to.deep.equal([extend, extend, ['getAll', renewed.id, TWO_WEEKS]]);
    });

    it('S4 row 69: getAll answers all, or renews', async () => {
      const site = await open();
      const visitor = new Visitor();
      const sets = [
        ['set', 'a', 1],
        ['set', 'b', 2],
      ] as const;
      const answers = await visitor.send(site, ['getAll'], ...sets, ['getAll']);
      expect(answers.map(({ value }) => value)).to.deep.equal(['{}', 'undefined', 'undefined', '{"a":1,"b":2}']);
      const store = recorder();
      const renewed = handle(store);
      renewed.getAll();
      await renewed.getAsync('x');
      expect(store.calls[0]).to.deep.equal(['extend', renewed.id, TWO_WEEKS]);
    });

    it('S4 row 70: set without a value is null, with or without a callback', async () => {
      const made = handle(new MemoryStore());
      made.set('alone');
      await new Promise<void>((resolve) => made.set('called back', () => resolve()));
      await made.setAsync('promised');
      await made.setAsync('undefined', 1);
      await made.setAsync('undefined', undefined);
      expect(await made.getAllAsync()).to.deep.equal({ alone: null, 'called back': null, promised: null });
    });

    it('S4 row 71: del takes one away; without a key all', async () => {
      const made = handle(new MemoryStore());
      const fill = () => Promise.all(['a', 'b', ''].map((key) => made.setAsync(key, key)));
      await fill();
      made.del('a');
      made.del('');
      expect(await made.getAllAsync()).to.deep.equal({ b: 'b' });
      made.del();
      expect(await made.getAllAsync()).to.deep.equal({});
      await fill();
      await new Promise<void>((resolve) => made.del(() => resolve()));
      expect(await made.getAllAsync()).to.deep.equal({});
    });

    it('S4 row 71: del of a key that is undefined or null takes nothing away', async () => {
      const made = handle(new MemoryStore());
      await made.setAsync('a', 1);
      for (const key of [undefined, null, {}, true]) {
        const error = await new Promise((resolve) => made.del(key as never, resolve));
        expect(error).to.be.instanceOf(TypeError).with.property('code', 'SESSILE_MISUSE');
      }
      expect(await made.getAllAsync()).to.deep.equal({ a: 1 });
    });

    it('S4 row 72: delAll leaves the visitor cookie and id', async () => {
      const site = await open();
      const visitor = new Visitor();
      await visitor.send(site, ['set', 'a', 1]);
      const [id, token] = [visitor.id, await visitor.cookie(site)];
      await visitor.send(site, ['delAll']);
      expect(await visitor.ask(site, 'getAll')).to.equal('{}');
      expect([visitor.id, await visitor.cookie(site)]).to.deep.equal([id, token]);
    });

    it('S4 row 73: destroy takes data and cookie away, in one header', async () => {
      const store = new MemoryStore();
      const site = await open({ store, keys: ['a'] });
      const visitor = new Visitor();
      await visitor.send(site, ['set', 'a', 1]);
      await visitor.send(site, ['destroy']);
      expect(visitor.cookies.map(({ key, value }) => `${key}=${value}`)[0]).to.equal('s=');
      expect(visitor.cookies.filter(({ key }) => key === 's')).to.have.length(1);
      expect(await visitor.cookie(site)).to.equal(undefined);
      expect(await visitor.cookie(site, 's.sig')).to.equal(undefined);
      expect(await store.lengthAsync()).to.equal(0);
    });

    it('S4 row 73: destroy ends the session though its cookie cannot be taken away any more, and says so', async () => {
      const store = new MemoryStore();
      const made = handle(store);
      await made.setAsync('a', 1);
      Object.assign(made.response, {
        setHeader() {
          throw new Error('headers were sent');
        },
      });
      expect(await made.destroyAsync().catch((error: Error) => error.message)).to.equal('headers were sent');
      expect(await store.lengthAsync()).to.equal(0);
      expect(await made.setAsync('b', 2).catch((error: unknown) => error)).to.be.instanceOf(TypeError);
      expect(await store.lengthAsync()).to.equal(0);
    });

    it('S4 row 73: what comes after destroy in the same request is an error and no new session', async () => {
      const store = new MemoryStore();
      const made = handle(store);
      await made.setAsync('a', 1);
      const destroyed = made.destroyAsync();
      const late = made.setAsync('b', 2).catch((error: unknown) => error);
      await destroyed;
      expect(await late)
        .to.be.instanceOf(TypeError)
        .with.property('code', 'SESSILE_MISUSE');
      await made.destroyAsync();
      expect(await store.lengthAsync()).to.equal(0);
    });

    it('S4 row 74: every callback is called later', async () => {
      const site = await open();
      const answers = await new Visitor().send(
        site,
        ['get', 'a'],
        ['getAll'],
        ['set', 'a', 1],
        ['set', 'a'],
        ['del', 'a'],
        ['del'],
        ['delAll'],
        ['destroy'],
        ['set', 'refused', 1],
      );
      expect(answers.map(({ atOnce }) => atOnce)).to.deep.equal(Array(9).fill(false));
      expect(answers.map(({ error }) => error !== undefined)).to.deep.equal([...Array(8).fill(false), true]);
    });

    for (const act of ['get', 'get nothing', 'getAll', 'getAll nothing', 'set', 'del', 'update'] as const) {
      it(`S4 row 76: ${act} renews the session`, async () => {
        let time = START;
        const now = () => time;
        const store = new MemoryStore({ now });
        const made = handle(store, { now, expire: 0.3 });
        await made.setAsync('a', 1);
        time += 200;
        if (act === 'get nothing') made.get('a');
        else if (act === 'getAll nothing') made.getAll();
        else if (act === 'getAll') await made.getAllAsync();
        else if (act === 'set') await made.setAsync('b', 1);
        else if (act === 'update') await made.updateAsync('b', () => 1);
        else await (act === 'get' ? made.getAsync('a') : made.delAsync('b'));
        time += 200;
        expect(await store.lengthAsync(), 'alive 200 ms later').to.equal(1);
        time += 99;
        expect(await store.lengthAsync()).to.equal(1);
        time += 1;
        expect(await store.lengthAsync()).to.equal(0);
        expect(await made.getAllAsync()).to.deep.equal({});
      });
    }

    it('S4 row 76: a visitor who comes back in time has the session for as long again', async () => {
      let time = START;
      const now = () => time;
      const site = await open({ store: new MemoryStore({ now }), now, expire: 60 });
      const visitor = new Visitor();
      await visitor.ask(site, 'set', 'a', 1);
      for (let n = 0; n < 3; n += 1) {
        time += 59_000;
        expect(await visitor.ask(site, 'get', 'a')).to.equal('1');
        expect(visitor.cookies[0]?.expires).to.deep.equal(new Date(time + 60_000));
      }
      time += 60_000;
      expect(await visitor.ask(site, 'get', 'a')).to.equal('undefined');
    });

    it('S4 row 76: reading and deleting create nothing', async () => {
      const store = new MemoryStore();
      const made = handle(store);
      await Promise.all([made.getAsync('a'), made.getAllAsync(), made.delAsync('a'), made.delAllAsync()]);
      made.get('a');
      expect(await store.lengthAsync()).to.equal(0);
    });

    it('S4 row 79: update is one step, for a value or for none', async () => {
      const made = handle(new MemoryStore());
      const add = (n: unknown = 0) => (n as number) + 1;
      const answers = await Promise.all([1, 2, 3].map(() => made.updateAsync('n', add)));
      expect(answers).to.deep.equal([1, 2, 3]);
      expect(await made.update('n', () => undefined)).to.equal(undefined);
      expect(await made.getAllAsync()).to.deep.equal({});
      const called = await new Promise((resolve) => made.update('n', add, (error, value) => resolve([error, value])));
      expect(called).to.deep.equal([null, 1]);
    });

    it('S4 row 79: an update that cannot be stores nothing, and says why', async () => {
      const made = handle(new MemoryStore());
      await made.setAsync('n', 1);
      const thrown = new Error('thrown by a spec');
      const fail = () => {
        throw thrown;
      };
      const failure = (change: (value: unknown) => unknown) =>
        made.updateAsync('n', change).catch((error: unknown) => error);
      expect(await failure(fail)).to.equal(thrown);
      expect(await failure((n) => Number(n) + Number.NaN)).to.have.property('code', 'SESSILE_MISUSE');
      expect(await failure(async () => 2)).to.have.property('code', 'SESSILE_MISUSE');
      expect(await failure(async () => fail())).to.have.property('code', 'SESSILE_MISUSE');
      expect(await failure(() => 1n)).to.have.property('code', 'SESSILE_SERIALIZE');
      expect(await made.updateAsync('n', 1 as never).catch((error: unknown) => error)).to.be.instanceOf(TypeError);
      expect(await made.getAllAsync()).to.deep.equal({ n: 1 });
    });
  });

  describe('S4 row 77: the MemoryStore', () => {
    it('ignores `expire` and obeys its maxAge', async () => {
      let time = START;
      const now = () => time;
      const store = genericSession.MemoryStore({ cache: { maxAge: 50 }, now });
      const made = handle(store, { expire: 3_600, now });
      await made.setAsync('a', 1);
      for (const pause of [49, 49]) {
        time += pause;
        expect(await made.getAsync('a')).to.equal(1);
      }
      time += 50;
      expect(await made.getAsync('a')).to.equal(undefined);
      const other = handle(store, { expire: 0.001, now });
      await other.setAsync('a', 1);
      time += 49;
      expect(await other.getAsync('a')).to.equal(1);
    });

    it('drops what was used longest ago when it is full', async () => {
      const store = genericSession.MemoryStore({ cache: { max: 2_000 } });
      const [first, second] = [handle(store), handle(store)];
      await first.setAsync('a', 'x'.repeat(1_000));
      await second.setAsync('a', 'x'.repeat(1_000));
      expect(await first.getAsync('a')).to.equal(undefined);
      expect(await second.getAsync('a')).to.have.length(1_000);
    });

    it('refuses wrong options', () => {
      for (const options of [
        { max: 1 },
        { cache: { maxage: 1 } },
        { cache: { max: 0 } },
        { cache: { maxAge: -1 } },
        5,
      ]) {
        expect(() => genericSession.MemoryStore(options as never)).to.throw(TypeError);
      }
    });
  });

  describe('S4 row 78: values and keys', () => {
    const values: Record<string, readonly [given: unknown, kept: unknown]> = {
      null: [null, null],
      'the number 0': [0, 0],
      'the empty string': ['', ''],
      false: [false, false],
      'a Date': [new Date(0), '1970-01-01T00:00:00.000Z'],
      'a deep object': [{ a: [{ b: { c: [] } }] }, { a: [{ b: { c: [] } }] }],
      'an object with undefined in it': [{ a: undefined, b: [undefined] }, { b: [null] }],
      NaN: [Number.NaN, null],
      'what has a toJSON': [{ toJSON: () => 'as JSON' }, 'as JSON'],
    };
    for (const [name, [given, kept]] of Object.entries(values)) {
      it(`${name} is kept as JSON has it`, async () => {
        const made = handle(new MemoryStore());
        await made.setAsync('k', given);
        expect(await made.getAsync('k')).to.deep.equal(kept);
      });
    }

    it('undefined takes the key away; a function, a symbol, a cycle and a BigInt are refused', async () => {
      const made = handle(new MemoryStore());
      await made.setAsync('k', 1);
      const cycle: Record<string, unknown> = {};
      cycle['itself'] = cycle;
      for (const [value, code] of [
        [() => {}, 'SESSILE_MISUSE'],
        [Symbol('x'), 'SESSILE_MISUSE'],
        [cycle, 'SESSILE_SERIALIZE'],
        [1n, 'SESSILE_SERIALIZE'],
      ] as const) {
        const error = await new Promise((resolve) => made.set('k', value, resolve));
        expect(error).to.have.property('code', code);
      }
      expect(await made.getAsync('k')).to.equal(1);
      await made.setAsync('k', undefined);
      expect(await made.getAllAsync()).to.deep.equal({});
    });

    it('keys are data: any acts on any keys, played against a map', async () => {
      const names = Object.getOwnPropertyNames(Object.prototype);
      const key = fc.oneof(
        fc.constantFrom<string | number>(
          '__proto__',
          'constructor',
          'toString',
          'cookie',
          '~cookie',
          '',
          'then',
          0,
          1.5,
          'id',
        ),
        fc.string(),
      );
      const act = fc.oneof(
        fc.record({ act: fc.constant('set'), key, value: fc.jsonValue() }),
        fc.record({ act: fc.constant('update'), key, value: fc.jsonValue() }),
        fc.record({ act: fc.constantFrom('del', 'get'), key, value: fc.constant(null) }),
      );
      const store = new MemoryStore();
      await fc.assert(
        fc.asyncProperty(fc.array(act, { maxLength: 20 }), async (acts) => {
          const made = handle(store);
          const map = new Map<string, string>();
          for (const { act, key, value } of acts) {
            const [name, text] = [String(key), JSON.stringify(value)];
            if (act === 'get') expect(JSON.stringify(await made.getAsync(key))).to.equal(map.get(name));
            else if (act === 'del') await made.delAsync(key);
            else if (act === 'set') await made.setAsync(key, value);
            else {
              const answer = await made.updateAsync(key, (was) => {
                expect(JSON.stringify(was)).to.equal(map.get(name));
                return value;
              });
              expect(JSON.stringify(answer)).to.equal(text);
            }
            if (act === 'del') map.delete(name);
            else if (act !== 'get') map.set(name, text);
          }
          const found = Object.entries(await made.getAllAsync()).map(([name, value]) => [name, JSON.stringify(value)]);
          expect(found).to.have.deep.members([...map]);
          const session = await store.getAsync(made.id);
          if (map.size > 0)
            expect(session?.cookie).to.include({ path: '/', httpOnly: true, originalMaxAge: TWO_WEEKS });
        }),
        { numRuns: 300 },
      );
      expect(Object.getOwnPropertyNames(Object.prototype)).to.deep.equal(names);
    });

    it('a value is what it was at the moment of the call, and what comes out is a copy', async () => {
      const made = handle(new MemoryStore());
      const value = { list: [1] };
      const saved = made.setAsync('k', value);
      value.list.push(2);
      await saved;
      const first = (await made.getAsync('k')) as typeof value;
      expect(first).to.deep.equal({ list: [1] });
      first.list.push(3);
      expect(await made.getAsync('k')).to.deep.equal({ list: [1] });
    });
  });

  describe('failures', () => {
    it('without a callback reach nobody who could be hurt: an error event, or one warning', async () => {
      const store = new MemoryStore();
      const made = handle(store);
      await store.closeAsync();
      const seen: unknown[] = [];
      store.on('error', (error) => seen.push(error));
      made.get('a');
      made.getAll();
      made.set('a', 1);
      made.set(undefined as never);
      made.del('a');
      made.delAll();
      void made.update('a', () => 1);
      made.destroy();
      while (seen.length < 8) await new Promise((resolve) => setImmediate(resolve));
      expect(seen.map((error) => (error as { code: string }).code)).to.have.members([
        ...Array(7).fill('SESSILE_CLOSED'),
        'SESSILE_MISUSE',
      ]);

      const down = (...args: unknown[]) =>
        (args.at(-1) as (error: Error) => void)(Object.assign(new Error(), { code: 'EFACADE' }));
      const failing = { get: down, getAll: down, set: down, del: down, delAll: down, extend: () => {} };
      const told = await warnings(async () => {
        const other = handle(failing);
        other.set('a', 1);
        other.set('a', 1);
        const error = await other.getAsync('a').catch((error: unknown) => error);
        expect(error).to.have.property('code', 'EFACADE');
      });
      expect(told.map(({ code }) => code)).to.deep.equal(['EFACADE']);
    });

    it('come to callback and promise', async () => {
      const store = new MemoryStore();
      const made = handle(store);
      await store.closeAsync();
      const called = await new Promise((resolve) => made.get('a', resolve));
      expect(called).to.have.property('code', 'SESSILE_CLOSED');
      expect(await made.getAllAsync().catch((error: unknown) => error)).to.have.property('code', 'SESSILE_CLOSED');
    });

    it('of wrong stores are thrown', () => {
      for (const store of [undefined, null, {}, { get() {} }, 'store', new Map()]) {
        expect(() => handle(store as never))
          .to.throw(TypeError)
          .with.property('code', 'SESSILE_MISUSE');
      }
    });
  });

  describe('S4 row 79: in parallel', () => {
    const stores: Record<string, () => AnyStore | GenericStore> = {
      MemoryStore: () => new MemoryStore(),
      FileStore: () => new FileStore(folder()),
      SqliteStore: () => new SqliteStore(':memory:'),
      "express-session's MemoryStore": () => new session.MemoryStore(),
      'an adopted store': () => adopt(new session.MemoryStore()),
      'the MemoryStore of generic-session': () => original.MemoryStore(),
    };
    for (const [name, make] of Object.entries(stores)) {
      it(`100 sets leave 100 keys, over ${name}`, async () => {
        const store = make();
        toClose.push(store as { closeAsync?(): unknown });
        const site = await open({ store });
        const visitor = new Visitor();
        await visitor.send(site);
        const keys = Array.from({ length: 100 }, (_, i) => `k${i}`);
        await Promise.all(keys.map((key) => visitor.ask(site, 'set', key, key)));
        const all = JSON.parse(await visitor.ask(site, 'getAll')) as object;
        expect(all).to.have.all.keys(keys);
      });

      it(`20 sets and 10 dels of one request keep their order, over ${name}`, async () => {
        const store = make();
        toClose.push(store as { closeAsync?(): unknown });
        const made = handle(store);
        for (let i = 0; i < 20; i += 1) made.set(`k${i}`, i);
        for (let i = 0; i < 10; i += 1) made.del(`k${i}`);
        for (let i = 0; i < 5; i += 1) void made.update('n', (n = 0) => (n as number) + 1);
        expect(await made.getAllAsync()).to.deep.equal({
          ...Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`k${i + 10}`, i + 10])),
          n: 5,
        });
      });
    }
  });
});
