import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';

const root = join(import.meta.dirname, '..', '..');

/** Two cases of MemoryStore, one that fails on purpose and one that is skipped, registered with another runner. */
const program = (runner: string) => `
  import { describe, it } from '${runner}';
  import { MemoryStore } from 'sessile/memory';
  import { storeSuite } from 'sessile/conformance';
  const create = (options) => new MemoryStore(options);
  const destroy = (store) => store.closeAsync();
  storeSuite({ title: 'good', describe, it, create, destroy, only: ['get/unknown', 'get/round-trip'] });
  class Forgetful extends MemoryStore { set(sid, session, done) { setImmediate(done); } }
  storeSuite({ title: 'bad', describe, it, create: (options) => new Forgetful(options), destroy,
    only: ['get/round-trip', 'get/unknown'], skip: { 'get/unknown': 'for a reason' } });
`;

describe('the suites under other test runners', function () {
  this.timeout(300_000);
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sessile-runners-'));
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules', 'sessile'));
    symlinkSync(join(root, 'node_modules', 'vitest'), join(folder, 'node_modules', 'vitest'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function outcomeOf(runner: string, name: string, args: string[]): Promise<string> {
    writeFileSync(join(folder, name), program(runner));
    const env = { PATH: process.env['PATH'], NODE_V8_COVERAGE: '', NO_COLOR: '1' };
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder, env, timeout: 100_000 }).then(
      () => expect.fail('the broken store passed'),
      (failure: { stdout: string }) => failure,
    );
    return stdout;
  }

  it('node:test runs them, fails what fails and prints why one was skipped', async () => {
    const stdout = await outcomeOf('node:test', 'with-node.test.mjs', ['--test', '--test-reporter=tap']);
    expect(stdout)
      .to.match(/^# pass 2$/m)
      .and.match(/^# fail 1$/m)
      .and.match(/^# skipped 1$/m);
    expect(stdout).to.match(/skipped: for a reason/);
  });

  it('vitest runs them, fails what fails and prints why one was skipped', async () => {
    const cli = join(root, 'node_modules', 'vitest', 'vitest.mjs');
    const args = [cli, 'run', '--root', folder, '--dir', folder, '--reporter=json', 'with-vitest'];
    const stdout = await outcomeOf('vitest', 'with-vitest.test.mjs', args);
    const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(stdout.slice(stdout.indexOf('{')));
    expect([numPassedTests, numFailedTests, numPendingTests]).to.deep.equal([2, 1, 1]);
    expect(stdout).to.match(/skipped: for a reason/);
  });
});
