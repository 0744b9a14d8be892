import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');
const tsc = join(dirname(fileURLToPath(import.meta.resolve('typescript/package.json'))), 'bin', 'tsc');
let serial = 0;

/**
 * What the strict compiler has against a program that imports 'sessile/…' as it was built, one complaint a line. Of the
 * declarations of other packages only those count that the program stumbles over.
 */
export async function complaintsOf(program: string, options: object = { module: 'nodenext' }): Promise<string[]> {
  const folder = join(root, 'node_modules/.cache', `sessile-types-${process.pid}-${serial++}`);
  mkdirSync(folder, { recursive: true });
  try {
    writeFileSync(join(folder, 'program.mts'), program);
    const compilerOptions = {
      ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noImplicitOverride: true },
      ...{ target: 'es2022', noEmit: true, skipLibCheck: false, types: ['node'], paths: paths(), ...options },
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.mts'] }));
    const args = [tsc, '-p', folder];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: root }).catch((error) => error);
    const lines = `${stdout}${stderr}`.split('\n').filter((line) => line !== '' && !line.startsWith(' '));
    return lines.filter((line) => !line.startsWith('node_modules/') || line.startsWith('node_modules/.cache/'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** By the entries of the package. */
function paths(): Record<string, string[]> {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, Built>;
  };
  const entries = Object.entries(exports).filter(([entry]) => entry !== './package.json');
  return Object.fromEntries(entries.map(([entry, to]) => [`sessile${entry.slice(1)}`, [join(root, to.import.types)]]));
}

interface Built {
  readonly import: { readonly types: string };
}
