// Builds dist/esm (tsc: modules and declarations) and dist/cjs (the same modules as CommonJS, the same declarations) of
// lib/, and in their folder conformance/ the suites of spec/conformance/, which are a product too.
// All of it is built next door and moved into place whole: a failed build, or two at once, leave no half dist behind.
import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';

const here = import.meta.dirname;
const dist = join(here, '..', 'dist');
const scratch = join(here, '..', 'node_modules', `.sessile-build-${process.pid}`);
const emitted = join(scratch, 'emitted');
const esm = join(scratch, 'dist', 'esm');
const cjs = join(scratch, 'dist', 'cjs');

try {
  emitModules();
  await layOut();
  await Promise.all((await readdir(esm, { recursive: true })).map(toCommonJs));
  await writeFile(join(esm, 'package.json'), '{"type":"module"}\n');
  await writeFile(join(cjs, 'package.json'), '{"type":"commonjs"}\n');
  await moveIntoPlace();
} catch (error) {
  console.error(`build: ${error.message}`);
  process.exitCode = 1;
} finally {
  await rm(scratch, { recursive: true, force: true });
}

function emitModules() {
  const tsc = join(dirname(fileURLToPath(import.meta.resolve('typescript/package.json'))), 'bin', 'tsc');
  const project = join(here, 'tsconfig.build.json');
  const { status } = spawnSync(process.execPath, [tsc, '-p', project, '--outDir', emitted], { stdio: 'inherit' });
  if (status !== 0) throw new Error('the compiler found errors; dist is as it was');
}

/** Puts the modules of lib/ at the top, and beside them the suites, which import them from where they now are. */
async function layOut() {
  await mkdir(dirname(esm), { recursive: true });
  await rename(join(emitted, 'lib'), esm);
  const suites = join(esm, 'conformance');
  await rename(join(emitted, 'spec', 'conformance'), suites);
  const files = await readdir(suites, { recursive: true, withFileTypes: true });
  const paths = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
  await Promise.all(
    paths.map(async (path) => writeFile(path, (await readFile(path, 'utf8')).replaceAll('../lib/', ''))),
  );
}

/** @param name {string} a path relative to the folder of modules */
async function toCommonJs(name) {
  const [from, to] = [join(esm, name), join(cjs, name)];
  if (!/\.(js|d\.ts)$/.test(name)) return;
  await mkdir(dirname(to), { recursive: true });
  if (!name.endsWith('.js')) return copyFile(from, to);
  const text = await readFile(from, 'utf8');
  const { code, warnings } = await transform(text, {
    format: 'cjs',
    // Makes the exports visible to `import` from an ES module, which reads them off the text.
    platform: 'node',
    target: 'node20.19',
    sourcefile: name,
    define: { 'import.meta.url': 'importMetaUrl' },
    ...(text.includes('import.meta.url') && {
      banner: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;",
    }),
  });
  if (warnings.length > 0) throw new Error(`${name}: ${warnings.map((warning) => warning.text).join('; ')}`);
  await writeFile(to, code);
}

async function moveIntoPlace() {
  await rename(dist, join(scratch, 'old')).catch((error) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(join(scratch, 'dist'), dist);
}
