// What whole requests spend their time on, by a profile of each: npm run bench:profile -- --help tells the flags.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import type { Load } from './contract.js';
import { runChild } from './fork.js';
import { positive, Usage } from './options.js';
import { type Profiled, profilePage } from './profile-page.js';
import { Progress } from './progress.js';
import { describeMachine, machineLine, resultsFolder } from './results.js';
import { selfTimesIn } from './self-times.js';
import { subjects } from './subjects/index.js';
import { type Compiled, Workspace } from './workspace.js';

const usage = `npm run bench:profile [subjects] -- [flags]      default: the stores of this package, as they are by default
  --seconds 3         the longest a measurement takes
  --dir PATH          where subjects keep their files (default: here in bench/)
  --out PATH          where the page is written (default: bench/results)`;

const usual = ['sessile-memory', 'sessile-file', 'sessile-sqlite', 'sessile-redis'];
const trials = ['app-read', 'app-write'];
const interrupt = new AbortController();

interface Plan {
  readonly workspace: Workspace;
  readonly compiled: Compiled;
  readonly load: Load;
}

async function profileAll(args: readonly string[]): Promise<void> {
  const { names, seconds, dir, out } = parse(args);
  const load = {
    sessions: 1_000,
    bytes: 300,
    concurrency: 64,
    connections: 32,
    operations: Number.MAX_SAFE_INTEGER,
    warmUp: 1,
  };
  using workspace = new Workspace(dir);
  const machine = describeMachine(workspace.data);
  const plan = { workspace, compiled: await workspace.compile(undefined), load: { ...load, seconds } };
  const pairs = names.flatMap((subject) => trials.map((trial) => ({ subject, trial })));
  const progress = new Progress(pairs.length);
  const profiled: Profiled[] = [];
  for (const pair of pairs) {
    progress.step(`${pair.trial}, ${pair.subject}`);
    profiled.push({ ...pair, times: await profile(pair, plan) });
  }
  progress.end();
  const page = profilePage(`${machine.date}. ${machineLine(machine)}.`, profiled);
  const folder = resultsFolder({ out });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'PROFILE.md'), page);
  console.log(`${page}\n${relative('.', join(folder, 'PROFILE.md'))}`);
}

async function profile(pair: Omit<Profiled, 'times'>, { workspace, compiled, load }: Plan) {
  const directory = workspace.directory(`${pair.subject}-${pair.trial}`);
  const profiles = `${directory}-profile`;
  const flags = ['--cpu-prof', '--cpu-prof-interval', '200', '--cpu-prof-dir', profiles];
  const job = { ...pair, directory, load, tools: compiled.tools };
  const verdict = await runChild(compiled.child, job, { interrupt: interrupt.signal, flags });
  interrupt.signal.throwIfAborted();
  if (!('sample' in verdict)) throw new Error(`${pair.subject}, ${pair.trial}: ${JSON.stringify(verdict)}`);
  return selfTimesIn(join(profiles, readdirSync(profiles)[0] as string));
}

/** @throws Usage */
function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = { seconds: { ...text, default: '3' }, dir: text, out: text, help: { type: 'boolean' } } as const;
  const { values, positionals } = read(() => parseArgs({ args: [...args], options, allowPositionals: true }));
  if (values.help) throw new Usage(usage);
  for (const name of positionals) {
    if (!subjects.some((subject) => subject.name === name))
      throw new Usage(`No subject is called "${name}".\n\n${usage}`);
  }
  const names = positionals.length > 0 ? positionals : usual;
  return { names, seconds: positive('seconds', values.seconds), dir: values.dir, out: values.out };
}

function read<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new Usage(`${(error as Error).message}\n\n${usage}`);
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupt.abort(signal));

try {
  await profileAll(process.argv.slice(2));
} catch (error) {
  if (interrupt.signal.aborted) process.exitCode = interrupt.signal.reason === 'SIGINT' ? 130 : 143;
  else if (error instanceof Usage) process.exitCode = 2;
  else throw error;
  if (error instanceof Usage) console.error(error.message);
}
