import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { FileBackend } from '../../lib/backends/file.js';
import { bundle } from '../support/bundle.js';
import { namesIn } from '../support/folder.js';
import { DEAD, type DiskReport, NEW, NOW, OLD } from './disk-orders.js';

const run = promisify(execFile);

describe('FileBackend on a disk that ends', function () {
  this.timeout(300_000);
  let child: string;
  let dir: string;
  let mounted = false;

  before(async () => {
    child = await bundle(new URL('disk-child.ts', import.meta.url));
  });
  after(() => rmSync(child, { force: true }));
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'sessile-disk-'));
  });
  afterEach(() => {
    if (mounted) spawnSync('umount', [dir]);
    mounted = false;
    rmSync(dir, { recursive: true, force: true });
  });

  /** A disk of its own in place of `dir`; where that is not allowed the test is skipped and says why. */
  function mount(test: Mocha.Context, options: string): void {
    const { status, stderr, error } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', dir]);
    mounted = status === 0;
    if (mounted) return;
    console.log(`      skipped: no tmpfs can be mounted here: ${error?.message ?? String(stderr).trim()}`);
    test.skip();
  }

  async function inShell(limit: string, ...order: string[]): Promise<unknown> {
    const script = `ulimit ${limit} && exec "$0" "$@"`;
    // What coverage writes at the end would be larger than a file may be.
    const env = { ...process.env, NODE_V8_COVERAGE: '' };
    const { stdout } = await run('bash', ['-c', script, process.execPath, child, ...order], { env });
    return JSON.parse(stdout);
  }

  function checkReport({ saved, refused, removed, wrong }: DiskReport, ...causes: string[]): void {
    expect(wrong).to.deep.equal([]);
    expect(saved).to.be.greaterThan(30);
    expect(removed).to.be.greaterThan(15);
    const kinds = Object.keys(refused);
    for (const kind of kinds) expect(kind).to.be.oneOf(causes.map((cause) => `SESSILE_IO ${cause}`));
    expect(Object.values(refused).reduce((sum, count) => sum + count, 0)).to.be.greaterThan(100);
    expect(leftovers()).to.deep.equal([]);
  }

  function leftovers(): string[] {
    return namesIn(dir).filter((name) => !/^[\da-f]{64}\.json$/.test(name));
  }

  it('acknowledges nothing on a full disk that cannot be read, and removes what is there', async function () {
    mount(this, 'size=64k');
    const { stdout } = await run(process.execPath, [child, 'fill', dir, '1000']);
    checkReport(JSON.parse(stdout) as DiskReport, 'ENOSPC', 'only n of n bytes could be written');
  });

  it('acknowledges nothing that cannot be read where no file may be larger than 16 kB', async () => {
    const report = (await inShell('-f 16', 'fill', dir, '1000')) as DiskReport;
    checkReport(report, 'EFBIG', 'only n of n bytes could be written');
  });

  it('removes where there is no room even for a lock, and only that', async function () {
    mount(this, 'size=1m,nr_inodes=8');
    const backend = new FileBackend(dir);
    for (const [sid, entry] of Object.entries({ mine: OLD, other: OLD, dead: DEAD })) {
      await backend.update(sid, () => entry);
    }
    let fillers = 0;
    const fill = () => {
      try {
        for (; fillers < 20; fillers += 1) writeFileSync(join(dir, `filler ${fillers}`), '');
      } catch (error) {
        expect(error).to.include({ code: 'ENOSPC' });
      }
    };
    fill();
    const failure = await backend.update('mine', () => NEW).catch((error: unknown) => error);
    expect(failure).to.have.property('code', 'SESSILE_IO');
    expect(failure).to.have.nested.property('cause.code', 'ENOSPC');
    expect(await backend.read('mine')).to.include(OLD);
    await backend.touch('mine', { expires: NEW.expires, cookie: OLD.cookie }, NOW);
    expect(await backend.read('mine')).to.include({ ...OLD, expires: NEW.expires });

    await backend.update('mine', () => undefined);
    expect(await backend.read('mine')).to.equal(undefined);
    fill();
    expect(await backend.prune(NOW)).to.equal(1);
    expect(await backend.read('dead')).to.equal(undefined);
    fill();
    await backend.clear();
    expect(await backend.read('other')).to.equal(undefined);

    for (let n = 0; n < fillers; n += 1) rmSync(join(dir, `filler ${n}`), { force: true });
    await backend.update('mine', () => NEW);
    expect(await backend.read('mine')).to.include(NEW);
    expect(leftovers()).to.deep.equal([]);
  });

  it('never runs out of file descriptors, however much is asked for at once', async () => {
    const modes = { 'few, plain': ['-n 64', 'plain'], 'few, fsync': ['-n 64', 'fsync'], many: ['-n 4096', 'plain'] };
    for (const [name, [limit = '', mode = '']] of Object.entries(modes)) {
      expect(await inShell(limit, 'burst', join(dir, name), mode), name).to.deep.equal({});
    }
  });
});
