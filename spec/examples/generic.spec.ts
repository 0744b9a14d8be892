import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { expect } from 'chai';

const root = join(import.meta.dirname, '../..');
const env = { ...process.env, NODE_V8_COVERAGE: '', NODE_OPTIONS: '', PORT: '0' };

describe('examples/generic-server and examples/generic-client', function () {
  this.timeout(180_000);
  let server: ChildProcess;
  let url: string;

  before(async () => {
    const program = join(root, 'examples/generic-server/server.mjs');
    server = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    if (!server.stdout) throw new Error('no stdout');
    [url] = (await once(createInterface(server.stdout), 'line')) as [string];
  });

  after(async () => {
    const ended = once(server, 'exit');
    server.kill();
    await ended;
  });

  it('print what README shows, for each visitor anew', async () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const shown = /node examples\/generic-client\/client\.mjs`[^`]*```text\n(.*?)```/s.exec(readme)?.[1];
    const program = join(root, 'examples/generic-client/client.mjs');
    for (let visitor = 0; visitor < 3; visitor += 1) {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, url], { env });
      expect(stderr).to.equal('');
      expect(stdout).to.equal('Set foo = bar\nFetched foo = bar\n');
      expect(stdout).to.equal(shown);
    }
  });

  it('answer a stranger null, and a wrong path with what to try', async () => {
    expect(await (await fetch(`${url}/get/foo`)).json()).to.equal(null);
    const { status } = await fetch(`${url}/`);
    expect(status).to.equal(404);
    expect((await fetch(`${url}/get/%`)).status).to.equal(400);
    expect((await fetch(`${url}/get/foo`)).status).to.equal(200);
  });
});
