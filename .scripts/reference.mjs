// Writes the API reference from the docstrings into lib/reference (`npm run reference`), or with `--check` says what is
// out of date. Either way a public name without a description is a failure. The generator is installed apart:
// `npm ci --prefix .scripts/reference`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const kept = join(root, 'lib', 'reference');
const generator = join(import.meta.dirname, 'reference', 'node_modules', 'typedoc', 'bin', 'typedoc');
const checking = process.argv.includes('--check');

if (!existsSync(generator)) {
  console.log('skipped: the generator is not installed; npm ci --prefix .scripts/reference');
  process.exitCode = process.env.CI === 'true' ? 1 : 0;
} else if (checking) {
  const fresh = mkdtempSync(join(tmpdir(), 'sessile-reference-'));
  try {
    if (generate(fresh)) compare(pagesIn(fresh), pagesIn(kept));
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
} else {
  generate(kept);
}

/** Whether nothing is missing; where something is, the generator has said so and written nothing. */
function generate(out) {
  const options = ['--options', join(import.meta.dirname, 'reference', 'typedoc.json'), '--out', out];
  const { status } = spawnSync(process.execPath, [generator, ...options], { stdio: 'inherit', cwd: root });
  if (status !== 0) process.exitCode = 1;
  return status === 0;
}

function compare(made, there) {
  const stale = [...new Set([...made.keys(), ...there.keys()])].filter((page) => made.get(page) !== there.get(page));
  for (const page of stale) console.log(`lib/reference/${page} is out of date: npm run reference`);
  if (stale.length > 0) process.exitCode = 1;
}

function pagesIn(folder) {
  if (!existsSync(folder)) return new Map();
  const pages = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((page) => page.endsWith('.md'));
  return new Map(pages.map((page) => [page, readFileSync(join(folder, page), 'utf8')]));
}
