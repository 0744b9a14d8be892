import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import { transformSync } from 'esbuild';
import { session } from '../lib/adapters/koa.js';
import { middleware } from '../lib/adapters/server-session.js';
import { FileStore } from '../lib/backends/file.js';
import { adopt } from '../lib/backends/foreign.js';
import { MemoryStore } from '../lib/backends/memory.js';
import { RedisStore } from '../lib/backends/redis.js';
import { SqliteStore } from '../lib/backends/sqlite.js';
import { codes } from '../lib/errors.js';
import { genericSession } from '../lib/facade.js';

const root = join(import.meta.dirname, '..');
const text = (path: string) => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : '');
const filesIn = (folder: string) =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))
    : [];

const backends = readdirSync(join(root, 'lib', 'backends')).map((file) => basename(file, '.ts'));
const adapters = readdirSync(join(root, 'lib', 'adapters')).map((file) => basename(file, '.ts'));

type Opens = (options: object) => unknown;
const noStore = { get() {}, set() {}, destroy() {} };
/** Every store, opened with options of which one is unknown: what it answers names those that it knows. */
const stores: Record<string, Opens> = {
  MemoryStore: (options) => new MemoryStore(options),
  FileStore: (options) => new FileStore('not-made', options),
  SqliteStore: (options) => new SqliteStore('not-made', options),
  RedisStore: (options) => new RedisStore(options as never),
  adopt: (options) => adopt(noStore, options),
};

const manifest = JSON.parse(text('package.json')) as {
  exports: Record<string, unknown>;
  dependencies: Record<string, string>;
  typesVersions: { '*': Record<string, string[]> };
};
const readme = text('README.md');

describe('census', () => {
  it('finds the backends', () => {
    expect(backends).to.include.members(['memory', 'file']);
  });

  for (const name of backends) {
    it(`the backend ${name} is registered everywhere`, () => {
      expect(missingOf(name), `lib/backends/${name}.ts still lacks`).to.deep.equal([]);
    });
  }

  for (const name of adapters) {
    it(`the adapter ${name} is registered everywhere`, () => {
      const needs = {
        ...needsOfEntry('adapters', name),
        'a runnable program': existsSync(join(root, 'examples', name)),
      };
      expect(lackingOf(needs), `lib/adapters/${name}.ts still lacks`).to.deep.equal([]);
    });
  }

  it("lists of a face's options have them all, and no other", () => {
    const [, ofGeneric = ''] = /^\| `genericSession\(.*Options: (.*) \|$/m.exec(readme) ?? [];
    const ofMiddleware = text('examples/server-session/README.md').matchAll(/^\| `(\w+)` \|(?:[^|]*\|){2}$/gm);
    const [, ofKoa = ''] = /has it: ([^;]*);/.exec(text('examples/koa/README.md')) ?? [];
    const lists: [names: string[], open: Opens][] = [
      [namesIn(ofGeneric), (options) => genericSession.filter(new MemoryStore(), options)],
      [[...ofMiddleware].map(([, name = '']) => name), (options) => middleware(options)],
      // Its originals have no clock.
      [[...namesIn(ofKoa), 'now'], (options) => session(options)],
    ];
    for (const [names, open] of lists) expect(names).to.have.members(knownTo(open));
  });

  it('README.md lists every option of every store, and no other', () => {
    const rows = [...readme.matchAll(/^\| (?:`(\w+)`|all) \| `(\w+)` \|/gm)];
    for (const [store, open] of Object.entries(stores)) {
      const listed = rows.filter(([, of = store]) => of === store).map(([, , option]) => option);
      expect(listed, store).to.have.members(knownTo(open));
    }
  });

  it('README.md and the docstrings have the defaults that the code has', () => {
    const rows = [...readme.matchAll(/^\| `(\w+)` \| `(\w+)` \| (\d[\d ]*|`'?[\w:-]+'?`) \|/gm)];
    expect(rows).to.have.length.above(10);
    for (const [, store = '', option = '', shown = ''] of rows) {
      const file = store === 'adopt' ? 'foreign' : store.replace('Store', '').toLowerCase();
      const source = text(`lib/backends/${file}.ts`) + text(`lib/internal/${file}-options.ts`);
      const [, doc = ''] = new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\s+${option}\\?:`).exec(source) ?? [];
      const value = shown.replace(/[`']/g, '');
      const isBare = /^(\d|true$|false$)/.test(value);
      expect(doc, `${store}: ${option}`).to.match(
        new RegExp(`Default: (${value}\\b|.${isBare ? '' : "'"}${value}\\W)`),
      );
      const inCode = isBare ? value.replaceAll(' ', '_') : `'${value}'`;
      expect(source, `${store}: ${option}`).to.match(new RegExp(`\\b${option} = [^,;]*${inCode}`));
    }
  });

  it('every file of lib/ has its spec', () => {
    const specless = filesIn('lib')
      .filter((path) => path !== 'index.ts' && hasCode(`lib/${path}`))
      .map((path) => `spec/${path.replace(/\.ts$/, '.spec.ts')}`)
      .filter((path) => !existsSync(join(root, path)));
    expect(specless, 'specs that are missing').to.deep.equal([]);
  });

  // S1 is tinyhttp, S2 Eryx, S3 koa-session-ts, S4 generic-session, S5 egg-session.
  it('every row of what the seed systems can do is named by a spec', () => {
    const last = { S1: 23, S2: 41, S3: 61, S4: 79, S5: 88 };
    const titles = filesIn('spec').flatMap((path) => [
      ...text(`spec/${path}`).matchAll(/\b(?:it|describe)\(\s*['"`](S\d) rows? (\d+(?:, \d+)*): /g),
    ]);
    const named = titles.flatMap(([, system = '', rows = '']) => rows.split(', ').map((row) => `${system} ${row}`));
    let first = 1;
    for (const [system, end] of Object.entries(last)) {
      const rows = Array.from({ length: end + 1 - first }, (_, at) => `${system} ${first + at}`);
      const found = new Set(named.filter((name) => name.startsWith(`${system} `)));
      expect([...found], 'rows that specs name').to.have.members(rows);
      first = end + 1;
    }
  });

  it('every spec of a folder of lib/ has its file', () => {
    const orphans = ['backends', 'adapters', 'internal'].flatMap((folder) =>
      filesIn(`spec/${folder}`)
        .filter((path) => path.endsWith('.spec.ts'))
        .map((path) => `lib/${folder}/${path.replace(/\.spec\.ts$/, '.ts')}`)
        .filter((path) => !existsSync(join(root, path))),
    );
    expect(orphans, 'files of lib/ that a spec is named after').to.deep.equal([]);
  });

  it('README.md has the error codes as lib/errors.ts has them', () => {
    const rows = Object.entries(codes).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`);
    expect(linesOf(readme, /^\| `SESSILE_/)).to.deep.equal(rows);
  });

  it('README.md has a row with reason, licence and size for every runtime dependency', () => {
    const dependencies = Object.keys(manifest.dependencies);
    const rows = linesOf(readme.slice(readme.indexOf('## Dependencies')), /^\| \[/);
    expect(rows.map((row) => /^\| \[(.*?)\]/.exec(row)?.[1])).to.have.members(dependencies);
    for (const row of rows) {
      const [name = '', why, licence, size = ''] = row.slice(2, -2).split(' | ');
      const folder = `node_modules/${/\[(.*)\]/.exec(name)?.[1]}`;
      const installed = JSON.parse(text(`${folder}/package.json`)) as { license: string };
      expect(why).to.match(/\w/);
      expect(licence, name).to.equal(installed.license);
      expect(Number(size.replace(/^([\d ]+) kB.*/, '$1').replaceAll(' ', '')), name).to.equal(kilobytesIn(folder));
    }
  });

  it('only expiry.ts reads the time of day, and nothing in lib/ is typed any', () => {
    // The linter says the same; here it cannot be waved through with a comment.
    const clock = /\bDate\.now\b|\bDate\(\)/;
    const loose = /(:|\bas|<|,)\s*any\b(?=\s*[;,)>=[\]|&]|$)/m;
    const offenders = filesIn('lib').flatMap((path) => {
      const code = withoutComments(text(`lib/${path}`));
      return [
        ...(path !== 'expiry.ts' && clock.test(code) ? [`lib/${path} reads the time of day`] : []),
        ...(loose.test(code) ? [`lib/${path} has an any`] : []),
      ];
    });
    expect(offenders).to.deep.equal([]);
  });
});

/** The names of the options that are known, which the refusal of an unknown one tells. */
function knownTo(open: Opens): string[] {
  return /Known are (.*)$/.exec(refusalOf(() => open({ nonesuch: 1 })))?.[1]?.split(', ') ?? [];
}

/** The names in a list with remarks. */
function namesIn(list: string): string[] {
  return [...list.replace(/\([^)]*\)/g, '').matchAll(/`(\w+)`/g)].map(([, name = '']) => name);
}

function refusalOf(open: () => unknown): string {
  try {
    open();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('An unknown option was taken');
}

/** What a new backend needs to be registered with, as far as it is not yet. */
function missingOf(name: string): string[] {
  const [, store] = /^export class (\w+Store) extends SessionStore\b/m.exec(text(`lib/backends/${name}.ts`)) ?? [];
  const spec = text(`spec/backends/${name}.spec.ts`);
  const needs: Record<string, boolean> = {
    'a class …Store that extends SessionStore': store !== undefined,
    ...needsOfEntry('backends', name),
    'a re-export in lib/index.ts': text('lib/index.ts').includes(`from './backends/${name}.js'`),
    'README.md': readme !== '',
    'a row in the table of backends in README.md': new RegExp(`^\\|.*\\b${store}\\b`, 'm').test(readme),
    [`spec/backends/${name}.spec.ts`]: spec !== '',
    'the conformance suite in its spec': /from '\.\.\/conformance\//.test(spec),
  };
  return lackingOf(needs);
}

function needsOfEntry(folder: string, name: string): Record<string, boolean> {
  const builtIn = (form: string) => ({
    types: `./dist/${form}/${folder}/${name}.d.ts`,
    default: `./dist/${form}/${folder}/${name}.js`,
  });
  const exported = JSON.stringify({ import: builtIn('esm'), require: builtIn('cjs') });
  return {
    [`"./${name}" in package.json exports`]: JSON.stringify(manifest.exports[`./${name}`]) === exported,
    [`"${name}" in package.json typesVersions`]:
      manifest.typesVersions['*'][name]?.join() === `./dist/cjs/${folder}/${name}.d.ts`,
    [`\`sessile/${name}\` in README.md`]: readme.includes(`\`sessile/${name}\``),
    [`a page in lib/reference`]: text(`lib/reference/sessile/${name}.md`) !== '',
  };
}

function lackingOf(needs: Record<string, boolean>): string[] {
  return Object.keys(needs).filter((need) => !needs[need]);
}

/** Whether anything is left of a file once its types are gone. */
function hasCode(path: string): boolean {
  const { code } = transformSync(text(path), { loader: 'ts', minify: true });
  return code.replace(/export\s*\{\s*\};?/g, '').trim() !== '';
}

function linesOf(page: string, pattern: RegExp): string[] {
  return page.split('\n').filter((line) => pattern.test(line));
}

/** What a package unpacks to, without what is installed inside it. */
function kilobytesIn(folder: string): number {
  const paths = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  const files = paths.filter((path) => !/(^|\/)node_modules(\/|$)/.test(path));
  const sizes = files.map((path) => statSync(join(root, folder, path))).map((stat) => (stat.isFile() ? stat.size : 0));
  return Math.round(sizes.reduce((sum, size) => sum + size, 0) / 1_000);
}

function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$|\s\/\/ .*$/gm, '');
}
