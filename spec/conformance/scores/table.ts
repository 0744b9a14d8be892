import type { StoreCase } from '../store/subject.js';
import { storeCases } from '../store.js';
import type { Ground } from '../suite.js';
import type { Score } from './score.js';

/** A peer with what became of it. */
export interface Scored {
  readonly name: string;
  readonly version: string;
  readonly note: string;
  /** Of the same suite, several times. */
  readonly runs: readonly Score[];
}

const grounds: Record<Ground, string> = {
  doc: 'documented by express-session',
  reason: 'users lost data or time by it',
  choice: 'our own choice; others may decide otherwise',
};

/** The page of scores. Whoever reads it finds why each case is there, and which of them rest on our own choice. */
export function scoresPage(scored: readonly Scored[], node: string): string {
  const shown = storeCases.filter(({ id }) => scored.some(({ runs }) => mark(runs, id) !== '.'));
  return `${[
    '# Scores',
    '',
    "How published stores do in the suite that sessile's own stores pass whole. Written by `npm run conformance`, not by",
    `hand; Node ${node}. Cases about what no other store offers (promise twins, merge on save, …) are left out.`,
    '',
    ...table(['store', 'version', ...Object.values(grounds), 'all', 'note'], scored.map(summary)),
    '',
    `Passed of what applied to the store, each of ${scored[0]?.runs.length} times. A case that needs what a store does not have is not counted.`,
    '',
    '## Case by case',
    '',
    '`+` passed, `FAIL` failed, `2/5` passed two times of five, `.` does not apply.',
    '',
    ...table(
      ['case', ...scored.map(({ name }) => name), 'it rests on'],
      shown.map((one) => [
        `\`${one.id}\` ${one.title}`,
        ...scored.map(({ runs }) => mark(runs, one.id)),
        `${one.ground}: ${one.because}`,
      ]),
    ),
  ].join('\n')}\n`;
}

function summary({ name, version, note, runs }: Scored): string[] {
  const share = (cases: readonly StoreCase[]) => {
    const marks = cases.map(({ id }) => mark(runs, id)).filter((one) => one !== '.');
    return `${marks.filter((one) => one === '+').length} of ${marks.length}`;
  };
  const byGround = Object.keys(grounds).map((ground) => share(storeCases.filter((one) => one.ground === ground)));
  return [name, version, ...byGround, share(storeCases), note];
}

function mark(runs: readonly Score[], id: string): string {
  const passed = runs.filter((score) => score.passed.includes(id)).length;
  const failed = runs.filter((score) => score.failed.includes(id)).length;
  if (passed + failed === 0) return '.';
  if (failed === 0) return '+';
  return passed === 0 ? 'FAIL' : `${passed}/${passed + failed}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}
