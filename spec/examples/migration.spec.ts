import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import request from 'supertest';
import { folders } from '../support/folder.js';
import { postgresSchema } from '../support/postgres-schema.js';
import { needRedis, type RedisServer, redisServer } from '../support/redis-server.js';
import { workplace } from '../support/workplace.js';

const root = join(import.meta.dirname, '..', '..');
const pages = join(root, 'examples', 'migration');

/** Pages after whose change people are still logged in, and those where memory was all there was. */
const stays: Record<string, boolean> = {
  'from-express-memory.md': false,
  'from-memorystore.md': false,
  'from-session-file-store.md': true,
  'from-connect-sqlite3.md': true,
  'from-better-sqlite3-session-store.md': true,
  'from-connect-redis.md': true,
  'from-connect-pg-simple.md': true,
};

const prelude = `
  import express from 'express';
  const app = express();
  const secret = 'a secret of the spec';
`;
const routes = `
  app.post('/login', (req, res) => { req.session.user = 'ada'; res.send('welcome'); });
  app.get('/', (req, res) => res.send(req.session.user ?? 'nobody'));
  const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port));
`;

describe('examples/migration', function () {
  this.timeout(300_000);
  const folder = folders();
  let redis: RedisServer | undefined;
  let schema: { url: string; remove: () => Promise<void> } | undefined;

  afterEach(async () => {
    await redis?.remove();
    await schema?.remove();
    redis = undefined;
    schema = undefined;
  });

  it('has a page for each, and its index names them', () => {
    const found = readdirSync(pages).filter((name) => name !== 'README.md');
    expect(found).to.have.members(Object.keys(stays));
    const index = readFileSync(join(pages, 'README.md'), 'utf8');
    for (const name of found) expect(index).to.include(`(${name})`);
  });

  for (const [name, stay] of Object.entries(stays)) {
    it(`${name}: ${stay ? 'who was logged in still is' : 'new logins are kept as the page says'}`, async function () {
      const { before, after } = blocksOf(name);
      const env: Record<string, string> = {};
      if (before.includes('PG_URL')) {
        schema = await postgresSchema(process.env['PG_URL'] ?? skip(this, 'PG_URL names no PostgreSQL server'));
        env['PG_URL'] = schema.url;
      }
      if (before.includes('REDIS_URL')) {
        needRedis(this);
        redis = await redisServer();
        env['REDIS_URL'] = redis.url;
      }
      const cwd = workplace(folder());
      const login = await withApp(before, { cwd, env }, (app) => app.post('/login').expect(200, 'welcome'));
      const cookie = cookieOf(login);
      const user = stay ? 'ada' : 'nobody';
      await withApp(after, { cwd, env }, async (app) => {
        await app.get('/').set('Cookie', cookie).expect(200, user);
        const again = await app.post('/login').set('Cookie', cookie).expect(200, 'welcome');
        await app
          .get('/')
          .set('Cookie', again.headers['set-cookie'] ? cookieOf(again) : cookie)
          .expect(200, 'ada');
      });
    });
  }
});

type App = ReturnType<typeof request>;

/** The two programs of a page. */
function blocksOf(name: string): { before: string; after: string } {
  const page = readFileSync(join(pages, name), 'utf8');
  const block = (head: string) => new RegExp(`^## ${head}\n+\`\`\`js\n(.*?)^\`\`\``, 'ms').exec(page)?.[1];
  const [before, after] = [block('Before'), block('After')];
  if (before === undefined || after === undefined) throw new Error(`${name} lacks a program`);
  return { before, after };
}

function skip(test: Mocha.Context, reason: string): never {
  console.log(`      skipped: ${reason}`);
  test.skip();
  throw new Error('not reached');
}

interface Place {
  readonly cwd: string;
  readonly env: Record<string, string>;
}

async function withApp<T>(block: string, { cwd, env }: Place, act: (app: App) => Promise<T>): Promise<T> {
  writeFileSync(join(cwd, 'app.mjs'), prelude + block + routes);
  const options = { cwd, env: { ...process.env, ...env, NODE_V8_COVERAGE: '', NODE_OPTIONS: '' } };
  const child = spawn(process.execPath, ['app.mjs'], { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    return await act(request(`http://127.0.0.1:${await portOf(child)}`));
  } finally {
    child.kill('SIGTERM');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
}

/** Some stores say other things first. */
async function portOf(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    if (/^\d+$/.test(line)) return line;
  }
  throw new Error('The program ended without a port');
}

function cookieOf({ headers }: { headers: Record<string, unknown> }): string {
  const [first = ''] = headers['set-cookie'] as string[];
  return first.split(';')[0] as string;
}
