import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { storeCases } from '../store.js';
import { scoresPage } from './table.js';

const root = join(import.meta.dirname, '..', '..', '..');
const page = readFileSync(join(root, 'spec', 'conformance', 'SCORES.md'), 'utf8');
const column = (head: string, n: number) =>
  page
    .slice(page.indexOf(head))
    .split('\n')
    .slice(2)
    .map((line) => line.split(' | ')[n] as string);

describe('SCORES.md', () => {
  it('knows the cases as they are today; else run `npm run conformance`', () => {
    const shown = column('| case |', 0).flatMap((cell) => /`(\S+\/\S+)`/.exec(cell)?.[1] ?? []);
    const known = new Set(storeCases.map(({ id }) => id));
    expect(shown.filter((id) => !known.has(id))).to.deep.equal([]);
    expect(shown.length).to.be.greaterThan(90);
    const because = Object.fromEntries(storeCases.map((one) => [one.id, `${one.ground}: ${one.because}`]));
    for (const id of shown) expect(page.replaceAll('\\|', '|'), id).to.include(because[id]);
  });

  it('counts what passed of what applied, and marks the rest', () => {
    const score = { passed: ['get/unknown', 'get/round-trip'], failed: ['get/fresh'] };
    const made = scoresPage([{ name: 'peer', version: '1.2.3', note: 'a | b', runs: [score, score] }], 'v20');
    expect(made).to.include('| peer | 1.2.3 | 2 of 2 | 0 of 1 | 0 of 0 | 2 of 3 | a \\| b |');
    expect(made).to.match(/^\| `get\/fresh` .* \| FAIL \| reason: /m);
    expect(made).to.match(/^\| `get\/unknown` .* \| \+ \| doc: /m);
    expect(made).not.to.include('`get/mutable`');
  });

  it('tells what passed at times, and does not count it as passed', () => {
    const runs = [
      { passed: ['get/unknown', 'get/round-trip'], failed: [] },
      { passed: ['get/unknown'], failed: ['get/round-trip'] },
    ];
    const made = scoresPage([{ name: 'peer', version: '1.2.3', note: '', runs }], 'v20');
    expect(made).to.include('| peer | 1.2.3 | 1 of 2 | 0 of 0 | 0 of 0 | 1 of 2 |  |');
    expect(made).to.match(/^\| `get\/round-trip` .* \| 1\/2 \| doc: /m);
    expect(made).to.include('each of 2 times');
  });
});
