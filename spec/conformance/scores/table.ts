import type { StoreCase } from '../store/subject.js';
import { storeCases } from '../store.js';
import type { Ground } from '../suite.js';
import type { Score } from './score.js';

/** A peer with what became of it. */
export interface Scored {
  readonly name: string;
  readonly version: string;
  readonly note: string;
  readonly score: Score;
}

const grounds: Record<Ground, string> = {
  doc: 'documented by express-session',
  reason: 'users lost data or time by it',
  choice: 'our own choice; others may decide otherwise',
};

/** The page of scores. Whoever reads it finds why each case is there, and which of them rest on our own choice. */
export function scoresPage(scored: readonly Scored[], node: string): string {
  const shown = storeCases.filter(({ id }) => scored.some(({ score }) => mark(score, id) !== '.'));
  return `${[
    '# Scores',
    '',
    "How published stores do in the suite that sessile's own stores pass whole. Written by `npm run conformance`, not by",
    `hand; Node ${node}. Cases about what no other store offers (promise twins, merge on save, …) are left out.`,
    '',
    ...table(['store', 'version', ...Object.values(grounds), 'all', 'note'], scored.map(summary)),
    '',
    'Passed of what applied to the store. A case that needs what a store does not have is not counted.',
    '',
    '## Case by case',
    '',
    `\`+\` passed, \`FAIL\` failed, \`.\` does not apply.`,
    '',
    ...table(
      ['case', ...scored.map(({ name }) => name), 'it rests on'],
      shown.map((one) => [
        `\`${one.id}\` ${one.title}`,
        ...scored.map(({ score }) => mark(score, one.id)),
        `${one.ground}: ${one.because}`,
      ]),
    ),
  ].join('\n')}\n`;
}

function summary({ name, version, note, score }: Scored): string[] {
  const share = (cases: readonly StoreCase[]) => {
    const marks = cases.map(({ id }) => mark(score, id)).filter((one) => one !== '.');
    return `${marks.filter((one) => one === '+').length} of ${marks.length}`;
  };
  const byGround = Object.keys(grounds).map((ground) => share(storeCases.filter((one) => one.ground === ground)));
  return [name, version, ...byGround, share(storeCases), note];
}

function mark(score: Score, id: string): string {
  if (score.passed.includes(id)) return '+';
  return score.failed.includes(id) ? 'FAIL' : '.';
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}
