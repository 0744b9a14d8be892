import { parseArgs } from 'node:util';
import type { Load } from './contract.js';

export interface Options {
  readonly words: readonly string[];
  readonly rounds: number;
  readonly load: Load;
  readonly dir: string | undefined;
  readonly out: string | undefined;
  readonly with: string | undefined;
  readonly publish: boolean;
}

/** A mistake of whoever typed the command: shown without a stack. */
export class Usage extends Error {}

export const usage = `npm run bench [words] -- [flags]      words select trials and subjects, by name or part of one
  --publish           also writes tables and charts to be committed, and shows some in the README
  --rounds 5          measurements of each pair
  --seconds 1         the longest a measurement takes (0.25 to be published)
  --warm-up 1         seconds of the same that go before it (0.5 to be published); of whole requests four times as many
  --operations N      a measurement ends earlier after so many
  --sessions 5000     sessions in the store (1000 to be published)
  --bytes 300         JSON length of one
  --concurrency 64    store operations under way at any moment
  --connections 32    connections of the app trials
  --memory-sessions 100000   sessions in the trial footprint
  --dir PATH          where file subjects keep their files (default: here in bench/)
  --out PATH          where the results are written as JSON (default: bench/results)
  --with FILE         a module that exports more subjects: export const subjects: Subject[]`;

const text = { type: 'string' } as const;
const flags = {
  rounds: text,
  seconds: text,
  'warm-up': text,
  operations: text,
  sessions: text,
  bytes: { ...text, default: '300' },
  concurrency: { ...text, default: '64' },
  connections: { ...text, default: '32' },
  'memory-sessions': { ...text, default: '100000' },
  dir: text,
  out: text,
  with: text,
  publish: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h' },
} as const;

/** A run that is published goes through everything, in half an hour or so. */
const usual = { rounds: '5', seconds: '1', warmUp: '1', sessions: '5000' };
const published = { rounds: '5', seconds: '0.25', warmUp: '0.5', sessions: '1000' };

/** @throws Usage */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parse(args);
  if (values.help) throw new Usage(usage);
  const preset = values.publish ? published : usual;
  const load: Load = {
    sessions: whole('sessions', values.sessions ?? preset.sessions),
    bytes: whole('bytes', values.bytes),
    concurrency: whole('concurrency', values.concurrency),
    connections: whole('connections', values.connections),
    memorySessions: whole('memory-sessions', values['memory-sessions']),
    warmUp: positive('warm-up', values['warm-up'] ?? preset.warmUp),
    seconds: positive('seconds', values.seconds ?? preset.seconds),
    operations: values.operations === undefined ? Number.MAX_SAFE_INTEGER : whole('operations', values.operations),
  };
  const { dir, out, with: more, publish } = values;
  const rounds = whole('rounds', values.rounds ?? preset.rounds);
  return { words: positionals, rounds, load, dir, out, with: more, publish };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags, allowPositionals: true });
  } catch (error) {
    throw new Usage(`${(error as Error).message}\n\n${usage}`);
  }
}

export function positive(name: string, value: string): number {
  const number = Number(value);
  if (Number.isFinite(number) && number > 0) return number;
  throw new Usage(`--${name} must be a number above 0, not ${value}`);
}

export function whole(name: string, value: string): number {
  const number = positive(name, value);
  if (Number.isSafeInteger(number)) return number;
  throw new Usage(`--${name} must be a whole number, not ${value}`);
}
