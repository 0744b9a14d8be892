// Reads c8's summary and holds it against the thresholds: everywhere 95 %, and 100 % where a mistake loses sessions.
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const root = join(import.meta.dirname, '..');
const whole = ['lib/expiry.ts', 'lib/record.ts', 'lib/store.ts'];
const kinds = ['lines', 'branches', 'functions', 'statements'];

const { total, ...files } = JSON.parse(readFileSync(join(root, 'coverage', 'coverage-summary.json'), 'utf8'));
const byName = new Map(Object.entries(files).map(([path, found]) => [relative(root, path), found]));
const short = [...shortOf('lib', total, 95), ...whole.flatMap((name) => shortOf(name, byName.get(name), 100))];

console.log(kinds.map((kind) => `${kind} ${total[kind].pct} %`).join(', '));
for (const line of short) console.log(line);
if (short.length > 0) process.exitCode = 1;

function shortOf(name, found, least) {
  if (found === undefined) return [`${name}: no coverage was measured`];
  const kindsShort = kinds.filter((kind) => !(found[kind].pct >= least));
  return kindsShort.map((kind) => `${name}: ${kind} ${found[kind].pct} %, must be ${least} %`);
}
