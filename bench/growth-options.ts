import { parseArgs } from 'node:util';
import { positive, Usage, whole } from './options.js';

/** What grows, one at a time. */
export const axes = ['sessions', 'bytes', 'concurrency', 'processes'] as const;
export type Axis = (typeof axes)[number];
export type Size = Readonly<Record<Axis, number>>;

export interface GrowthOptions {
  /** Names of subjects of ours; none: one for each kind of storage. */
  readonly names: readonly string[];
  readonly sizes: Readonly<Record<Axis, readonly number[]>>;
  /** What the others are while one grows. */
  readonly base: Size;
  readonly seconds: number;
  readonly operations: number;
  readonly dir: string | undefined;
  readonly out: string | undefined;
}

const usage = `npm run bench:growth [subjects] -- [flags]      one line in each panel: get, set, touch
  --sessions 1000,10000,100000,1000000   sessions in the store
  --bytes 300,4096,65536                 JSON length of one
  --concurrency 1,8,64,512               operations under way at any moment
  --processes 1,2,4                      processes on one storage, where processes can share it
  --seconds 0.5       the longest a measurement takes
  --operations N      a measurement ends earlier after so many
  --dir PATH          where subjects keep their files (default: here in bench/)
  --out PATH          where page, charts and JSON are written (default: bench/results)
While one grows, the others are the first of --sessions, --bytes and --processes, and 64 operations at a time.`;

const text = { type: 'string' } as const;
const flags = {
  sessions: { ...text, default: '1000,10000,100000,1000000' },
  bytes: { ...text, default: '300,4096,65536' },
  concurrency: { ...text, default: '1,8,64,512' },
  processes: { ...text, default: '1,2,4' },
  seconds: { ...text, default: '0.5' },
  operations: { ...text, default: String(Number.MAX_SAFE_INTEGER) },
  dir: text,
  out: text,
  help: { type: 'boolean', short: 'h' },
} as const;

/** @throws Usage */
export function parseGrowth(args: readonly string[]): GrowthOptions {
  const { values, positionals: names } = parse(args);
  if (values.help) throw new Usage(usage);
  const list = (axis: Axis) => values[axis].split(',').map((each) => whole(axis, each));
  const sizes = Object.fromEntries(axes.map((axis) => [axis, list(axis)])) as Record<Axis, number[]>;
  const first = (axis: Axis) => sizes[axis][0] as number;
  return {
    names,
    sizes,
    base: { sessions: first('sessions'), bytes: first('bytes'), concurrency: 64, processes: first('processes') },
    seconds: positive('seconds', values.seconds),
    operations: whole('operations', values.operations),
    dir: values.dir,
    out: values.out,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags, allowPositionals: true });
  } catch (error) {
    throw new Usage(`${(error as Error).message}\n\n${usage}`);
  }
}
