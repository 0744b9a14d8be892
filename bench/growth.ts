// How the cost of get, set and touch grows: npm run bench:growth -- --help lists the flags.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { lineChart } from './charts.js';
import type { Job, Subject, Verdict } from './contract.js';
import { runChild } from './fork.js';
import { type Axis, axes, type GrowthOptions, parseGrowth, type Size } from './growth-options.js';
import { acts, type Growth, growthPage, head, panelsOf, type Rates, rowsOf, shapeOf } from './growth-page.js';
import { Usage } from './options.js';
import { Progress } from './progress.js';
import { describeMachine, machineLine, resultsFolder } from './results.js';
import { subjects } from './subjects/index.js';
import { plainTable } from './tables.js';
import { type Compiled, Workspace } from './workspace.js';

/** One for each kind of storage, as it is by default. */
const usual = ['sessile-memory', 'sessile-file', 'sessile-sqlite', 'sessile-redis'];
const interrupt = new AbortController();

interface Run {
  readonly options: GrowthOptions;
  readonly workspace: Workspace;
  readonly compiled: Compiled;
  readonly progress: Progress;
  /** What was measured already: every axis goes through the same point. */
  readonly known: Map<string, Rates>;
}

/** The whole command. Answers with its exit code: 1 where a size could not be measured. */
async function measureGrowth(options: GrowthOptions): Promise<number> {
  const chosen = choose(options.names.length > 0 ? options.names : usual);
  using workspace = new Workspace(options.dir);
  const compiled = await workspace.compile(undefined);
  const machine = describeMachine(workspace.data);
  const steps = chosen.flatMap((subject) => axesOf(subject).flatMap((axis) => options.sizes[axis]));
  const progress = new Progress(steps.length);
  const run: Run = { options, workspace, compiled, progress, known: new Map() };
  const growths: Growth[] = [];
  for (const subject of chosen) growths.push(await growthOf(subject, run));
  progress.end();

  const folder = resultsFolder(options);
  mkdirSync(folder, { recursive: true });
  const heads = [`${machine.date}. ${machineLine(machine)}.`, conditions(options)];
  for (const growth of growths) writeFileSync(join(folder, `growth-${growth.subject}.svg`), chartOf(growth, heads));
  writeFileSync(join(folder, 'GROWTH.md'), growthPage(heads, growths));
  const json = JSON.stringify({ machine, options, growths }, null, 2);
  writeFileSync(join(folder, `growth-${machine.date.replaceAll(':', '-')}.json`), `${json}\n`);
  console.log(heads.join('\n'));
  for (const growth of growths)
    console.log(`\n${growth.subject}\n${plainTable(head, rowsOf(growth))}\n${shapeOf(growth)}`);
  console.log(`\n${relative('.', join(folder, 'GROWTH.md'))}`);
  const failed = growths.some(({ along }) => along.some(({ points }) => points.some(({ rates }) => isFailure(rates))));
  return failed ? 1 : 0;
}

function isFailure(rates: Rates): boolean {
  return typeof rates === 'string';
}

/** @throws Usage for a name that no subject has */
function choose(names: readonly string[]): Subject[] {
  return names.map((name) => {
    const found = subjects.find((subject) => subject.name === name);
    if (found) return found;
    const all = subjects.filter(({ role }) => role === 'ours').map((subject) => subject.name);
    throw new Usage(`No subject is called "${name}". Ours are ${all.join(', ')}.`);
  });
}

/** Memory is not shared by processes, and what a raw subject made is for itself. */
function axesOf({ kind, role }: Subject): Axis[] {
  return axes.filter((axis) => axis !== 'processes' || (kind !== 'memory' && role !== 'raw'));
}

async function growthOf(subject: Subject, run: Run): Promise<Growth> {
  const along: { axis: Axis; points: { size: number; rates: Rates }[] }[] = [];
  for (const axis of axesOf(subject)) {
    const points = [];
    for (const size of run.options.sizes[axis]) {
      run.progress.step(`${subject.name}, ${size} ${axis}`);
      points.push({ size, rates: await ratesAt(subject, { ...run.options.base, [axis]: size }, run) });
      interrupt.signal.throwIfAborted();
    }
    along.push({ axis, points });
  }
  return { subject: subject.name, along };
}

async function ratesAt(subject: Subject, size: Size, run: Run): Promise<Rates> {
  const key = JSON.stringify([subject.name, size]);
  const rates = run.known.get(key) ?? ratesOf(await measureTogether(subject, size, run));
  run.known.set(key, rates);
  return rates;
}

/** Each of the processes is started when the one before has filled its sessions; they measure at the same time. */
async function measureTogether(subject: Subject, size: Size, run: Run): Promise<Verdict[]> {
  const { workspace, compiled, options } = run;
  const { processes, ...rest } = size;
  const directory = workspace.directory(`${subject.name}-growth`);
  const load = {
    ...rest,
    connections: 1,
    seconds: options.seconds,
    warmUp: options.seconds,
    operations: options.operations,
  };
  const { child, tools } = compiled;
  const job: Job = { subject: subject.name, trial: 'growth', directory, load, tools, grouped: true };
  const meeting = new Meeting(processes);
  const under: Promise<Verdict>[] = [];
  for (let process = 0; process < processes; process += 1) {
    await new Promise<void>((filled) => {
      const meet = (go: () => void) => {
        filled();
        meeting.arrive(go);
      };
      const verdict = runChild(child, job, { interrupt: interrupt.signal, meet });
      under.push(verdict);
      verdict.then(() => {
        filled();
        meeting.leave();
      });
    });
  }
  const verdicts = await Promise.all(under);
  workspace.remove(directory);
  return verdicts;
}

/** Lets all go on when all have come. Who has ended is not waited for. */
class Meeting {
  #size: number;
  #here: (() => void)[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  arrive(go: () => void): void {
    this.#here.push(go);
    this.#check();
  }

  leave(): void {
    this.#size -= 1;
    this.#check();
  }

  #check(): void {
    if (this.#here.length === this.#size) for (const go of this.#here.splice(0)) go();
  }
}

/** What the processes did together. */
function ratesOf(verdicts: readonly Verdict[]): Rates {
  const sum = { get: 0, set: 0, touch: 0 };
  for (const verdict of verdicts) {
    if (!('sample' in verdict)) return 'absent' in verdict ? verdict.absent : verdict.disqualified;
    for (const act of acts) sum[act] += verdict.sample.figures?.[act] ?? Number.NaN;
  }
  return sum;
}

function conditions({ base, seconds }: GrowthOptions): string {
  const { sessions, bytes, concurrency } = base;
  const rest = `${sessions} sessions of ${bytes} bytes, ${concurrency} operations at a time, one process`;
  return `While one grows, the others are: ${rest}. Each process has so many sessions of its own; up to ${seconds} s each.`;
}

function chartOf(growth: Growth, lines: readonly string[]): string {
  const title = `${growth.subject}: what an operation costs`;
  return lineChart({ title, lines }, 'microseconds each: less is better', panelsOf(growth));
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupt.abort(signal));

try {
  process.exitCode = await measureGrowth(parseGrowth(process.argv.slice(2)));
} catch (error) {
  if (interrupt.signal.aborted) process.exitCode = interrupt.signal.reason === 'SIGINT' ? 130 : 143;
  else if (error instanceof Usage) process.exitCode = 2;
  else throw error;
  if (error instanceof Usage) console.error(error.message);
}
