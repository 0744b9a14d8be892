import { EventEmitter, once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { RedisStore as ConnectRedis } from 'connect-redis';
import express5 from 'express';
import session, { type SessionData } from 'express-session';
import express4 from 'express4';
import type { Redis } from 'ioredis';
import { createClient, createCluster, RESP_TYPES } from 'redis';
import type { Entry } from '../../lib/backend.js';
import { MemoryStore } from '../../lib/backends/memory.js';
import { RedisBackend, RedisStore, type RedisStoreOptions } from '../../lib/backends/redis.js';
import { SessileError } from '../../lib/errors.js';
import { backendSuite } from '../conformance/backend.js';
import { httpSuite } from '../conformance/http.js';
import { storeSuite } from '../conformance/store.js';
import { failureOf } from '../support/folder.js';
import { ioRedis, newPrefix, nodeRedis } from '../support/redis-client.js';
import { needRedis, type RedisServer, redisServer } from '../support/redis-server.js';

const redis = new URL('../../lib/backends/redis.ts', import.meta.url).href;
const NOW = 1_700_000_000_000;
const HOUR = 3_600_000;

describe('Redis', function () {
  this.timeout(180_000);
  let server: RedisServer;
  let client: Awaited<ReturnType<typeof nodeRedis>>;
  let other: Redis;

  before(async function () {
    needRedis(this);
    server = await redisServer();
    client = await nodeRedis(server.url);
    other = await ioRedis(server.url);
  });

  after(async () => {
    client?.destroy();
    other?.disconnect();
    await server?.remove();
  });

  /** A store below a prefix of its own, whose server can be reached past it. */
  class OwnStore extends RedisStore {
    readonly prefix: string;

    constructor(options: Partial<RedisStoreOptions> = {}) {
      const prefix = newPrefix();
      super({ client, prefix, ...options });
      this.prefix = prefix;
    }
  }

  async function remove(store: OwnStore): Promise<void> {
    await store.closeAsync();
    await forget(store.prefix);
  }

  async function forget(prefix: string): Promise<void> {
    for (const pattern of [`${prefix}*`, `corrupt:${prefix}*`]) {
      for await (const keys of client.scanIterator({ MATCH: pattern, COUNT: 500 })) {
        if (keys.length > 0) await client.del(keys);
      }
    }
  }

  /** Its client was never opened, which refuses every command. */
  function failing(options: Partial<RedisStoreOptions> = {}): OwnStore {
    return new OwnStore({ ...options, client: createClient({ url: server.url }) });
  }

  const clients = { 'the client of redis': () => client, 'the client of ioredis': () => other };
  for (const [name, own] of Object.entries(clients)) {
    const prefixes = new Map<unknown, string>();
    backendSuite({
      title: `RedisBackend, ${name}`,
      describe,
      it,
      create: () => {
        const prefix = newPrefix();
        const backend = new RedisBackend({ client: own(), prefix }, { now: () => NOW, grace: HOUR });
        prefixes.set(backend, prefix);
        return backend;
      },
      destroy: async (backend) => {
        await backend.close();
        await forget(prefixes.get(backend) as string);
      },
      randomIds: 2_000,
    });

    storeSuite<OwnStore>({
      title: `RedisStore, ${name}`,
      describe,
      it,
      create: (options) => new OwnStore({ client: own(), ...options }),
      destroy: remove,
      failing,
      corrupt: (store, sid) => client.set(store.prefix + sid, '{"cut off'),
      program: (body) => `
        import { createClient, createCluster, RESP_TYPES } from 'redis';
        import { RedisStore } from '${redis}';
        const client = createClient({ url: '${server.url}' });
        await client.connect();
        client.unref();
        const store = new RedisStore({ client, prefix: '${newPrefix()}' });
        ${body}`,
      randomIds: 1_000,
    });
  }

  for (const [version, express] of [
    ['5', express5],
    ['4', express4],
  ] as const) {
    httpSuite<OwnStore>({
      title: `RedisStore, Express ${version}`,
      describe,
      it,
      express,
      session,
      create: (options) => new OwnStore(options),
      destroy: remove,
      failing,
    });
  }

  describe('beside connect-redis', () => {
    const cookieOf = (expires: Date | null) => ({
      originalMaxAge: expires === null ? null : HOUR,
      expires,
      httpOnly: true,
      path: '/',
    });
    const soon = () => new Date(Date.now() + HOUR);

    function both() {
      const prefix = newPrefix();
      const ours = new RedisStore({ client, prefix });
      const theirs = new ConnectRedis({ client, prefix });
      return { prefix, ours, theirs };
    }

    for (const kind of ['a date', 'no date'] as const) {
      it(`finds what connect-redis wrote, with its deadline; ${kind}`, async () => {
        const { ours, theirs } = both();
        const cookie = cookieOf(kind === 'a date' ? soon() : null);
        await theirs.set('a', { cookie, user: 'ada' } as unknown as SessionData);
        expect(await ours.getAsync('a')).to.deep.equal({ cookie, user: 'ada' });
        expect(await ours.idsAsync()).to.deep.equal(['a']);
        expect([await ours.lengthAsync(), Object.keys(await ours.allAsync())]).to.deep.equal([1, ['a']]);
        await ours.touchAsync('a', { cookie } as SessionData);
        expect(await ours.getAsync('a')).to.deep.equal({ cookie, user: 'ada' });
        await ours.closeAsync();
      });

      it(`is read by connect-redis, which then saves, touches and ends the session; ${kind}`, async () => {
        const { ours, theirs, prefix } = both();
        const cookie = cookieOf(kind === 'a date' ? soon() : null);
        await ours.setAsync('a', { cookie, user: 'ada' } as unknown as SessionData);
        const found = await theirs.get('a');
        // As express-session does it: its Cookie knows its own attributes alone.
        const request = { sessionID: 'a', sessionStore: ours } as never;
        const { cookie: read, ...rest } = JSON.parse(JSON.stringify(ours.createSession(request, found)));
        expect(rest).to.deep.equal({ user: 'ada' });
        expect(read).to.deep.equal(JSON.parse(JSON.stringify(cookie)));
        await theirs.set('a', { ...rest, user: 'eve', cookie: read });
        expect(await ours.getAsync('a')).to.deep.equal({ cookie, user: 'eve' });
        await theirs.touch('a', { cookie: cookieOf(new Date(Date.now() + 2 * HOUR)) } as unknown as SessionData);
        expect(await client.pTTL(`${prefix}a`)).to.be.within(HOUR, 2 * HOUR);
        expect(await ours.getAsync('a')).to.have.property('user', 'eve');
        await theirs.destroy('a');
        expect(await ours.getAsync('a')).to.equal(undefined);
        await ours.closeAsync();
      });
    }

    it('takes a session for alive that connect-redis touched, which leaves a past date in the text', async () => {
      const { ours, prefix } = both();
      const text = JSON.stringify({ cookie: cookieOf(new Date(Date.now() - 60_000)), user: 'ada' });
      await client.set(`${prefix}a`, text, { expiration: { type: 'EX', value: 3_600 } });
      const found = await ours.getAsync('a');
      expect(Number(found?.cookie.expires) - Date.now()).to.be.within(HOUR - 60_000, HOUR + 1_000);
      expect([await ours.idsAsync(), await ours.lengthAsync()]).to.deep.equal([['a'], 1]);
      await ours.touchAsync('a', { cookie: cookieOf(soon()) } as unknown as SessionData);
      expect(JSON.parse((await client.get(`${prefix}a`)) as string).user).to.equal('ada');
      await client.set(`${prefix}a`, text, { expiration: { type: 'EX', value: 1 } });
      expect(await ours.getAsync('a'), 'of which less is left than what connect-redis rounds up').to.equal(undefined);
      await ours.closeAsync();
    });

    it('finds what connect-redis stored without an expiry (disableTTL)', async () => {
      const { ours, prefix } = both();
      await client.set(`${prefix}a`, JSON.stringify({ cookie: cookieOf(null), user: 'ada' }));
      expect(await ours.getAsync('a')).to.deep.equal({ cookie: cookieOf(null), user: 'ada' });
      await ours.closeAsync();
    });
  });

  describe('a key', () => {
    const cookie = { originalMaxAge: null, expires: null, path: '/' } as unknown as SessionData['cookie'];

    it("leaves by the server's expiry, moved by a touch, to the millisecond", async () => {
      const prefix = newPrefix();
      const store = new RedisStore({ client, prefix, ttl: HOUR });
      await store.setAsync('a', { cookie });
      expect(await client.pTTL(`${prefix}a`)).to.be.within(HOUR - 60_000, HOUR);
      const expires = new Date(Date.now() + 2 * HOUR);
      await store.touchAsync('a', { cookie: { ...cookie, expires } });
      expect(Math.abs((await client.pExpireTime(`${prefix}a`)) - Number(expires))).to.be.below(60_000);
      await store.touchAsync('b', { cookie });
      expect([await client.exists(`${prefix}b`), await store.pruneAsync()]).to.deep.equal([0, 0]);
      await store.closeAsync();
    });

    it("of another prefix, or another type, is nobody's session, whatever the prefix is spelt with", async () => {
      const prefix = `${newPrefix()}[ab]*?\\:`;
      const store = new RedisStore({ client, prefix });
      await client.set(prefix.replace('[ab]', 'a'), 'not ours');
      await client.sAdd(`${prefix}set`, 'not a string');
      await store.setAsync('a', { cookie });
      expect([await store.idsAsync(), await store.lengthAsync()]).to.deep.equal([['a'], 1]);
      await store.clearAsync();
      expect([await store.idsAsync(), await client.exists(`${prefix}set`)]).to.deep.equal([[], 1]);
      await store.closeAsync();
    });

    it('that holds no session is a miss and is reported, and is kept aside when it is written over', async () => {
      const prefix = newPrefix();
      const store = new RedisStore({ client, prefix });
      await client.set(`${prefix}a`, 'no JSON');
      const reported = once(store, 'error') as Promise<[SessileError]>;
      expect(await store.getAsync('a')).to.equal(undefined);
      expect((await reported)[0])
        .to.be.instanceOf(SessileError)
        .with.property('code', 'SESSILE_CORRUPT');
      store.on('error', () => {});
      await store.updateAsync('a', () => ({ cookie }));
      expect(await client.get(`corrupt:${prefix}a`)).to.equal('no JSON');
      expect(await store.getAsync('a')).to.deep.equal({ cookie });
      await store.closeAsync();
      await client.del(`corrupt:${prefix}a`);
    });
  });

  describe('many stores at once', () => {
    const cookie = { originalMaxAge: null, expires: null, path: '/' } as unknown as SessionData['cookie'];

    it('lose none of their increments, as each compares before it sets', async () => {
      const prefix = newPrefix();
      const stores = Array.from({ length: 4 }, (_, n) => new RedisStore({ client: n % 2 ? other : client, prefix }));
      const add = (store: RedisStore) =>
        store.updateAsync('a', (found) => ({ cookie, n: ((found as { n?: number })?.n ?? 0) + 1 }) as SessionData);
      await Promise.all(Array.from({ length: 200 }, (_, n) => add(stores[n % 4] as RedisStore)));
      expect(await stores[0]?.getAsync('a')).to.have.property('n', 200);
      await Promise.all(stores.map((store) => store.closeAsync()));
    });

    it('with a lockTimeout of nothing try once, and change nothing where somebody else was faster', async () => {
      const prefix = newPrefix();
      const store = new RedisStore({ client, prefix, lockTimeout: 0 });
      const n = (count: number) => ({ cookie, n: count }) as unknown as SessionData;
      await store.setAsync('a', n(1));
      await store.touchAsync('a', n(1));
      await store.updateAsync('a', () => n(2));
      let isLate = false;
      const failure = await failureOf(() =>
        store.updateAsync('a', () => {
          if (!isLate) void client.set(`${prefix}a`, JSON.stringify(n(3)));
          isLate = true;
          return n(4);
        }),
      );
      expect(failure).to.have.property('code', 'SESSILE_LOCK_TIMEOUT');
      expect(await store.getAsync('a')).to.have.property('n', 3);
      await store.destroyAsync('a');
      expect(await store.getAsync('a')).to.equal(undefined);
      await store.closeAsync();
    });

    it('give up with a code after lockTimeout when others never let an update through', async () => {
      const prefix = newPrefix();
      const backend = new RedisBackend({ client, prefix, lockTimeout: 60 }, { now: Date.now, grace: 0 });
      const entry: Entry = { data: '{}', cookie: '{}', expires: Date.now() + HOUR };
      let n = 0;
      const failure = await failureOf(async () => {
        await backend.update('a', () => {
          n += 1;
          // Sent before the attempt is: it comes between what change was given and what it answers.
          void client.set(`${prefix}a`, `{"cookie":{},"n":${n}}`);
          return entry;
        });
      });
      expect(failure).to.be.instanceOf(SessileError).with.property('code', 'SESSILE_LOCK_TIMEOUT');
      expect(JSON.parse((await client.get(`${prefix}a`)) as string)).to.have.property('n', n);
    });
  });

  it('takes over what another store has, session by session', async () => {
    const from = new MemoryStore();
    const to = new RedisStore({ client, prefix: newPrefix() });
    const expires = new Date(Date.now() + HOUR);
    const cookie = { originalMaxAge: HOUR, expires, httpOnly: true, path: '/' };
    for (let n = 0; n < 20; n += 1) await from.setAsync(`id-${n}`, { cookie, n } as unknown as SessionData);
    for await (const [sid, found] of from.entries()) await to.setAsync(sid, found);
    expect(await to.allAsync()).to.deep.equal(await from.allAsync());
    await Promise.all([from.closeAsync(), to.clearAsync().then(() => to.closeAsync())]);
  });

  it('counts each update once by clients that answer text as bytes and numbers as text', async () => {
    const bytes = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.NUMBER]: String });
    const texts = other.duplicate({ stringNumbers: true });
    for (const odd of [bytes, texts]) {
      const prefix = newPrefix();
      const store = new RedisStore({ client: odd, prefix });
      const cookie = { originalMaxAge: null, expires: null, path: '/' } as unknown as SessionData['cookie'];
      const add = (found: unknown) =>
        ({ cookie, n: ((found as { n?: number })?.n ?? 0) + 1 }) as unknown as SessionData;
      for (let n = 0; n < 3; n += 1) await store.updateAsync('a', add);
      await store.touchAsync('a', { cookie } as SessionData);
      await client.set(`${prefix}b`, JSON.stringify({ cookie, n: 1 }));
      await store.touchAsync('b', { cookie } as SessionData);
      const all = await store.allAsync();
      expect([all['a'], all['b'], await store.lengthAsync()]).to.deep.equal([{ cookie, n: 3 }, { cookie, n: 1 }, 2]);
      await store.clearAsync();
      await store.closeAsync();
    }
    texts.disconnect();
  });

  describe('options', () => {
    const wrong: Record<string, unknown> = {
      'no client': {},
      'a client that is none': { client: { sendCommand: () => {} } },
      'a prefix that is no string': { prefix: 1 },
      'a prefix that UTF-8 has no form for': { prefix: '\ud800' },
      'a timeout of nothing': { timeout: 0 },
      'a lockTimeout below nothing': { lockTimeout: -1 },
      'a name that is none': { prefx: 'sess:' },
    };
    for (const [what, options] of Object.entries(wrong)) {
      it(`refuses ${what}`, () => {
        const given = { ...(what !== 'no client' && { client }), ...(options as object) } as RedisStoreOptions;
        expect(() => new RedisStore(given))
          .to.throw(TypeError)
          .with.property('code', 'SESSILE_MISUSE');
      });
    }

    it('refuses to be made without any', () => {
      const Untyped = RedisStore as unknown as new () => RedisStore;
      expect(() => new Untyped())
        .to.throw(TypeError)
        .with.property('code', 'SESSILE_MISUSE');
    });

    it('refuses a client of ioredis that repeats by itself what it sent', () => {
      const repeating = other.duplicate({ autoResendUnfulfilledCommands: true, lazyConnect: true });
      expect(() => new RedisStore({ client: repeating })).to.throw(TypeError, 'autoResendUnfulfilledCommands');
      repeating.disconnect();
    });
  });

  it('leaves the client open and without its listeners when it is closed', async () => {
    const before = client.eventNames().map((name) => client.listenerCount(name));
    const store = new RedisStore({ client, prefix: newPrefix() });
    await store.closeAsync();
    expect(client.eventNames().map((name) => client.listenerCount(name))).to.deep.equal(before);
    expect(await client.ping()).to.equal('PONG');
  });

  it('works by the cluster client on a cluster, one key per command', async () => {
    const node = await redisServer(['--cluster-enabled', 'yes']);
    const admin = await nodeRedis(node.url);
    await admin.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', '0', '16383']);
    await eventually(async () => String(await admin.sendCommand(['CLUSTER', 'INFO'])).includes('cluster_state:ok'));
    const cluster = createCluster({ rootNodes: [{ url: node.url }] });
    cluster.on('error', () => {});
    await cluster.connect();
    try {
      const store = new RedisStore({ client: cluster });
      const cookie = { originalMaxAge: null, expires: null, path: '/' } as unknown as SessionData['cookie'];
      const sids = Array.from({ length: 40 }, (_, n) => `sid-${n}`);
      await Promise.all(sids.map((sid) => store.updateAsync(sid, () => ({ cookie }))));
      await store.touchAsync('sid-1', { cookie });
      await store.destroyAsync('sid-0');
      expect((await store.idsAsync()).sort()).to.deep.equal(sids.slice(1).sort());
      await store.clearAsync();
      expect(await store.lengthAsync()).to.equal(0);
      await store.closeAsync();
    } finally {
      cluster.destroy();
      admin.destroy();
      await node.remove();
    }
  });
});

/** A client that answers when it is told to. */
function scriptedClient() {
  const asked: { args: readonly string[]; answer: (value: unknown) => void }[] = [];
  const client = Object.assign(new EventEmitter(), {
    isOpen: true,
    isReady: true,
    sendCommand: (args: readonly string[]) => new Promise((answer) => asked.push({ args, answer })),
  });
  return { asked, client };
}

describe('RedisBackend', () => {
  it('gives a session that waited for its turn no longer than its deadline', async () => {
    let now = NOW;
    const { asked, client } = scriptedClient();
    const backend = new RedisBackend({ client }, { now: () => now, grace: 0 });
    const before = backend.update('a', () => undefined);
    const written = backend.write('a', { data: '{}', cookie: '{}', expires: NOW + 5_000 });
    now += 3_000;
    asked[0]?.answer(null);
    await before;
    await pause(0);
    expect(asked[1]?.args.slice(-2)).to.deep.equal(['PX', '2000']);
    asked[1]?.answer('OK');
    await written;
    backend.close();
  });

  it('lets nobody who waited for his turn longer than lockTimeout have it', async () => {
    const { asked, client } = scriptedClient();
    const backend = new RedisBackend({ client, lockTimeout: 5 }, { now: () => NOW, grace: 0 });
    const before = backend.update('a', () => undefined);
    const entry = { data: '{}', cookie: '{}', expires: NOW + 5_000 };
    const behind = [
      () => backend.write('a', entry),
      () => backend.touch('a', entry, NOW),
      () => backend.update('a', () => entry),
    ].map((act) => failureOf(act));
    await pause(20);
    asked[0]?.answer(null);
    await before;
    const codes = (await Promise.all(behind)).map(({ code }) => code);
    expect(codes).to.deep.equal(behind.map(() => 'SESSILE_LOCK_TIMEOUT'));
    expect(asked.map(({ args }) => args[0])).to.deep.equal(['GET']);
    backend.close();
  });
});

describe('RedisBackend, updating what was seen', () => {
  const CLOCK = { now: () => NOW, grace: 0 };
  const entryOf = (n: number, expires = NOW + 5_000): Entry => {
    return { data: `{"n":${n}}`, cookie: '{"expires":"deadline"}', expires };
  };
  const textOf = (n: number, expires = NOW + 5_000) =>
    `{"cookie":{"expires":"${new Date(expires).toISOString()}"},"n":${n}}`;
  const increment = (found: Entry | undefined) => found && entryOf(Number(/\d+/.exec(found.data)) + 1, found.expires);

  /** A server that has `text` under the one key, and what it is asked. */
  function holding(text: string) {
    const names: string[] = [];
    const held = { text };
    const replace = ([was, next]: readonly string[]) => {
      if (held.text !== was) return held.text;
      held.text = next as string;
      return null;
    };
    const client = Object.assign(new EventEmitter(), {
      isOpen: true,
      isReady: true,
      sendCommand: async ([name = '', ...args]: readonly string[]) => {
        names.push(name);
        if (name === 'GET') return held.text || null;
        return name === 'PTTL' ? 4_000 : replace(args.slice(3));
      },
    });
    return { names, held, backend: new RedisBackend({ client }, CLOCK) };
  }

  it('is one step where that is still there', async () => {
    const { names, held, backend } = holding(textOf(1));
    await backend.update('a', increment, entryOf(1));
    expect(held.text).to.equal(textOf(2));
    await backend.update('a', () => undefined, entryOf(2));
    expect(held.text).to.equal('');
    expect(names).to.deep.equal(['EVALSHA', 'EVALSHA']);
    backend.close();
  });

  it('starts from what is there instead', async () => {
    const { names, held, backend } = holding(textOf(7));
    await backend.update('a', increment, entryOf(1));
    expect(held.text).to.equal(textOf(8));
    expect(names).to.deep.equal(['EVALSHA', 'EVALSHA']);
    backend.close();
  });

  it('brings back nothing that was removed meanwhile', async () => {
    const { names, held, backend } = holding('');
    await backend.update('a', increment, entryOf(1));
    expect(held.text).to.equal('');
    expect(names).to.deep.equal(['EVALSHA']);
    backend.close();
  });

  it('asks before it believes that there is nothing to do', async () => {
    const { held, backend } = holding(textOf(7));
    await backend.update('a', (found) => (found?.data === '{"n":1}' ? found : increment(found)), entryOf(1));
    expect(held.text).to.equal(textOf(8));
    backend.close();
  });

  it('fails by what is there alone', async () => {
    const { held, backend } = holding(textOf(7));
    const refuse = (n: number) => (found: Entry | undefined) => {
      if (found?.data === `{"n":${n}}`) throw new RangeError('refused');
      return increment(found);
    };
    await backend.update('a', refuse(1), entryOf(1));
    expect(held.text).to.equal(textOf(8));
    expect(await failureOf(() => backend.update('a', refuse(8), entryOf(8)))).to.be.instanceOf(RangeError);
    expect(held.text).to.equal(textOf(8));
    backend.close();
  });

  it('asks for what is past its deadline, as connect-redis may have prolonged it', async () => {
    const { names, held, backend } = holding(textOf(1, NOW));
    const alive = (found: Entry | undefined) => (found && found.expires > NOW ? increment(found) : undefined);
    await backend.update('a', alive, entryOf(1, NOW));
    expect(held.text).to.equal(textOf(2, NOW + 4_000));
    expect(names).to.deep.equal(['GET', 'PTTL', 'EVALSHA']);
    backend.close();
  });

  it('is what a store does when it saves what it loaded', async () => {
    const expires = Date.now() + HOUR;
    const { names, held, backend } = holding(textOf(1, expires));
    backend.close();
    const client = Object.assign(new EventEmitter(), {
      isOpen: true,
      isReady: true,
      sendCommand: async (args: readonly string[]) => {
        names.push(args[0] as string);
        return args[0] === 'GET' ? held.text : null;
      },
    });
    const store = new RedisStore({ client });
    const data = (await store.getAsync('a')) as SessionData & { n: number };
    const loaded = { ...data, n: 2 };
    store.carry(data, loaded);
    await store.setAsync('a', loaded);
    expect(names).to.deep.equal(['GET', 'EVALSHA']);
    await store.closeAsync();
  });
});

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(10);
}
