import Table from 'cli-table3';
import type { Figure } from './contract.js';
import type { Options } from './options.js';
import type { Spread } from './statistics.js';
import type { Ratio, Row } from './summary.js';

const plain = { head: [], border: [], compact: true };

export function loadLine({ rounds, load }: Pick<Options, 'rounds' | 'load'>): string {
  const { sessions, memorySessions = sessions, bytes, concurrency, connections } = load;
  const atOnce = `${concurrency} operations (apps: ${connections} connections) at a time`;
  return `${sessions} sessions (footprint: ${memorySessions}) of ${bytes} bytes, ${atOnce}; medians of ${rounds} rounds`;
}

/** What a trial may tell besides, as the head of a column and with so many decimals. */
const columns: readonly [figure: Figure, head: string, decimals: number][] = [
  ['cpuMicroseconds', 'CPU us each', 1],
  ['p50Ms', 'p50 ms', 3],
  ['p99Ms', 'p99 ms', 3],
  ['loopP99Ms', 'loop p99 ms', 1],
  ['heapBytes', 'heap B each', 0],
  ['rssBytes', 'RSS B each', 0],
];

export function headOf(rows: readonly Row[]): string[] {
  return ['trial', 'subject', 'fsync', 'per second', 'min - max', ...columnsOf(rows).map(([, head]) => head)];
}

/** The cells of each row under {@link headOf}; the fourth is the last where it says why there is no figure. */
export function cellsOf(rows: readonly Row[]): string[][] {
  const shown = columnsOf(rows);
  return rows.map(({ trial, subject, synced, perSecond, figures, note, disqualified, absent }) => {
    const who = [trial, note === undefined ? subject : `${subject} (${note})`, synced];
    if (!perSecond) return [...who, absent ?? `disqualified: ${disqualified}`];
    const told = shown.map(([figure, , decimals]) => figures?.[figure]?.median.toFixed(decimals) ?? '');
    return [...who, count(perSecond.median), range(perSecond, count), ...told];
  });
}

function columnsOf(rows: readonly Row[]): typeof columns {
  return columns.filter(([figure]) => rows.some(({ figures }) => figures?.[figure]));
}

export function plainTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const colAligns = head.map((_, index) => (index === 0 ? 'left' : 'right'));
  const table = new Table({ head: [...head], colAligns, style: plain });
  for (const row of rows) {
    const [last] = row.slice(-1);
    if (row.length === head.length) table.push([...row]);
    else table.push([...row.slice(0, -1), { content: last, colSpan: head.length - row.length + 1, hAlign: 'left' }]);
  }
  return table.toString();
}

export function resultTable(rows: readonly Row[]): string {
  const head = headOf(rows);
  const colAligns = head.map((_, index) => (index < 3 ? 'left' : 'right'));
  const table = new Table({ head, colAligns, style: plain });
  for (const cells of cellsOf(rows)) {
    if (cells.length === head.length) table.push(cells);
    else table.push([...cells.slice(0, 3), { content: cells[3], colSpan: head.length - 3, hAlign: 'left' }]);
  }
  return table.toString();
}

/** A row for each two that are compared, a column for each trial. Empty where nothing is compared. */
export function ratioTable(ratios: readonly Ratio[]): string {
  if (ratios.length === 0) return '';
  const { head, cells } = ratioCells(ratios);
  const table = new Table({ head, style: { ...plain, compact: false } });
  table.push(...cells);
  return [table.toString(), synchronyNote(ratios)].filter(Boolean).join('\n');
}

export function ratioCells(ratios: readonly Ratio[]): { head: string[]; cells: string[][] } {
  const trials = [...new Set(ratios.map(({ trial }) => trial))];
  const cells = [...new Set(ratios.map(nameOf))].map((both) => {
    const ofBoth = ratios.filter((ratio) => nameOf(ratio) === both);
    return [both, ...trials.map((trial) => cell(ofBoth.find((ratio) => ratio.trial === trial)))];
  });
  return { head: ['ours / peer', ...trials], cells };
}

export function synchronyNote(ratios: readonly Ratio[]): string {
  if (ratios.every(({ sameSynced }) => sameSynced)) return '';
  return '* not the same promise: what is on disk when these two call back differs, see the fsync column';
}

function nameOf({ ours, peer }: Ratio): string {
  return `${ours}\n/ ${peer}`;
}

function cell(ratio: Ratio | undefined): string {
  if (!ratio) return '';
  const { median } = ratio.ratio;
  const lines = [`${times(median)}${ratio.sameSynced ? '' : ' *'}`, range(ratio.ratio, times)];
  if (ratio.goal !== undefined) lines.push(`goal ${ratio.goal}: ${median >= ratio.goal ? 'met' : 'MISSED'}`);
  return lines.join('\n');
}

function range({ min, max }: Spread, format: (number: number) => string): string {
  return `${format(min)} - ${format(max)}`;
}

export function count(number: number): string {
  return number < 100 ? number.toFixed(1) : Math.round(number).toLocaleString('en').replaceAll(',', ' ');
}

function times(number: number): string {
  return `${number < 10 ? number.toFixed(2) : number.toFixed(0)}x`;
}
