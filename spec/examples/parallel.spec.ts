import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';

const root = join(import.meta.dirname, '../..');

describe('examples/parallel', function () {
  this.timeout(300_000);

  it('prints what README shows, five times in a row', async () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const shown = /node examples\/parallel\/parallel\.mjs`[^`]*```text\n(.*?)```/s.exec(readme)?.[1];
    const program = join(root, 'examples/parallel/parallel.mjs');
    const env = { ...process.env, NODE_V8_COVERAGE: '', NODE_OPTIONS: '' };
    for (let run = 0; run < 5; run += 1) {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [program], { timeout: 55_000, env });
      expect(stderr).to.equal('');
      expect(stdout).to.equal(shown);
    }
  });
});
