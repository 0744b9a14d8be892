import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { needRedis, type RedisServer, redisServer } from './support/redis-server.js';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const tsc = join(dirname(fileURLToPath(import.meta.resolve('typescript/package.json'))), 'bin', 'tsc');

/** How a stranger opens each store that is exported. A store that is missing here fails. */
const openings: Record<string, string> = {
  MemoryStore: 'new entry.MemoryStore()',
  FileStore: "new entry.FileStore(require('node:fs').mkdtempSync(require('node:path').join(__dirname, 'sessions-')))",
  // Without node:sqlite it takes a database that its caller opened: better-sqlite3 is not among what is installed here.
  SqliteStore: `((path) => new entry.SqliteStore(process.getBuiltinModule('node:sqlite')
    ? path : new (require(${JSON.stringify(fileURLToPath(new URL('../node_modules/better-sqlite3', import.meta.url)))}))(path)
  ))(require('node:path').join(__dirname, 'sessions-' + Math.random() + '.db'))`,
  RedisStore: `((client) => {
    closers.push(client.connect().then(() => () => client.destroy()));
    return new entry.RedisStore({ client });
  })(require(${JSON.stringify(fileURLToPath(import.meta.resolve('redis')))}).createClient({ url: process.env.REDIS_URL }))`,
  AdoptedStore: `((kept) => new entry.AdoptedStore({
    get: (sid, done) => done(null, kept.get(sid)),
    set: (sid, session, done) => done(kept.set(sid, session) && null),
    destroy: (sid, done) => done(kept.delete(sid) && null),
    ids: (done) => done(null, [...kept.keys()]),
  }))(new Map())`,
};

/** Opens every store that an entry exports and keeps a session in it. */
const tryStores = `
module.exports = async (entry) => {
  let session;
  try { session = require('express-session'); } catch { /* not installed */ }
  const opened = {
    ${Object.entries(openings)
      .map(([name, code]) => `${name}: () => ${code},`)
      .join('\n    ')}
  };
  const found = {};
  const closers = [];
  const isOurs = (name) => name !== 'SessionStore' && entry[name].prototype?.setAsync !== undefined;
  const names = Object.keys(entry).filter((name) => /Store$/.test(name) && isOurs(name));
  for (const name of names) {
    const store = opened[name]();
    await store.setAsync('a/b', { cookie: { originalMaxAge: null }, user: 'ada' });
    const kept = await new Promise((resolve, reject) => {
      store.get('a/b', (error, value) => (error ? reject(error) : resolve(value)));
    });
    found[name] = { user: kept.user, name: store.constructor.name, isStore: session && store instanceof session.Store };
    await store.destroyAsync('a/b');
    found[name].after = await store.lengthAsync();
    await store.closeAsync();
  }
  for (const close of closers) (await close)();
  return found;
};
`;

const importAll = `
import { createRequire } from 'node:module';
const tryStores = createRequire(import.meta.url)('./try-stores.cjs');
const found = {};
for (const name of process.argv.slice(2)) found[name] = await tryStores(await import(name));
console.log(JSON.stringify(found));
`;

const requireAll = `
const tryStores = require('./try-stores.cjs');
(async () => {
  const found = {};
  for (const name of process.argv.slice(2)) found[name] = await tryStores(require(name));
  console.log(JSON.stringify(found));
})();
`;

/** What importing can leave behind that the importer did not ask for. */
const lookAround = `
const look = () => JSON.stringify({
  globals: Object.getOwnPropertyNames(globalThis).sort(),
  prototypes: [Object, Array, Promise, Date, Map].map((Class) => Object.getOwnPropertyNames(Class.prototype).sort()),
  listeners: process.eventNames().map(String),
  active: process.getActiveResourcesInfo().filter((name) => name === 'Timeout' || name === 'Immediate'),
  environment: process.env,
});
const before = look();
for (const name of process.argv.slice(2)) await import(name);
console.log(look() === before);
`;

const storesInOptions = `
import session from 'express-session';
import { MemoryStore } from 'sessile';
import { FileStore } from 'sessile/file';
import { MemoryStore as Same } from 'sessile/memory';

export const inMemory: session.SessionOptions = { secret: 'x', store: new MemoryStore() };
export const inFiles: session.SessionOptions = { secret: 'x', store: new FileStore('sessions') };
export const same: MemoryStore = new Same({ max: 5 });
// @ts-expect-error: no store
export const wrong: session.SessionOptions = { secret: 'x', store: { get() {} } };
// @ts-expect-error: an option that is none
new MemoryStore({ maximum: 5 });
`;

const byHand = `
import { MemoryStore, type SessileCode, SessileError } from 'sessile';
import { FileStore } from 'sessile/file';

declare module 'express-session' {
  interface SessionData {
    user: string;
  }
}

const store: MemoryStore | FileStore = new MemoryStore({ ttl: 1_000 });
await store.setAsync('a', { cookie: { originalMaxAge: null }, user: 'ada' });
const user: string | undefined = (await store.getAsync('a'))?.user;
for await (const [sid, session] of store.entries()) console.log(sid.length, session.cookie.expires, user);
const code = (error: unknown): SessileCode | undefined => (error instanceof SessileError ? error.code : undefined);
console.log(code(undefined), await store.pruneAsync());
// @ts-expect-error: a session has a cookie
await store.setAsync('a', { user: 'ada' });
`;

/** What needs no framework's types; those that do are in spec/journey/types.spec.ts and spec/koa/types.spec.ts. */
const faces = `
import { createServer } from 'node:http';
import { type Callback, codes, type PerKey, type SessileCode } from 'sessile';
import { type AnyStore, callbackify, type PromisedStore, promisify } from 'sessile/bridge';
import { FileStore } from 'sessile/file';
import { adopt } from 'sessile/foreign';
import { genericSession, perKey, toGenericStore } from 'sessile/generic';
import { RedisStore } from 'sessile/redis';
import { middleware, type RecordStore, sqliteStore } from 'sessile/server-session';
import { SqliteStore } from 'sessile/sqlite';
import { Cookie, MemoryStore, SessionManager } from 'sessile/tinyhttp';

const kept = new Map();
const plain: AnyStore = {
  get: (sid, callback) => callback(null, kept.get(sid)),
  set: (sid, session, callback) => callback?.(kept.set(sid, session) && null),
  destroy: (sid, callback) => callback?.(kept.delete(sid) && null),
};
const promised: PromisedStore = promisify(plain, { timeout: 1_000 });
const full = adopt(plain, { ttl: 1_000, timeout: 500 });
const back = callbackify({ get: async () => undefined, set: async () => {}, destroy: async () => {} }, { unit: 's' });
const files = new FileStore('x', { adopt: { from: 'session-file-store', ttl: 5 }, concurrency: (_base, _theirs, ours) => ours });
const rows = new SqliteStore(':memory:', { adopt: 'connect-sqlite3', synchronous: 'full' });
const client = { on() {}, off() {}, isOpen: true, isReady: true, sendCommand: async (args: readonly string[]) => args };
const redis = new RedisStore({ client, prefix: 'sess:' });
const done: Callback<number> = (error, count) => console.log(error, count?.toFixed());
for (const store of [full, files, rows, redis]) store.prune(done);

interface Mine { views?: number }
const getSession = SessionManager<Mine>({ secret: 'x', store: back, cookie: { maxAge: 5, sameSite: 'lax' } });
const sessions = middleware<Mine>({ store: sqliteStore(':memory:'), ttl: 60, cookie: { sameSite: 'Strict' } });
const records: RecordStore = { get: () => null, set: () => {}, delete: () => {} };
createServer(async (req, res) => {
  const session = await getSession(req, res);
  session.views = (session.views ?? 0) + 1;
  const values: PerKey = genericSession(req, res, full, { keys: ['a'], expire: 60 });
  const all: Record<string, unknown> = await values.getAllAsync();
  await perKey(req).updateAsync('n', (n) => Number(n) + 1);
  res.end(new Cookie({ maxAge: 5 }).serialize('a', String(all['n'])));
  // @ts-expect-error: views are counted
  session.views = 'many';
});
createServer(sessions.wrap((req, res) => {
  req.session.set('views', (req.session.get('views') ?? 0) + 1);
  // @ts-expect-error: views are counted
  req.session.set('views', 'many');
  res.end();
}));
middleware({ store: records });
toGenericStore(new MemoryStore(), { expireUnit: 's' }).get('a', 'b', 60, (error, value) => console.log(error, value));
export const words = (code: SessileCode): string => codes[code];
export const found = async () => (await promised.getAsync('a'))?.cookie.originalMaxAge;
// @ts-expect-error: no store
promisify({ get() {} });
// @ts-expect-error: no unit
callbackify({ get() {}, set() {}, destroy() {} }, { unit: 'm' });
// @ts-expect-error: a client is needed
new RedisStore({ prefix: 'x' });
// @ts-expect-error: nothing is adopted from there
new SqliteStore(':memory:', { adopt: 'memorystore' });
// @ts-expect-error: an option that is none
SessionManager({ secret: 'x', maxAge: 5 });
`;

describe('the package, installed from its tarball', function () {
  this.timeout(240_000);
  let folder: string;
  let bare: string;
  let withPeer: string;
  let packed: { filename: string; files: { path: string }[] };
  let manifest: { exports: Record<string, unknown>; devDependencies: Record<string, string> };
  let entries: string[];
  let redis: RedisServer | undefined;

  before(async function () {
    needRedis(this);
    redis = await redisServer();
    folder = await mkdtemp(join(tmpdir(), 'sessile-package-'));
    manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    entries = Object.keys(manifest.exports)
      .filter((path) => path !== './package.json')
      .map((path) => `sessile${path.slice(1)}`);
    // What `npm test` and the gate built before: other specs load it at this moment, so nothing may replace it now.
    const pack = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: root });
    [packed] = JSON.parse(pack.stdout);
    const tarball = join(folder, packed.filename);
    const peer = `express-session@${manifest.devDependencies['express-session']}`;
    [bare, withPeer] = await Promise.all([
      install(join(folder, 'bare'), [tarball]),
      install(join(folder, 'with-peer'), [tarball, peer]),
    ]);
  });

  after(async () => {
    await redis?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  it('holds the build, the licence and what a reader needs, and nothing else', () => {
    const paths = packed.files
      .map(({ path }) => path)
      .filter((path) => !/^dist\/(esm|cjs)\/.*\.(js|d\.ts)$/.test(path));
    expect(paths).to.have.members([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'dist/cjs/package.json',
      'dist/esm/package.json',
      'package.json',
    ]);
  });

  it('does not bring express-session along', async () => {
    const { code } = await run('node', ['-p', 'require.resolve("express-session")'], { cwd: bare }).catch(
      (error) => error,
    );
    expect(code).to.equal(1);
  });

  for (const program of ['import-all.mjs', 'require-all.cjs']) {
    for (const peer of [false, true]) {
      it(`${program.split('-')[0]}s every entry, ${peer ? 'with' : 'without'} express-session`, async () => {
        const env = { ...process.env, REDIS_URL: redis?.url };
        const { stdout } = await run('node', [program, ...entries], { cwd: peer ? withPeer : bare, env });
        const found = JSON.parse(stdout);
        expect(Object.keys(found)).to.deep.equal(entries);
        expect(found.sessile).to.have.all.keys(Object.keys(openings));
        for (const stores of Object.values<object>(found)) {
          for (const [name, outcome] of Object.entries(stores)) {
            expect(outcome).to.deep.equal({ user: 'ada', name, after: 0, ...(peer && { isStore: true }) });
          }
        }
      });
    }
  }

  it('changes nothing by being imported, as "sideEffects": false says', async () => {
    for (const cwd of [bare, withPeer]) {
      const { stdout } = await run('node', ['look-around.mjs', ...entries], { cwd });
      expect(stdout.trim()).to.equal('true');
    }
  });

  it('has declarations that a strict program compiles against, without express-session', async () => {
    expect(await compile(bare, { 'by-hand.mts': byHand })).to.equal('');
  });

  it('has stores that are session stores to a strict program, as an ES module and as CommonJS', async () => {
    const asCommonJs = storesInOptions.replace(/import session from (.*);/, 'import session = require($1);');
    expect(asCommonJs).not.to.equal(storesInOptions);
    const programs = { 'options.mts': storesInOptions, 'options.cts': asCommonJs, 'by-hand.mts': byHand };
    expect(await compile(withPeer, programs)).to.equal('');
  });

  it('has faces that a strict program uses without a cast, with and without express-session', async () => {
    for (const cwd of [withPeer, bare]) {
      expect(await compile(cwd, { 'faces.mts': faces, 'faces.cts': faces })).to.equal('');
    }
  });
});

async function install(cwd: string, packages: string[]): Promise<string> {
  await mkdir(cwd);
  await writeFile(join(cwd, 'package.json'), '{"private":true}\n');
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--prefix', cwd];
  await run('npm', ['install', ...flags, ...packages], { cwd });
  const programs = {
    'try-stores.cjs': tryStores,
    'import-all.mjs': importAll,
    'require-all.cjs': requireAll,
    'look-around.mjs': lookAround,
  };
  for (const [name, text] of Object.entries(programs)) await writeFile(join(cwd, name), text);
  return cwd;
}

/** What the compiler complains of. */
async function compile(cwd: string, programs: Record<string, string>): Promise<string> {
  for (const [name, text] of Object.entries(programs)) await writeFile(join(cwd, name), text);
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    module: 'nodenext',
    target: 'es2022',
    noEmit: true,
  };
  await writeFile(join(cwd, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: Object.keys(programs) }));
  const { stdout, stderr } = await run(process.execPath, [tsc, '-p', cwd], { cwd }).catch((error) => error);
  return stdout + stderr;
}
