import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { folders } from '../support/folder.js';

const examples = join(import.meta.dirname, '../../examples');

describe('examples/koa and examples/egg', function () {
  this.timeout(180_000);
  const folder = folders();
  const children: ChildProcess[] = [];

  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  function run(args: string[], sessions: string): ChildProcess {
    const env = { ...process.env, PORT: '0', SESSIONS: sessions, NODE_V8_COVERAGE: '', NODE_OPTIONS: '' };
    const [name] = args;
    const program = join(examples, name === 'egg-session' ? 'egg/egg.mjs' : 'koa/koa.mjs');
    const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    children.push(child);
    return child;
  }

  async function start(name: string, sessions: string): Promise<{ url: string; stop: () => Promise<void> }> {
    const child = run([name], sessions);
    const lines = createInterface(child.stdout as NodeJS.ReadableStream);
    const [line] = (await once(lines, 'line')) as [string];
    const [, told, url = ''] = /^(\S+) on (http:\S+)$/.exec(line) ?? [];
    expect(told).to.equal(name);
    const stop = async () => {
      child.kill('SIGTERM');
      expect(await once(child, 'exit')).to.deep.equal([0, null]);
    };
    return { url, stop };
  }

  for (const name of ['sessile', 'koa-session', 'koa-generic-session', 'koa-session-ts', 'egg-session']) {
    it(`keeps a login over a restart, with ${name}`, async () => {
      const sessions = folder();
      const first = await start(name, sessions);
      const headers = { connection: 'close' };
      const login = await fetch(`${first.url}/login?name=bob`, { headers });
      expect(await login.text()).to.equal('Hello bob, visit 1.\n');
      const cookie = login.headers
        .getSetCookie()
        .map((line) => line.split(';')[0])
        .join('; ');
      await first.stop();
      const second = await start(name, sessions);
      const visit = async (path: string) =>
        (await fetch(second.url + path, { headers: { ...headers, cookie } })).text();
      expect(await visit('/')).to.equal('Hello bob, visit 2.\n');
      expect(await visit('/logout')).to.match(/^Who is there\?/);
      expect(await visit('/')).to.match(/^Who is there\?/);
      await second.stop();
    });
  }

  it('names the middlewares where it is given another', async () => {
    const child = run(['express'], folder());
    const [complaint] = await Promise.all([text(child.stderr as NodeJS.ReadableStream), once(child, 'exit')]);
    expect(child.exitCode).to.equal(1);
    expect(complaint).to.equal(
      'No middleware "express"; there are sessile, koa-session, koa-generic-session, koa-session-ts.\n',
    );
  });
});
