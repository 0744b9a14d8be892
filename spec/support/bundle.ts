import { mkdirSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cache = join(root, 'node_modules/.cache/sessile-spec');
let serial = 0;

/** A change of one line of a file, compiled in: a mutant. */
export interface Edit {
  /** From the root of the repository. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/**
 * Makes one plain .mjs of a TypeScript program of the specs and of what it imports from lib/, and answers its path: a
 * child process that is started a hundred times must not compile anything first.
 */
export async function bundle(entry: URL, edit?: Edit): Promise<string> {
  mkdirSync(cache, { recursive: true });
  const outfile = join(cache, `${basename(fileURLToPath(entry), '.ts')}-${process.pid}-${serial++}.mjs`);
  await build({
    entryPoints: [fileURLToPath(entry)],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
    plugins: edit ? [mutating(edit)] : [],
  });
  process.once('exit', () => rmSync(outfile, { force: true }));
  return outfile;
}

function mutating({ file, from, to }: Edit): Plugin {
  const target = join(root, file);
  return {
    name: 'mutant',
    setup: ({ onLoad }) =>
      onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        if (path !== target) return undefined;
        const source = await readFile(path, 'utf8');
        if (!source.includes(from)) throw new Error(`${file} no longer has: ${from}`);
        return { contents: source.replace(from, to), loader: 'ts' };
      }),
  };
}
