// The long versions of the specs that have one: `npm run torture [words]`, where a word chooses the specs whose path
// contains it. Hours on two cores; the gate runs the same specs with smaller numbers. A number that is set in the
// environment already stands.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const numbers = {
  // Cycles of kill -9 per mode.
  CRASH_CYCLES: '1000',
  // Runs of the model per store, without a limit of time.
  TORTURE_RUNS: '100000',
  // Rounds of logout races per store.
  TORTURE_ROUNDS: '10000',
  // Times what the gate does, for everything else; above 1 also what the gate leaves out for want of time.
  TORTURE_FACTOR: '5',
  // The sizes of SqliteStore's harnesses.
  SESSILE_NIGHTLY: '1',
};

const words = process.argv.slice(2);
const specs = readdirSync(join(root, 'spec'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.spec.ts'))
  .filter((name) => isLong(join(root, 'spec', name)))
  .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
  .map((name) => join('spec', name));
if (specs.length === 0) {
  console.error(`no long spec has ${words.join(' or ')} in its path`);
  process.exit(2);
}
console.log(specs.join('\n'));
const mocha = join(root, 'node_modules', '.bin', 'mocha');
const { status } = spawnSync(mocha, specs, { cwd: root, stdio: 'inherit', env: { ...numbers, ...process.env } });
process.exitCode = status ?? 1;

/** Whether a spec, or a file beside it, reads one of the numbers. */
function isLong(path) {
  const folder = join(path, '..');
  const files = folder === join(root, 'spec') ? [path] : readdirSync(folder).map((name) => join(folder, name));
  const texts = files.filter((name) => name.endsWith('.ts')).map((name) => readFileSync(name, 'utf8'));
  return texts.some((text) => Object.keys(numbers).some((name) => text.includes(name)));
}
