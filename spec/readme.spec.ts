import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { transformSync } from 'esbuild';
import { folders } from './support/folder.js';
import { workplace } from './support/workplace.js';

const root = join(import.meta.dirname, '..');
const inFolder = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path}`);
const pages = ['README.md', ...['.github', 'examples'].flatMap(inFolder).filter((path) => path.endsWith('.md'))];
const readme = readFileSync(join(root, 'README.md'), 'utf8');

/** A program that stands whole in the README, with what it prints; everything else there is a part of one. */
const programs = [...readme.matchAll(/^```js\n((?:(?!```).*\n)*)```\n+```text\n((?:(?!```).*\n)*)```/gm)].map(
  ([, code = '', output = '']) => ({ code, output }),
);

describe('README.md', function () {
  this.timeout(180_000);
  const folder = folders();

  it('has a program', () => expect(programs).not.to.have.length(0));

  for (const [n, { code, output }] of programs.entries()) {
    it(`prints what it says, program ${n + 1}`, async () => {
      const cwd = workplace(folder());
      writeFileSync(join(cwd, 'program.mjs'), code);
      const env = { PATH: process.env['PATH'], NODE_V8_COVERAGE: '' };
      const { stdout, stderr } = await promisify(execFile)(process.execPath, ['program.mjs'], { cwd, env });
      expect(stderr).to.equal('');
      expect(stdout).to.equal(output);
    });
  }

  it('has no piece of code with a mistake in its syntax', () => {
    for (const [, language, code = ''] of readme.matchAll(/^```(js|ts)\n(.*?)^```/gms)) {
      expect(() => transformSync(code, { loader: language as 'js' | 'ts', format: 'esm' }), code).not.to.throw();
    }
  });

  for (const page of pages) {
    it(`${page} links to what is there`, () => {
      const text = readFileSync(join(root, page), 'utf8');
      const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, path]) => path as string);
      const broken = links.filter((path) => !existsSync(join(root, dirname(page), path)));
      expect(broken).to.deep.equal([]);
    });
  }

  it('links to headings that it has', () => {
    const headings = [...readme.matchAll(/^#+ (.*)$/gm)].map(([, words = '']) =>
      words
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );
    const anchors = [...readme.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor);
    expect(headings).to.include.members(anchors);
  });
});
