// Packs the package and uses it as a stranger would, in empty folders: installed by npm with and without what is
// optional, imported and required by every Node that SESSILE_NODES lists (paths, separated by colons) besides this one,
// compiled against in every way that TypeScript resolves modules, and the README's first program run. Any warning is a
// failure. It also bounds the packed size, and what importing each subpath loads and how long that takes.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);
const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
const entries = Object.keys(manifest.exports)
  .filter((path) => path !== './package.json')
  .map((path) => `sessile${path.slice(1)}`);
const nodes = [process.execPath, ...(process.env.SESSILE_NODES ?? '').split(':').filter(Boolean)];
const env = { PATH: process.env.PATH, HOME: process.env.HOME, npm_config_loglevel: 'warn', npm_config_audit: 'false' };

const MOST_PACKED = 300_000;
/** Milliseconds; many times what it takes, as the machine may be busy. It catches a package that loads the world. */
const LONGEST_IMPORT = 1_500;
/** Packages that an entry must not load. */
const strangers = {
  'sessile/file': ['lru-cache', 'better-sqlite3', 'redis', 'cookies', 'keygrip'],
  'sessile/sqlite': ['lru-cache', 'redis', 'cookies', 'keygrip'],
  'sessile/memory': ['better-sqlite3', 'redis', 'cookies', 'keygrip'],
};

/** TypeScript 7 has no node10 any more, and TypeScript 5 is what many still have. */
const compilers = {
  7: join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
  5: join(root, '.scripts', 'reference', 'node_modules', 'typescript', 'bin', 'tsc'),
};
const resolutions = [
  { module: 'node16', moduleResolution: 'node16', with: [5] },
  { module: 'nodenext', moduleResolution: 'nodenext', with: [5, 7] },
  { module: 'esnext', moduleResolution: 'bundler', with: [7] },
  { module: 'commonjs', moduleResolution: 'node10', with: [5] },
];

const folder = await mkdtemp(join(tmpdir(), 'sessile-new-user-'));
try {
  const tarball = await pack();
  const bare = await install('bare', [tarball]);
  // Whoever imports sessile/koa with types has those of Koa.
  const peers = ['express-session', '@types/node', '@types/express', '@types/koa'];
  const full = await install('with-peers', [tarball, ...peers.map((name) => `${name}@${versionOf(name)}`)]);
  for (const node of nodes) {
    for (const cwd of [bare, full]) await useAll(node, cwd);
    await runReadme(node, bare);
  }
  await boundImports(bare);
  for (const resolution of resolutions) await compile(full, resolution);
} finally {
  await rm(folder, { recursive: true, force: true });
}

function versionOf(name) {
  return manifest.devDependencies[name];
}

async function pack() {
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: root,
  });
  const [{ filename, size }] = JSON.parse(stdout);
  say(`packed: ${size} bytes`);
  if (size > MOST_PACKED) fail(`the packed size must stay below ${MOST_PACKED} bytes`);
  return join(folder, filename);
}

async function install(name, packages) {
  const cwd = join(folder, name);
  await mkdir(cwd);
  await writeFile(join(cwd, 'package.json'), '{ "private": true }');
  const { stderr } = await run('npm', ['install', '--no-fund', '--prefer-offline', ...packages], { cwd, env });
  const warnings = stderr.split('\n').filter((line) => /warn/i.test(line) && !line.includes('config'));
  if (warnings.length > 0) fail(`npm install ${name} warns: ${warnings.join('\n')}`);
  return cwd;
}

async function useAll(node, cwd) {
  const list = JSON.stringify(entries);
  const programs = {
    'all.mjs': `for (const entry of ${list}) if (Object.keys(await import(entry)).length === 0) throw new Error(entry);`,
    'all.cjs': `for (const entry of ${list}) if (Object.keys(require(entry)).length === 0) throw new Error(entry);`,
  };
  for (const [name, program] of Object.entries(programs)) {
    await writeFile(join(cwd, name), program);
    await quietly(node, [name], cwd);
  }
}

async function runReadme(node, cwd) {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const [, code, output] = /^```js\n((?:(?!```).*\n)*)```\n+```text\n((?:(?!```).*\n)*)```/m.exec(readme);
  await writeFile(join(cwd, 'readme.mjs'), code);
  const stdout = await quietly(node, ['readme.mjs'], cwd);
  if (stdout !== output) fail(`the README's program prints ${JSON.stringify(stdout)} on ${node}`);
}

async function boundImports(cwd) {
  const measure = `
    import { createRequire } from 'node:module';
    const require = createRequire(import.meta.url);
    const start = performance.now();
    require(process.argv[2]);
    const took = performance.now() - start;
    const packages = Object.keys(require.cache).map((path) => /.*node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(path)?.[1]);
    console.log(JSON.stringify({ took, packages: [...new Set(packages)] }));`;
  await writeFile(join(cwd, 'measure.mjs'), measure);
  const times = [];
  for (const entry of entries) {
    const runs = [];
    for (let n = 0; n < 3; n += 1) runs.push(JSON.parse(await quietly(process.execPath, ['measure.mjs', entry], cwd)));
    const [, { took }] = runs.toSorted((a, b) => a.took - b.took);
    times.push(`${entry} ${took.toFixed(0)}`);
    if (took > LONGEST_IMPORT) fail(`${entry} takes ${took} ms to load`);
    const loaded = strangers[entry]?.filter((name) => runs[0].packages.includes(name)) ?? [];
    if (loaded.length > 0) fail(`${entry} loads ${loaded.join(', ')}`);
  }
  say(`ms to load: ${times.join(', ')}`);
}

async function compile(cwd, { module, moduleResolution, with: versions }) {
  const imports = entries.map((entry, n) => `import * as entry${n} from '${entry}';`);
  const uses = `console.log(${entries.map((_, n) => `entry${n}`).join(', ')});`;
  const program = [...imports, uses, ''].join('\n');
  const options = [
    '--strict',
    '--noEmit',
    '--esModuleInterop',
    '--target',
    'es2022',
    '--lib',
    'es2023,esnext.disposable',
  ];
  for (const version of versions) {
    const tsc = compilers[version];
    if (!existsSync(tsc)) {
      say(`skipped: TypeScript ${version}; npm ci --prefix .scripts/reference`);
      continue;
    }
    for (const file of ['all.mts', 'all.cts', 'all.ts'].filter(
      (name) => name === 'all.ts' || module.startsWith('node'),
    )) {
      await writeFile(join(cwd, file), program);
      const how = ['--module', module, '--moduleResolution', moduleResolution, '--types', 'node'];
      await quietly(process.execPath, [tsc, ...options, ...how, file], cwd);
    }
  }
}

async function quietly(program, args, cwd) {
  try {
    const { stdout, stderr } = await run(program, args, { cwd, env });
    if (stderr !== '') fail(`${args.join(' ')} by ${program} warns: ${stderr}`);
    return stdout;
  } catch (error) {
    fail(`${args.join(' ')} by ${program} in ${cwd}: ${error.stdout}${error.stderr || error.message}`);
    return '';
  }
}

function say(line) {
  console.log(line);
}

function fail(line) {
  console.log(line);
  process.exitCode = 1;
}
