import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { Visitor } from '../conformance/journey/visitor.js';
import { folders } from '../support/folder.js';

const root = join(import.meta.dirname, '../..');

describe('examples of frameworks', function () {
  this.timeout(300_000);
  const folder = folders();
  const children: ChildProcess[] = [];

  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  /** Runs it as its first lines say, on a free port. */
  async function start(name: string, sessions: string): Promise<{ origin: string; stop: () => Promise<unknown> }> {
    const env = { ...process.env, PORT: '0', SESSIONS: sessions, NODE_V8_COVERAGE: '', NODE_OPTIONS: '' };
    const child = spawn(process.execPath, [join(root, 'examples', name, 'server.mjs')], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`It ended with ${code} before it listened`);
    });
    const [origin] = (await Promise.race([once(createInterface(child.stdout), 'line'), ended])) as [string];
    ended.catch(() => {});
    const stop = async () => {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const [code] = (await exited) as [number | null];
      return code;
    };
    return { origin, stop };
  }

  for (const name of ['fastify', 'hono', 'next', 'nest']) {
    it(`${name} logs in, counts, keeps that over a restart, and logs out`, async () => {
      const sessions = folder();
      const first = await start(name, sessions);
      const visitor = new Visitor(first.origin);
      expect((await visitor.get('/')).body).to.deep.equal({ name: null, visits: 0 });
      expect((await visitor.post('/login?name=ada')).body).to.deep.equal({ name: 'ada' });
      expect((await visitor.get('/')).body).to.deep.equal({ name: 'ada', visits: 1 });
      expect((await visitor.get('/')).body).to.deep.equal({ name: 'ada', visits: 2 });
      expect(await first.stop()).to.equal(0);
      expect(readdirSync(sessions)).to.have.length.at.least(1);

      const second = await start(name, sessions);
      const later = visitor.twin(second.origin);
      expect((await later.get('/')).body).to.deep.equal({ name: 'ada', visits: 3 });
      const thief = later.twin();
      expect((await later.post('/logout')).body).to.deep.equal({ name: null });
      expect((await later.get('/')).body).to.deep.equal({ name: null, visits: 0 });
      expect((await thief.get('/')).body).to.deep.equal({ name: null, visits: 0 });
      expect(await second.stop()).to.equal(0);
    });
  }
});
