import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Trial } from './contract.js';
import { tableOf } from './markdown.js';
import { machineLine, type Report, resultsFolder, root, versionsOf } from './results.js';
import type { Row } from './summary.js';
import { cellsOf, count, headOf, loadLine, ratioCells, synchronyNote } from './tables.js';

/** The charts that the README of the package shows, where they were made. */
const SHOWN = ['app-write', 'mixed'];

/**
 * Writes the results for people: a page of tables, and a chart for each trial. Answers with the path of the page. What
 * an earlier run left is removed. The README of the package shows some of them, if they are where it looks.
 */
export async function publish(report: Report): Promise<string> {
  const folder = resultsFolder(report.options);
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) if (/^(?!growth-).*\.svg$/.test(name)) rmSync(join(folder, name));
  const trials = [...new Set(report.measured.map(({ trial }) => trial))];
  const drawn: string[] = [];
  for (const trial of trials) {
    const svg = await chartOf(trial, report);
    if (svg === undefined) continue;
    writeFileSync(join(folder, `${trial.name}.svg`), svg);
    drawn.push(trial.name);
  }
  const page = join(folder, 'README.md');
  writeFileSync(page, pageOf(report, trials, drawn));
  if (report.options.out === undefined) showInReadme(drawn);
  return page;
}

/** Undefined where nobody was measured. */
async function chartOf(trial: Trial, { machine, options, measured, rows }: Report): Promise<string | undefined> {
  const { barChart } = await import('./charts.js');
  const bars = measured.flatMap(({ subject, trial: of }, index) => {
    const row = rows[index] as Row;
    const spread = trial.tells ? row.figures?.[trial.tells] : row.perSecond;
    if (of !== trial || !spread) return [];
    const range = trial.once ? '' : ` (${count(spread.min)} - ${count(spread.max)})`;
    const name = row.synced === 'n.a.' ? subject.name : `${subject.name}, fsync: ${row.synced}`;
    const { kind, role } = subject;
    return { kind, name, role, value: spread.median, label: `${count(spread.median)}${range}` };
  });
  if (bars.length === 0) return undefined;
  const unit = trial.tells ? 'bytes of the heap by session: less is better' : 'per second: more is better';
  const heading = {
    title: `${trial.name}, ${unit}`,
    oneAxis: trial.tells !== undefined,
    lines: [trial.about, `${machine.date.slice(0, 10)}, ${machineLine(machine)}`, loadLine(options)],
  };
  const kinds = [...new Set(bars.map(({ kind }) => kind))];
  return barChart(
    heading,
    kinds.map((name) => ({ name, bars: bars.filter(({ kind }) => kind === name) })),
  );
}

function pageOf({ machine, options, measured, rows, ratios }: Report, trials: readonly Trial[], drawn: string[]) {
  const versions = Object.entries(versionsOf(measured.map(({ subject }) => subject)));
  const parts = [
    '# Results of the benchmark',
    'Written by `npm run bench -- --publish`, not by hand. What the words mean is told [there](../README.md).',
    `${machine.date}. ${machineLine(machine)}. ${loadLine(options)}.`,
    versions.map(([name, version]) => `${name} ${version}`).join(', '),
  ];
  for (const { name, about } of trials) {
    const ofTrial = rows.filter(({ trial }) => trial === name);
    parts.push(`## ${name}`, `${about}.`);
    if (drawn.includes(name)) parts.push(`![${name}](${name}.svg)`);
    parts.push(
      tableOf(
        headOf(ofTrial).slice(1),
        cellsOf(ofTrial).map((cells) => cells.slice(1)),
      ),
    );
  }
  if (ratios.length > 0) {
    const { head, cells } = ratioCells(ratios);
    parts.push('## Ours against others', 'Medians of ratios within a round, with their range.', tableOf(head, cells));
    parts.push(synchronyNote(ratios));
  }
  return `${parts.filter(Boolean).join('\n\n')}\n`;
}

function showInReadme(drawn: readonly string[]): void {
  const path = join(root, 'README.md');
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, withCharts(text, drawn));
}

/** @param text of the README, where a pair of comments says where the charts go */
export function withCharts(text: string, drawn: readonly string[]): string {
  const shown = SHOWN.filter((name) => drawn.includes(name)).map((name) => `![${name}](bench/results/${name}.svg)\n`);
  return text.replace(
    /(<!-- charts -->\n).*?(<!-- end of charts -->)/s,
    (_, from, to) => `${from}${shown.join('\n')}${to}`,
  );
}
