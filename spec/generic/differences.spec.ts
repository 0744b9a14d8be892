import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import original from 'generic-session';
import { MemoryStore } from '../../lib/backends/memory.js';
import { genericSession } from '../../lib/facade.js';
import { failureOf } from '../support/folder.js';
import { uncaught, warnings } from '../support/process-events.js';
import { recorder } from './recorder.js';
import { type Handle, type Make, NOTHING, Site, Visitor } from './visitor.js';

/** Both columns of the table in examples/generic-server/README.md: first the original, then ours. */
describe('generic-session, where ours differs on purpose', () => {
  const theirs = (req: IncomingMessage, res: ServerResponse) => original(req, res, theirStore);
  const ours = (req: IncomingMessage, res: ServerResponse) => genericSession(req, res, ourStore) as unknown as Handle;
  const theirStore = original.MemoryStore();
  const ourStore = new MemoryStore();
  let sites: Site[];
  before(async () => {
    sites = [await Site.open(theirs), await Site.open(ours)];
  });
  after(() => Promise.all(sites.map((site) => site.close())));

  /** What the last of some calls of a new visitor answers, on either site. */
  const last = (...calls: Parameters<Visitor['send']>[1][]) =>
    Promise.all(
      sites.map(async (site) => {
        const answers = await new Visitor().send(site, ...calls);
        return answers.at(-1)?.value;
      }),
    );

  /** A handle of either package, for what cannot be said over HTTP. */
  function handles(): [Handle, Handle] {
    const req = { headers: {}, connection: {}, socket: {} } as unknown as IncomingMessage;
    const res = () => ({ getHeader() {}, setHeader() {} }) as unknown as ServerResponse;
    return [original(req, res(), original.MemoryStore()), ours(req, res())];
  }

  const value = (handle: Handle, key: string) =>
    new Promise((resolve) => handle.get(key, (_: unknown, is: unknown) => resolve(is)));
  const all = (handle: Handle) => new Promise((resolve) => handle.getAll((_: unknown, is: unknown) => resolve(is)));

  it('expire: both give a store milliseconds', async () => {
    const [req, res] = [
      { headers: {}, connection: {}, socket: {} },
      { getHeader() {}, setHeader() {} },
    ] as never[];
    for (const make of [original, genericSession] as unknown as (typeof original)[]) {
      const store = recorder();
      const handle = make(req as never, res as never, store, { expire: 60 });
      await value(handle, 'a');
      expect(store.calls[0]).to.deep.equal(['get', handle.id, 'a', 60_000]);
    }
  });

  it('set(key) alone', async () => {
    const found = handles().map((handle) => {
      handle.set('k');
      return all(handle);
    });
    expect(await Promise.all(found)).to.deep.equal([{}, { k: null }]);
  });

  it("get('') and get(0); del('') and del(0)", async () => {
    expect(await last(['set', '', 'x'], ['get', ''])).to.deep.equal(['{"":"x"}', '"x"']);
    expect(await last(['set', 0, 'x'], ['get', 0])).to.deep.equal(['{"0":"x"}', '"x"']);
    for (const key of ['', 0]) {
      const found = handles().map((handle) => {
        handle.set('other', 1);
        handle.set(key, 1);
        handle.del(key);
        return all(handle);
      });
      expect(await Promise.all(found)).to.deep.equal([{}, { other: 1 }]);
    }
  });

  it('del(undefined)', async () => {
    ourStore.once('error', () => {});
    const found = handles().map((handle) => {
      handle.set('a', 1);
      handle.del(undefined);
      return all(handle);
    });
    expect(await Promise.all(found)).to.deep.equal([{}, { a: 1 }]);
    const [their, our] = await Promise.all(
      sites.map((site) => new Visitor().send(site, ['set', 'a', 1], ['del', NOTHING])),
    );
    expect(their?.[1]).not.to.have.property('error');
    expect(our?.[1]?.error).to.include('a key must be');
  });

  it("get('constructor') where there is none, and the key __proto__", async () => {
    const [their, our] = handles();
    their.set('a', 1);
    expect(await value(their, 'constructor')).to.equal(Object);
    expect(await value(our, 'constructor')).to.equal(undefined);
    expect(await last(['set', '__proto__', { a: 1 }], ['getAll'])).to.deep.equal(['{}', '{"__proto__":{"a":1}}']);
  });

  it('destroy: how many cookies, and when', async () => {
    const answered = async (make: Make) => {
      const server = createServer((req, res) => {
        make(req, res).destroy();
        res.end();
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      server.close();
      return response.headers.getSetCookie();
    };
    let unwaited: Promise<string[]> | undefined;
    const thrown = await uncaught(() => {
      unwaited = answered(theirs);
    });
    expect(thrown).to.have.property('code', 'ERR_HTTP_HEADERS_SENT');
    expect((await unwaited)?.[0]).to.match(/^s=.{40};/);
    const lines = await answered(ours);
    expect(lines).to.have.length(1);
    expect(lines[0]).to.match(/^s=; /);
    const waited = await Promise.all(
      sites.map(async (site) => {
        const visitor = new Visitor();
        await visitor.send(site, ['destroy']);
        return visitor.cookies.length;
      }),
    );
    expect(waited).to.deep.equal([2, 1]);
  });

  it('a call after destroy, in the same request', async () => {
    const [their, our] = await Promise.all(
      sites.map((site) => new Visitor().send(site, ['destroy'], ['set', 'a', 1], ['getAll'])),
    );
    expect(their?.map(({ value: is }) => is)).to.deep.equal(['undefined', 'undefined', '{"a":1}']);
    expect(our?.map(({ error }) => error !== undefined)).to.deep.equal([false, true, true]);
  });

  it("keys: ''", async () => {
    const site = await Site.open((req, res) => original(req, res, theirStore, { keys: '' }));
    const visitor = new Visitor();
    await visitor.send(site);
    expect(visitor.cookies.map(({ key }) => key)).to.deep.equal(['s']);
    await site.close();
    const wrong = () => genericSession({} as never, {} as never, ourStore, { keys: '' as never });
    expect(await failureOf(wrong)).to.include({ code: 'SESSILE_MISUSE' });
  });

  it('get and del on no session', async () => {
    const before = await ourStore.lengthAsync();
    await last(['get', 'a'], ['getAll'], ['del', 'a']);
    expect(await ourStore.lengthAsync()).to.equal(before);
  });

  it('a failure without a callback', async () => {
    const failing = {
      ...recorder(),
      set: (...args: unknown[]) =>
        (args[4] as (error: Error) => void)(Object.assign(new Error(), { code: 'EUNHEARD' })),
    };
    const [req, res] = [
      { headers: {}, connection: {}, socket: {} },
      { getHeader() {}, setHeader() {} },
    ] as never[];
    const told = await Promise.all(
      ([original, genericSession] as unknown as (typeof original)[]).map((make) =>
        warnings(() => void make(req as never, res as never, failing).set('a', 1)),
      ),
    );
    // The warnings of both are heard by both: there is one, and it is ours.
    expect(told[0]).to.have.length(1);
  });
});
