import { expect } from 'chai';
import original from 'generic-session';
import { FileStore } from '../../lib/backends/file.js';
import { MemoryStore } from '../../lib/backends/memory.js';
import { SqliteStore } from '../../lib/backends/sqlite.js';
import { type GenericStore, genericSession, toGenericStore } from '../../lib/facade.js';
import type { SessionStore } from '../../lib/store.js';
import { folders } from '../support/folder.js';
import { type Call, type Handle, type Make, NOTHING, Site, Visitor } from './visitor.js';

type Step = readonly [visitor: 'ada' | 'eve', ...calls: Call[]];

const deep = { a: [1, { b: null }], 'ключ 🔑': '', __proto: 1 };

/** One story that both packages are told. */
const story: readonly Step[] = [
  ['ada', ['get', 'foo'], ['getAll'], ['del', 'foo'], ['delAll']],
  ['ada', ['set', 'foo', 'bar']],
  ['eve', ['getAll'], ['set', 'foo', 'eve']],
  ['ada', ['get', 'foo'], ['getAll'], ['get'], ['get', null], ['get', NOTHING]],
  ['ada', ['set', 'null'], ['set', 'zero', 0], ['set', 'empty', ''], ['set', 'false', false], ['set', 'deep', deep]],
  ['ada', ['get', 'null'], ['get', 'zero'], ['get', 'empty'], ['get', 'false'], ['get', 'deep'], ['getAll']],
  ['ada', ['set', 'foo', { now: 'deep' }], ['get', 'foo'], ['set', 'gone', 1], ['set', 'gone', NOTHING]],
  ['ada', ['get', 'gone'], ['getAll'], ['del', 'zero'], ['get', 'zero'], ['del', 'never was'], ['getAll']],
  ['ada', ['set', 7, 'seven'], ['get', 7], ['get', '7'], ['del', 7], ['get', 7]],
  ['ada', ['set', 'cookie', 'mine'], ['set', 'constructor', 1], ['get', 'cookie'], ['get', 'constructor'], ['getAll']],
  ['ada', ['set', '~cookie', 'tilde'], ['del', 'cookie'], ['getAll'], ['set', 'hasOwnProperty', 2], ['getAll']],
  ['eve', ['getAll']],
  ['ada', ['del'], ['getAll'], ['set', 'after', 1]],
  ['ada', ['getAll'], ['delAll'], ['getAll'], ['set', 'again', 1]],
  ['ada', ['destroy']],
  ['ada', ['getAll'], ['set', 'new', 1], ['getAll']],
  ['eve', ['getAll'], ['destroy']],
  ['eve', ['getAll']],
];

/** What a browser and a server could see, without what is random: ids by the order in which they came up. */
async function told(make: Make): Promise<unknown[]> {
  const site = await Site.open(make);
  try {
    const visitors = { ada: new Visitor(), eve: new Visitor() };
    const ids: string[] = [];
    const seen: unknown[] = [];
    for (const [name, ...calls] of story) {
      const visitor = visitors[name];
      const answers = await visitor.send(site, ...calls);
      if (!ids.includes(visitor.id)) ids.push(visitor.id);
      const cookie = await visitor.cookie(site);
      const attributes = visitor.cookies.map(({ key, path, httpOnly, secure, sameSite }) => ({
        key,
        path,
        httpOnly,
        secure,
        sameSite,
      }));
      seen.push({
        calls,
        answers,
        session: ids.indexOf(visitor.id),
        cookieHoldsId: cookie !== undefined && visitor.id === `session:${cookie}`,
        cookie: attributes[0],
        signed: (await visitor.cookie(site, 's.sig')) !== undefined,
      });
    }
    return seen;
  } finally {
    await site.close();
  }
}

describe('generic-session, the original and ours side by side', () => {
  const folder = folders();
  const stores: Record<string, () => SessionStore> = {
    MemoryStore: () => new MemoryStore(),
    FileStore: () => new FileStore(folder()),
    SqliteStore: () => new SqliteStore(':memory:'),
  };
  const opened: SessionStore[] = [];
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.closeAsync();
  });
  const open = (name: string) => {
    const store = (stores[name] as () => SessionStore)();
    opened.push(store);
    return store;
  };
  const keys = ['new secret', 'old secret'];
  const ours =
    (store: SessionStore | GenericStore, options = {}): Make =>
    (req, res) =>
      genericSession(req, res, store, options) as unknown as Handle;
  const theirs =
    (store: GenericStore, options = {}): Make =>
    (req, res) =>
      original(req, res, store, options);

  let expected: unknown[];
  let expectedSigned: unknown[];
  before(async () => {
    expected = await told(theirs(original.MemoryStore()));
    expectedSigned = await told(theirs(original.MemoryStore(), { keys }));
  });

  it('the story is worth telling', () => {
    expect(JSON.stringify(expected)).to.include('"value":"{\\"after\\":1}"');
    expect(expected).not.to.deep.equal(expectedSigned);
  });

  for (const name of Object.keys(stores)) {
    it(`S4 rows 66, 68, 69, 70, 71, 72, 73, 78: ours over ${name} answers as the original over its MemoryStore`, async () => {
      expect(await told(ours(open(name)))).to.deep.equal(expected);
    });

    it(`ours over ${name} answers as the original, signed`, async () => {
      expect(await told(ours(open(name), { keys }))).to.deep.equal(expectedSigned);
    });

    it(`S4 row 75: the original runs over toGenericStore(${name}), and answers the same`, async () => {
      expect(await told(theirs(toGenericStore(open(name))))).to.deep.equal(expected);
    });
  }

  it('ours runs over the MemoryStore of the original, and answers the same', async () => {
    expect(await told(ours(original.MemoryStore()))).to.deep.equal(expected);
  });

  it('both run over the MemoryStore of ours, and answer the same', async () => {
    expect(await told(ours(genericSession.MemoryStore()))).to.deep.equal(expected);
    expect(await told(theirs(genericSession.MemoryStore()))).to.deep.equal(expected);
  });

  it('one visitor is the same session to both, over one store', async () => {
    const store = open('MemoryStore');
    const [first, second] = [
      await Site.open(theirs(toGenericStore(store), { keys })),
      await Site.open(ours(store, { keys })),
    ];
    const visitor = new Visitor();
    await visitor.ask(first, 'set', 'from', 'the original');
    const { id } = visitor;
    expect(await visitor.ask(second, 'get', 'from')).to.equal('"the original"');
    expect(visitor.id).to.equal(id);
    await visitor.ask(second, 'set', 'cookie', 'ours');
    expect(await visitor.ask(first, 'getAll')).to.equal('{"from":"the original","cookie":"ours"}');
    await Promise.all([first.close(), second.close()]);
  });
});
