import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import request from 'supertest';
import { createApp } from '../../examples/express/app.js';
import { MemoryStore } from '../../lib/backends/memory.js';
import { needRedis, redisServer } from '../support/redis-server.js';

const HALF_AN_HOUR = 30 * 60_000;
const SESSION_COOKIE = /^sessile\.example=/;

describe('examples/express: the app', () => {
  let clock: number;
  let store: MemoryStore;
  let app: ReturnType<typeof createApp>;

  beforeEach(() => {
    clock = Date.now();
    store = new MemoryStore({ now: () => clock });
    app = createApp({ store, keeping: { store: 'MemoryStore', where: 'in the spec <here>' }, secret: 'of the spec' });
    // Keeps Express from logging what comes after the answer has left.
    app.set('env', 'test');
  });

  afterEach(() => store.closeAsync());

  it('asks a stranger for a name and starts no session', async () => {
    const { text, headers } = await request(app).get('/').expect(200).expect('Content-Type', /html/);
    expect(text).to.match(/<label for="name">.*<input id="name"/s);
    expect(text).to.include('<code>MemoryStore</code>, in the spec &lt;here&gt;.');
    expect(headers).not.to.have.property('set-cookie');
    expect(await store.lengthAsync()).to.equal(0);
  });

  it('logs in, counts the visits, and tells when the session was started and when it expires', async () => {
    const agent = request.agent(app);
    const before = Date.now();
    await logIn(agent, ' Ada \n Lovelace ');
    expect(seen(await agent.get('/'))).to.include({ name: 'Ada Lovelace', visits: 1 });
    await agent.get('/');
    const third = await agent.get('/');
    const after = Date.now();
    const { visits, started, expires } = seen(third);
    expect(visits).to.equal(3);
    expect(started).to.be.within(before, after);
    expect(expires).to.be.within(before + HALF_AN_HOUR, after + HALF_AN_HOUR);
    expect(third.text).to.include('<code>MemoryStore</code>');
    expect(third.headers['cache-control']).to.equal('no-store');
  });

  it('sends a cookie that scripts and other sites do not get, and moves its deadline with every answer', async () => {
    const agent = request.agent(app);
    const [first = ''] = setCookies(await logIn(agent, 'Ada'));
    expect(first).to.match(SESSION_COOKIE).and.include('; HttpOnly').and.include('; SameSite=Lax');
    const answer = await agent.get('/');
    const [rolled = ''] = setCookies(answer);
    const onCookie = Date.parse(/Expires=([^;]+)/.exec(rolled)?.[1] ?? '');
    expect(onCookie).to.be.closeTo(seen(answer).expires, 2_000);
  });

  it('keeps the visitor for half an hour after the last visit and no longer', async () => {
    const agent = request.agent(app);
    await logIn(agent, 'Ada');
    clock += HALF_AN_HOUR - 60_000;
    expect(seen(await agent.get('/')).name).to.equal('Ada');
    clock += 120_000;
    expect((await agent.get('/')).text).to.include('Who is there?');
  });

  it('logs out: the session is gone and the old cookie opens nothing', async () => {
    const agent = request.agent(app);
    const stolen = setCookies(await logIn(agent, 'Ada'));
    const goodbye = await agent.post('/logout').expect(303).expect('Location', '/');
    expect(setCookies(goodbye).join()).to.match(/^sessile\.example=;.*Expires=Thu, 01 Jan 1970/);
    expect(await store.lengthAsync()).to.equal(0);
    expect((await agent.get('/')).text).to.include('Who is there?');
    expect((await request(app).get('/').set('Cookie', stolen)).text).to.include('Who is there?');
  });

  it('takes a logout without a session quietly, and not as a link', async () => {
    await request(app).post('/logout').expect(303);
    await request(app).get('/logout').expect(404);
  });

  it('gives a new id at login, so that a known one is worth nothing', async () => {
    const agent = request.agent(app);
    const planted = setCookies(await logIn(agent, 'Mallory'));
    await logIn(agent, 'Ada');
    expect(seen(await agent.get('/'))).to.include({ name: 'Ada', visits: 1 });
    expect((await request(app).get('/').set('Cookie', planted)).text).to.include('Who is there?');
    expect(await store.lengthAsync()).to.equal(1);
  });

  for (const name of ['<script>alert(1)</script>', '"><img src=x>', "&amp;'"]) {
    it(`shows the name ${name} as text`, async () => {
      const agent = request.agent(app);
      await logIn(agent, name);
      const { text } = await agent.get('/');
      expect(text).not.to.match(/<script|<img/);
      expect(seen({ text }).name).to.equal(name);
    });
  }

  for (const [what, form] of Object.entries({
    'an empty name': 'name=',
    'a name of spaces': 'name=+%09+',
    'a name that nobody can see': 'name=%E2%80%8B%00',
    'two names': 'name=Ada&name=Bob',
    'no name at all': 'x=1',
    'an empty form': '',
  })) {
    it(`asks again after ${what}`, async () => {
      const { text, headers } = await request(app).post('/login').type('form').send(form).expect(422);
      expect(text)
        .to.match(/role="alert">Please tell us a name/)
        .and.match(/aria-invalid="true"/);
      expect(headers).not.to.have.property('set-cookie');
    });
  }

  it('asks again after a very long name, keeps its beginning, and escapes that too', async () => {
    const { text } = await post('/login', { name: `"><b>${'x'.repeat(400)}` }).expect(422);
    expect(text)
      .to.match(/role="alert">[^<]*405 characters do not fit/)
      .and.include('value="&quot;&gt;&lt;b&gt;xxx');
    await post('/login', { name: 'x'.repeat(40) }).expect(303);
    await post('/login', { name: 'x'.repeat(41) }).expect(422);
  });

  it('has a friendly page for a huge form, a broken form and an unknown address', async () => {
    const huge = await post('/login', { name: 'x'.repeat(20_000) }).expect(413);
    const broken = await request(app)
      .post('/login')
      .set('Content-Type', 'application/x-www-form-urlencoded; charset=nonsense')
      .send('name=Ada')
      .expect(415);
    const unknown = await request(app).get('/nowhere').expect(404);
    for (const { text } of [huge, broken, unknown]) {
      expect(text)
        .to.include('Back to the page')
        .and.not.match(/Error|\.ts|node_modules/);
    }
  });

  it('does nothing for a form that another site sent', async () => {
    const login = () => post('/login', { name: 'Mallory' });
    await login().set('Sec-Fetch-Site', 'cross-site').expect(403);
    await login().set('Sec-Fetch-Site', 'same-site').expect(403);
    await login().set('Origin', 'https://elsewhere.example').expect(403);
    await login().set('Origin', 'null').expect(403);
    expect(await store.lengthAsync()).to.equal(0);
    await login().set('Sec-Fetch-Site', 'same-origin').expect(303);
    await login().set('Host', 'here.example:1234').set('Origin', 'http://here.example:1234').expect(303);
  });

  it('serves its style sheet and forbids scripts and frames', async () => {
    await request(app).get('/style.css').expect(200).expect('Content-Type', /css/);
    const { headers } = await request(app).get('/');
    expect(headers['content-security-policy']).to.include("default-src 'none'").and.include("frame-ancestors 'none'");
    expect(headers).not.to.have.property('x-powered-by');
  });

  it('says sorry and keeps the reason for the log when the store fails', async () => {
    const logged: unknown[] = [];
    const { error } = console;
    console.error = (what: unknown) => logged.push(what);
    try {
      await store.closeAsync();
      const { text } = await post('/login', { name: 'Ada' }).expect(500);
      expect(text).to.include('Something went wrong').and.not.include('closed');
      expect(logged).to.have.nested.property('[0].code', 'SESSILE_CLOSED');
    } finally {
      console.error = error;
    }
  });

  function post(path: string, form: object) {
    return request(app).post(path).type('form').send(form);
  }
});

describe('examples/express: the process', function () {
  this.timeout(120_000);
  const children = new Set<ChildProcess>();
  let dataDir: string;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'sessile-example-'));
  });

  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    children.clear();
    await rm(dataDir, { recursive: true, force: true });
  });

  for (const [STORE, name] of [
    ['file', 'FileStore'],
    ['sqlite', 'SqliteStore'],
  ] as const) {
    it(`finds name and counter again after a restart, with the same cookie, in a ${name}`, async () => {
      const first = await serve({ STORE });
      expect(first.output()).to.include(name).and.include(join(dataDir, 'secret'));
      const cookie = cookieOf(await first.logIn('Grace'));
      expect(seen(await first.visit(cookie))).to.include({ name: 'Grace', visits: 1 });
      const before = seen(await first.visit(cookie));
      expect(await first.stop('SIGTERM')).to.deep.equal({ code: 0, signal: null });
      expect(first.output()).to.include('Stopped.');

      const second = await serve({ STORE });
      const after = seen(await second.visit(cookie));
      expect(after).to.include({ name: 'Grace', visits: 3, started: before.started });
      expect(await second.stop('SIGINT')).to.deep.equal({ code: 0, signal: null });
    });
  }

  it('finds name and counter again after a restart, with the same cookie, in a RedisStore', async function () {
    needRedis(this);
    const redis = await redisServer();
    try {
      const settings = { STORE: 'redis', REDIS_URL: redis.url };
      const first = await serve(settings);
      expect(first.output()).to.include('RedisStore');
      const cookie = cookieOf(await first.logIn('Grace'));
      expect(seen(await first.visit(cookie))).to.include({ name: 'Grace', visits: 1 });
      expect(await first.stop('SIGTERM')).to.deep.equal({ code: 0, signal: null });
      const second = await serve(settings);
      expect(seen(await second.visit(cookie))).to.include({ name: 'Grace', visits: 2 });
      expect(await second.stop('SIGINT')).to.deep.equal({ code: 0, signal: null });
    } finally {
      await redis.remove();
    }
  });

  it('keeps files by default, and what it keeps is for its owner only', async () => {
    const server = await serve({});
    await server.logIn('Grace');
    await server.stop('SIGTERM');
    expect(await modeOf(join(dataDir, 'secret'))).to.equal(0o600);
    const files = await readdir(join(dataDir, 'sessions'));
    const texts = await Promise.all(files.map((name) => readFile(join(dataDir, 'sessions', name), 'utf8')));
    expect(texts.filter((text) => text.includes('Grace'))).to.have.lengthOf(1);
  });

  it('signs with SESSION_SECRET where there is one and then writes none', async () => {
    const server = await serve({ SESSION_SECRET: 'from outside' });
    expect(server.output()).to.include('SESSION_SECRET').and.not.include('from outside');
    expect(await readdir(dataDir)).not.to.include('secret');
  });

  it('stops although a browser holds a connection that it never used', async () => {
    const server = await serve({});
    const idle = connect(Number(new URL(server.url).port), 'localhost');
    await once(idle, 'connect');
    await server.visit('');
    expect(await server.stop('SIGTERM')).to.deep.equal({ code: 0, signal: null });
    idle.destroy();
  });

  it('keeps sessions in memory with STORE=memory and loses them at a restart', async () => {
    const first = await serve({ STORE: 'memory' });
    const cookie = cookieOf(await first.logIn('Grace'));
    const page = await first.visit(cookie);
    expect(page.text).to.include('<code>MemoryStore</code>');
    expect(seen(page)).to.include({ name: 'Grace', visits: 1 });
    await first.stop('SIGTERM');
    const second = await serve({ STORE: 'memory' });
    expect((await second.visit(cookie)).text).to.include('Who is there?');
  });

  it('says in one line that a port is taken', async () => {
    const squatter = createServer().listen(0);
    await once(squatter, 'listening');
    const { port } = squatter.address() as AddressInfo;
    try {
      expect(await refusal({ PORT: String(port) })).to.match(
        new RegExp(`^Port ${port} is taken\\. .*PORT=\\d+ npm start\\n$`),
      );
    } finally {
      squatter.close();
    }
  });

  for (const port of ['65536', '-1', '80a', '1e3', ' ']) {
    it(`says in one line that PORT="${port}" is none`, async () => {
      expect(await refusal({ PORT: port })).to.match(/^PORT=.* is no port\. .*65535\n$/);
    });
  }

  it('names the stores there are when it is asked for another', async () => {
    expect(await refusal({ STORE: 'constructor' })).to.match(
      /^STORE=constructor is not known\. .*file, sqlite, redis, memory.*\n$/,
    );
  });

  it('says in one line that DATA_DIR is no folder', async () => {
    const file = join(dataDir, 'file');
    await writeFile(file, '');
    expect(await refusal({ DATA_DIR: file })).to.match(/^The data folder cannot be made: .*\n$/);
  });

  it('says in one line that sessions cannot be kept where they should be', async () => {
    await writeFile(join(dataDir, 'sessions'), '');
    expect(await refusal({})).to.match(/^FileStore: .*sessions cannot hold sessions: .*\n$/);
  });

  it('says in one line that the kept secret is cut off or no file, and does not sign with it', async () => {
    await writeFile(join(dataDir, 'secret'), '\n');
    expect(await refusal({})).to.match(/^The secret in .* cannot be used: it is too short\. .*\n$/);
    await rm(join(dataDir, 'secret'));
    await mkdir(join(dataDir, 'secret'));
    expect(await refusal({})).to.match(/^The secret in .* cannot be used: EISDIR.*\n$/);
  });

  it('is what npm start runs', async () => {
    const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    expect(manifest.scripts.start).to.equal(['node', ...command].join(' '));
  });

  const root = fileURLToPath(new URL('../..', import.meta.url));
  const command = ['--import', 'tsx', 'examples/express/server.ts'];

  function launch(env: Record<string, string>) {
    const child = spawn(process.execPath, command, {
      cwd: root,
      // Empty counts as absent, so that nothing of the developer's own environment comes in.
      env: { ...process.env, PORT: '0', STORE: '', SESSION_SECRET: '', DATA_DIR: dataDir, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.add(child);
    const said = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text));
    const ended = new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve({ code, signal }));
    });
    return { child, said, ended };
  }

  async function refusal(env: Record<string, string>): Promise<string> {
    const { said, ended } = launch(env);
    expect((await ended).code, said.err).to.equal(1);
    expect(said.out).to.equal('');
    return said.err;
  }

  async function serve(env: Record<string, string>) {
    const { child, said, ended } = launch(env);
    await new Promise<void>((resolve, reject) => {
      child.stdout.on('data', () => {
        if (said.out.includes('Ctrl-C')) resolve();
      });
      ended.then(({ code }) => reject(new Error(`The server ended with ${code}: ${said.err}`)), reject);
    });
    const url = /http:\/\/localhost:\d+/.exec(said.out)?.[0] ?? 'no URL was printed';
    return {
      url,
      output: () => said.out + said.err,
      logIn: (name: string) => request(url).post('/login').type('form').send({ name }).expect(303),
      visit: (cookie: string) => request(url).get('/').set('Cookie', cookie).expect(200),
      stop(signal: NodeJS.Signals) {
        child.kill(signal);
        return ended;
      },
    };
  }
});

async function logIn(agent: ReturnType<typeof request.agent>, name: string): Promise<request.Response> {
  return await agent.post('/login').type('form').send({ name }).expect(303).expect('Location', '/');
}

/** What a visitor's page says. */
function seen({ text }: { text: string }): { name: string; visits: number; started: number; expires: number } {
  const find = (pattern: RegExp) => pattern.exec(text)?.[1] ?? expect.fail(`${pattern} is not in ${text}`);
  return {
    name: unescapeHtml(find(/<h1>Hello, <bdi>(.*)<\/bdi><\/h1>/)),
    visits: Number(find(/<strong id="visits">(\d+)</)),
    started: Date.parse(find(/id="started"><time datetime="([^"]+)">[^<]+<\/time>/)),
    expires: Date.parse(find(/id="expires"><time datetime="([^"]+)">[^<]+<\/time>/)),
  };
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };

function unescapeHtml(html: string): string {
  return html.replace(/&(#?\w+);/g, (_, name: string) => entities[name] ?? expect.fail(`unknown entity ${name}`));
}

function setCookies({ headers }: { headers: Record<string, unknown> }): string[] {
  const found = headers['set-cookie'];
  return Array.isArray(found) ? found : [];
}

function cookieOf(answer: request.Response): string {
  return setCookies(answer)[0]?.split(';')[0] ?? expect.fail('no cookie was set');
}

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}
