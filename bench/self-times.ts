import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Whose code it is: ours (lib/), the benchmark's own, packages (Express and the like), Node's, the collector of garbage. */
export const owners = ['lib', 'bench', 'packages', 'node', 'garbage'] as const;
export type Owner = (typeof owners)[number];

/** What a process was busy with, as parts of the time that it was busy at all. */
export interface SelfTimes {
  readonly by: Readonly<Record<Owner, number>>;
  /** Functions of lib/ as `file function`, the largest first. */
  readonly ours: readonly (readonly [place: string, part: number])[];
}

interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface Frame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

const NOT_BUSY = ['(idle)', '(root)'];

/** @param path of what `node --cpu-prof` wrote while it ran code that esbuild bundled here */
export function selfTimesIn(path: string): SelfTimes {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(path, 'utf8')) as Profile;
  const times = new Map<number, number>();
  for (const [at, id] of samples.entries()) times.set(id, (times.get(id) ?? 0) + (timeDeltas[at] ?? 0));
  const by = Object.fromEntries(owners.map((owner) => [owner, 0])) as Record<Owner, number>;
  const ours = new Map<string, number>();
  const sources = new Sources();
  let busy = 0;
  for (const { id, callFrame } of nodes) {
    const time = times.get(id) ?? 0;
    if (time === 0 || NOT_BUSY.includes(callFrame.functionName)) continue;
    const source = sources.of(callFrame);
    const owner = ownerOf(callFrame, source);
    busy += time;
    by[owner] += time;
    const place = `${source} ${callFrame.functionName || '(anonymous)'}`;
    if (owner === 'lib') ours.set(place, (ours.get(place) ?? 0) + time);
  }
  for (const owner of owners) by[owner] /= busy;
  const sorted = [...ours].sort(([, a], [, b]) => b - a);
  return { by, ours: sorted.map(([place, time]) => [place, time / busy] as const) };
}

function ownerOf({ functionName, url }: Frame, source: string): Owner {
  if (functionName === '(garbage collector)') return 'garbage';
  if (source.startsWith('lib/')) return 'lib';
  if (source !== '') return 'bench';
  return url.includes('node_modules') ? 'packages' : 'node';
}

/** esbuild says in a comment before each file where it came from. */
class Sources {
  readonly #starts = new Map<string, { line: number; path: string }[]>();

  /** Empty for what was not bundled. */
  of({ url, lineNumber }: Frame): string {
    if (!url.startsWith('file:') || !url.includes('/.tmp-code-')) return '';
    let starts = this.#starts.get(url);
    if (starts === undefined) {
      starts = startsIn(readFileSync(fileURLToPath(url), 'utf8'));
      this.#starts.set(url, starts);
    }
    return starts.findLast(({ line }) => line <= lineNumber)?.path ?? '';
  }
}

function startsIn(code: string): { line: number; path: string }[] {
  return code.split('\n').flatMap((text, line) => {
    const path = /^\/\/ (\S+\.ts)$/.exec(text)?.[1];
    return path === undefined ? [] : [{ line, path }];
  });
}
