import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';

const root = join(import.meta.dirname, '..');

/** What each layer of DESIGN.md may import, and what it may not. Folders are tried with a file that does not exist. */
const layers: Record<string, { may: string[]; mayNot: string[] }> = {
  'lib/backend.ts': { may: [], mayNot: ['./errors.js', './internal/x.js', 'node:fs', 'lru-cache'] },
  'lib/errors.ts': { may: ['node:util'], mayNot: ['./backend.js', './internal/x.js', 'express-session'] },
  'lib/internal/x.ts': {
    may: ['../errors.js', '../backend.js', './y.js', 'node:fs', 'fastest-levenshtein'],
    mayNot: ['../store.js', '../record.js', '../backends/file.js', '../index.js', 'express-session', 'sessile'],
  },
  'lib/internal/express-store.ts': {
    may: ['../errors.js', './y.js', 'express-session'],
    mayNot: ['../store.js', '../core.js', '../index.js'],
  },
  ...Object.fromEntries(
    ['expiry', 'record', 'merge', 'sweeper'].map((part) => [
      `lib/${part}.ts`,
      {
        may: ['./backend.js', './errors.js', './internal/x.js'],
        mayNot: ['./core.js', './store.js', './backends/file.js', './bridge.js', './index.js', 'express-session'],
      },
    ]),
  ),
  'lib/core.ts': {
    may: ['./record.js', './expiry.js', './merge.js', './sweeper.js', './errors.js', './backend.js', './internal/x.js'],
    mayNot: ['./store.js', './backends/file.js', './bridge.js', './facade.js', './adapters/koa.js', './index.js'],
  },
  'lib/store.ts': {
    may: ['./core.js', './record.js', './expiry.js', './merge.js', './sweeper.js', './errors.js', './backend.js'],
    mayNot: ['./backends/file.js', './bridge.js', './facade.js', './adapters/koa.js', './index.js', '../spec/x.js'],
  },
  'lib/backends/x.ts': {
    may: ['../backend.js', '../errors.js', '../internal/x.js', '../store.js', 'node:fs', 'lru-cache'],
    mayNot: [
      '../core.js',
      '../record.js',
      '../merge.js',
      '../expiry.js',
      '../bridge.js',
      './file.js',
      '../index.js',
      'express-session',
    ],
  },
  'lib/bridge.ts': {
    may: ['express-session', './backend.js', './errors.js', './internal/x.js'],
    mayNot: ['./store.js', './core.js', './facade.js', './backends/file.js', './adapters/koa.js', './index.js'],
  },
  'lib/facade.ts': {
    may: [
      'express-session',
      './bridge.js',
      './errors.js',
      './expiry.js',
      './internal/x.js',
      './backends/foreign.js',
      './facade/x.js',
    ],
    mayNot: ['./store.js', './core.js', './backends/file.js', './adapters/koa.js', './index.js'],
  },
  'lib/facade/x.ts': {
    may: [
      'express-session',
      './y.js',
      '../bridge.js',
      '../errors.js',
      '../expiry.js',
      '../internal/x.js',
      '../backends/foreign.js',
      '../backends/memory.js',
    ],
    mayNot: ['../store.js', '../core.js', '../facade.js', '../backends/file.js', '../adapters/koa.js', '../index.js'],
  },
  'lib/adapters/x.ts': {
    may: ['express-session', '../bridge.js', '../errors.js', '../expiry.js', '../internal/x.js', '../backends/file.js'],
    mayNot: ['../store.js', '../core.js', '../facade.js', './koa.js', '../index.js'],
  },
  'lib/index.ts': { may: ['./store.js', './backends/file.js'], mayNot: ['../spec/x.js', '../bench/x.js', 'sessile'] },
  'lib/unplaced.ts': { may: ['node:fs'], mayNot: ['./errors.js', '../examples/x.js'] },
  'examples/x/server.ts': { may: ['sessile', './y.js'], mayNot: ['../../lib/index.js', '../../dist/esm/index.js'] },
  'spec/x.spec.ts': { may: ['../lib/store.js', '../lib/internal/x.js', 'express-session'], mayNot: [] },
};

const offences: Record<string, string> = {
  'lib/internal/loop-a.ts': "export type { B } from './loop-b.js';\nexport type A = string;\n",
  'lib/internal/loop-b.ts': "export type { A } from './loop-a.js';\nexport type B = string;\n",
  'lib/internal/clock.ts': [
    'export const asked = Date.now();',
    'export const handed = Date.now;',
    'export const made = new Date();',
    'export const given = new Date(asked);',
    'export const monotonic = performance.now();',
    'export const text = Date();\n',
  ].join('\n'),
  'lib/internal/any.ts': 'export const loose = (x: any) => x.y;\n',
  'lib/expiry.ts': 'export const now = Date.now;\n',
};

describe('lint', () => {
  let found: { rule: string; file: string; line: number }[];

  before(() => {
    const copy = mkdtempSync(join(tmpdir(), 'sessile-lint-'));
    try {
      for (const name of ['biome.json', '.gitignore', '.scripts'])
        cpSync(join(root, name), join(copy, name), { recursive: true });
      mkdirSync(join(copy, '.git'));
      for (const [file, { may, mayNot }] of Object.entries(layers)) write(copy, file, program([...may, ...mayNot]));
      for (const [file, text] of Object.entries(offences))
        write(copy, file, (layers[file] ? program(importsOf(file)) : '') + text);
      found = lint(copy);
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  });

  for (const [file, { may, mayNot }] of Object.entries(layers)) {
    it(`${file} may import ${may.join(', ') || 'nothing'}, and not ${mayNot.join(', ') || 'what is not there'}`, () => {
      const lines = found.filter((one) => one.file === file && one.rule.endsWith('noRestrictedImports'));
      expect(lines.map(({ line }) => importsOf(file)[line - 1])).to.deep.equal(mayNot);
    });
  }

  it('notices a cycle, even of types', () => {
    expect(rulesIn('lib/internal/loop-a.ts')).to.include('lint/suspicious/noImportCycles');
  });

  it('lets nothing but expiry.ts read the time of day', () => {
    const lines = (file: string) =>
      found.filter((one) => one.file === file && one.rule === 'plugin').map(({ line }) => line);
    expect(lines('lib/internal/clock.ts')).to.deep.equal([1, 2, 3, 6]);
    expect(lines('lib/expiry.ts')).to.deep.equal([]);
  });

  it('refuses any', () => {
    expect(rulesIn('lib/internal/any.ts')).to.include('lint/suspicious/noExplicitAny');
  });

  const rulesIn = (file: string) => found.filter((one) => one.file === file).map(({ rule }) => rule);
});

function importsOf(file: string): string[] {
  const { may = [], mayNot = [] } = layers[file] ?? {};
  return [...may, ...mayNot];
}

/** One import a line. */
function program(specifiers: string[]): string {
  return specifiers.map((specifier, i) => `import type { Name as Name${i} } from '${specifier}';\n`).join('');
}

function write(folder: string, file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
}

function lint(folder: string): { rule: string; file: string; line: number }[] {
  const biome = join(root, 'node_modules', '.bin', 'biome');
  const { stdout, stderr } = spawnSync(
    biome,
    ['lint', '--reporter=github', '--max-diagnostics=none', '--config-path', join(folder, 'biome.json'), '.'],
    { cwd: folder, encoding: 'utf8' },
  );
  const found = stdout.matchAll(/^::\w+ title=([^,]+),file=([^,]+),line=(\d+)/gm);
  const problems = [...found].map(([, rule = '', file = '', line]) => ({
    rule,
    file: file.replace(`${folder}/`, ''),
    line: Number(line),
  }));
  if (problems.length === 0) throw new Error(`biome found nothing at all: ${stderr}`);
  return problems.sort((a, b) => a.line - b.line);
}
