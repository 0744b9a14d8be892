import type { Panel } from './charts.js';
import type { Act } from './contract.js';
import { reasons } from './growth-notes.js';
import type { Axis } from './growth-options.js';
import { tableOf } from './markdown.js';

/** Operations per second of each kind, over all processes, or why there are none. */
export type Rates = Readonly<Record<Act, number>> | string;

/** How one subject does along the axes on which it was measured. */
export interface Growth {
  readonly subject: string;
  readonly along: readonly { readonly axis: Axis; readonly points: readonly Point[] }[];
}

export interface Point {
  readonly size: number;
  readonly rates: Rates;
}

export const acts = ['get', 'set', 'touch'] as const satisfies readonly Act[];

/** Microseconds for one operation, by the clock: those under way at the same time share them. */
export function costOf(rates: Rates, act: Act): number | undefined {
  return typeof rates === 'string' ? undefined : 1e6 / rates[act];
}

export function panelsOf({ along }: Growth): Panel[] {
  return along.map(({ axis, points }) => ({
    name: axis,
    points: points.map(({ size }) => spaced(size)),
    lines: Object.fromEntries(acts.map((act) => [act, points.map(({ rates }) => costOf(rates, act))])),
  }));
}

/** Two sentences: how cost grows with what is stored, and with how many there are who want it. */
export function shapeOf({ along }: Growth): string {
  const sentence = (some: readonly Axis[]) => {
    const parts = along.filter(({ axis }) => some.includes(axis)).flatMap(comparison);
    return parts.length === 0 ? [] : [`${parts.join('; ')}.`.replace(/^w/, 'W')];
  };
  return [...sentence(['sessions', 'bytes']), ...sentence(['concurrency', 'processes'])].join(' ');
}

const nouns: Readonly<Record<Axis, string>> = {
  sessions: 'sessions',
  bytes: 'bytes each',
  concurrency: 'operations at a time',
  processes: 'processes',
};

/** Of the first and the last that could be measured; none where these are the same. */
function comparison({ axis, points }: Growth['along'][number]): string[] {
  const measured = points.filter(({ rates }) => typeof rates !== 'string');
  const [first, last] = [measured[0], measured.at(-1)];
  if (!first || !last || first === last) return [];
  const [get, set, touch] = acts.map((act) => {
    const [before, after] = [costOf(first.rates, act), costOf(last.rates, act)] as [number, number];
    return (after / before).toFixed(2);
  });
  const sizes = `with ${spaced(last.size)} ${nouns[axis]} instead of ${spaced(first.size)}`;
  return [`${sizes} a get costs ${get} times as much, a set ${set} and a touch ${touch}`];
}

/** @param heads what the run was about, a paragraph each */
export function growthPage(heads: readonly string[], growths: readonly Growth[]): string {
  const parts = [
    '# How cost grows',
    'Written by `npm run bench:growth`, not by hand. What the words mean is told [there](../README.md).',
    ...heads,
  ];
  for (const growth of growths) {
    const { subject } = growth;
    parts.push(
      `## ${subject}`,
      shapeOf(growth),
      reasons[subject] ?? '',
      `![${subject}](growth-${subject}.svg)`,
      tableOf(head, rowsOf(growth)),
    );
  }
  return `${parts.filter(Boolean).join('\n\n')}\n`;
}

export const head = ['grows', 'to', ...acts.map((act) => `${act}, us each`)];

export function rowsOf({ along }: Growth): string[][] {
  return along.flatMap(({ axis, points }) =>
    points.map(({ size, rates }) => {
      if (typeof rates === 'string') return [axis, spaced(size), rates];
      return [axis, spaced(size), ...acts.map((act) => (costOf(rates, act) as number).toFixed(1))];
    }),
  );
}

export function spaced(number: number): string {
  return number.toLocaleString('en').replaceAll(',', ' ');
}
