// The gate. One line per step with its time, the whole output of a step that fails, and last of all the counts of the
// specs. A failing step does not keep later ones from running, so that one run shows everything there is to mend.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';

const LONGEST_STEP = 15 * 60_000;
const root = join(import.meta.dirname, '..');
const bin = join(root, 'node_modules', '.bin');
const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, NO_COLOR: '1', FORCE_COLOR: undefined };
// What these two pack was built by the step before them.
const asBuilt = { npm_config_ignore_scripts: 'true' };

const coverage = ['--reporter=json-summary', '--reporter=json'];
// Much of what specs do is waiting for processes and disks.
const severalAtOnce = ['--parallel', '--jobs', '3'];
const terse = ['--reporter-option', 'terse'];

const steps = [
  ['format and lint', 'biome', ['check', '--error-on-warnings', '--max-diagnostics=50', '.']],
  // First, as the examples are checked against what a user of the package sees.
  ['build', 'node', ['.scripts/build.mjs']],
  ['types', 'tsc', ['-p', '.']],
  ['publint', 'publint', ['--strict', '--pack', 'npm'], asBuilt],
  ['attw', 'attw', ['--pack', '.'], asBuilt],
  ['audit', 'node', ['.scripts/audit.mjs']],
  ['new user', 'node', ['.scripts/new-user.mjs']],
  ['reference', 'node', ['.scripts/reference.mjs', '--check']],
  ['specs', 'c8', [...coverage, 'mocha', ...severalAtOnce, ...terse, 'spec/**/*.spec.ts']],
  ['coverage', 'node', ['.scripts/coverage.mjs']],
];
// A Node that brings the other SQLite library: `.ci/run` installs one, and a laptop does without.
const otherNode = process.env.SESSILE_OTHER_NODE;
if (otherNode) {
  const specs = ['spec/backends/sqlite.spec.ts', 'spec/internal/sqlite-*.spec.ts', 'spec/sqlite/*.spec.ts'];
  const here = { SESSILE_OTHER_NODE: process.execPath };
  steps.push(['specs, other Node', otherNode, ['node_modules/mocha/bin/mocha.js', ...specs], here]);
} else if (process.env.CI === 'true') {
  throw new Error('SESSILE_OTHER_NODE must name the binary of a Node 24');
} else {
  console.log('skipped: SqliteStore on node:sqlite; set SESSILE_OTHER_NODE to the binary of a Node 24');
}

/** Steps whose words are of interest when they succeed, too. */
const TOLD = new Set(['audit', 'new user', 'reference', 'specs', 'specs, other Node', 'coverage']);
const COUNTS = /^\d+ passed, \d+ failed, \d+ skipped\n/m;
let counts = '';
let running;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    end(running);
    process.exit(1);
  });
}
// What an earlier run measured must not count for this one.
rmSync(join(root, 'coverage'), { recursive: true, force: true });
for (const step of steps) await take(step);
if (counts === '') process.exitCode = 1;
process.stdout.write(counts || 'the specs did not report how many passed\n');

async function take([name, command, args, more]) {
  const start = performance.now();
  const { failure, output } = await run(command, args, more);
  const seconds = ((performance.now() - start) / 1000).toFixed(1).padStart(6);
  console.log(`${failure ? 'FAIL' : 'ok  '} ${name.padEnd(16)} ${seconds} s  ${failure}`.trimEnd());
  counts ||= COUNTS.exec(output)?.[0] ?? '';
  if (failure) process.exitCode = 1;
  // What failed comes before what was said on the way there: a log may be kept by its first lines only.
  for (const [line] of output.matchAll(/^failed: .*$/gm)) console.log(line);
  if (failure || TOLD.has(name)) console.log(output.replace(COUNTS, '').trim());
}

/** Runs a command in a process group of its own, so that one that hangs ends with all that it started. */
async function run(command, args, more) {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...env, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  running = child;
  let failure = '';
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const timer = setTimeout(() => {
    failure = `did not end within ${LONGEST_STEP / 60_000} minutes`;
    end(child);
  }, LONGEST_STEP);
  const ended = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(code === 0 ? '' : `ended with ${code ?? signal}`));
  });
  clearTimeout(timer);
  return { failure: failure || ended, output };
}

function end(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
