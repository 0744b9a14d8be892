import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundle, type Edit } from '../support/bundle.js';
import type { Addition, Operation, SessionOperation } from './checker.js';
import { openStore, type StoreDescription } from './stores.js';
import type { Body, Clock, Job, Line, Plan } from './worker.js';

export type { Plan } from './worker.js';

export interface RunOptions {
  readonly store: StoreDescription;
  readonly plan: Plan;
  readonly processes: number;
  /** Workers that get a SIGKILL as soon as they have started so many operations. */
  readonly kills?: readonly { readonly worker: number; readonly after: number }[];
  /** After so many ms every worker is killed and the run fails. Default: 120 000. */
  readonly limit?: number;
  /** Compiled into the workers. */
  readonly edit?: Edit | undefined;
}

export interface RunResult {
  /** In ns since the run's origin. */
  readonly additions: (Addition & { readonly id: string; readonly calls: number })[];
  readonly sessions: (SessionOperation & { readonly id: string })[];
  /** Of what ended well, in ms. */
  readonly latency: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Operations that ended well, per second from the first start to the last end. */
  readonly rate: number;
  /** What operations failed with; each of them counts as unknown. */
  readonly errors: string[];
  /** Workers that ended by a signal. */
  readonly killed: number[];
}

/** Lets several processes carry out a plan on one store, from a common start, and answers with their history. */
export async function run({
  store,
  plan,
  processes,
  kills = [],
  limit = 120_000,
  edit,
}: RunOptions): Promise<RunResult> {
  const worker = await bundledWorker(edit);
  const logs = mkdtempSync(join(tmpdir(), 'sessile-run-'));
  const clock: Clock = { origin: String(process.hrtime.bigint()), epoch: Date.now() };
  const jobs = Array.from(
    { length: processes },
    (_, i): Job => ({ worker: i, store, plan, log: join(logs, `${i}`), clock }),
  );
  const children = jobs.map(() => fork(worker, { execArgv: [] }));
  const overdue = setTimeout(() => killAll(children), limit);
  try {
    const ends = children.map((child) => once(child, 'exit') as Promise<[number | null, string | null]>);
    await Promise.all(children.map((child, i) => ready(child, jobs[i] as Job)));
    for (const child of children) child.send('go');
    await Promise.all(
      kills.map(({ worker: i, after }) => killAfter(children[i] as ChildProcess, (jobs[i] as Job).log, after)),
    );
    const outcomes = await Promise.all(ends);
    const killed = outcomes.flatMap(([, signal], i) => (signal === null ? [] : [i]));
    const wrong = outcomes.flatMap(([code], i) => (code === 0 || kills.some((kill) => kill.worker === i) ? [] : [i]));
    if (wrong.length > 0) throw new Error(`Workers ${wrong.join(', ')} ended badly: ${JSON.stringify(outcomes)}`);
    return { ...summary(jobs.flatMap(({ log }) => recorded(log))), killed };
  } finally {
    clearTimeout(overdue);
    killAll(children);
    rmSync(logs, { recursive: true, force: true });
  }
}

/** The counters that a plan of additions left behind, by id. */
export async function finalCounts(store: StoreDescription, ids: readonly string[]): Promise<Map<string, number>> {
  const opened = openStore(store, { pruneInterval: 0 });
  const counts = new Map<string, number>();
  for (const id of ids) {
    const session = (await opened.getAsync(id)) as { count?: number } | undefined;
    counts.set(id, session?.count ?? 0);
  }
  await opened.closeAsync();
  return counts;
}

const bundles = new Map<Edit | undefined, Promise<string>>();

/** Compiled once: a process that starts with tsx takes half a second to do so. */
function bundledWorker(edit: Edit | undefined): Promise<string> {
  const known = bundles.get(edit) ?? bundle(new URL('./worker.ts', import.meta.url), edit);
  bundles.set(edit, known);
  return known;
}

async function ready(child: ChildProcess, job: Job): Promise<void> {
  child.send(job);
  const early = once(child, 'exit').then(() => {
    throw new Error(`Worker ${job.worker} ended before the start`);
  });
  await Promise.race([once(child, 'message'), early]);
  early.catch(() => {});
}

function killAll(children: readonly ChildProcess[]): void {
  for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
}

async function killAfter(child: ChildProcess, log: string, operations: number): Promise<void> {
  while (child.exitCode === null && startedIn(log) < operations) await sleep(1);
  child.kill('SIGKILL');
}

function startedIn(log: string): number {
  return lines(log).filter((line) => 'chain' in line).length;
}

/** A last line that the kill cut off was never finished: what it tells of had not begun, or is unknown. */
function lines(log: string): Line[] {
  const text = readFileSync(log, 'utf8').split('\n').slice(0, -1);
  return text.map((line) => JSON.parse(line) as Line);
}

type Recorded = Operation & { readonly id: string; readonly failed?: string | undefined } & Body;

function recorded(log: string): Recorded[] {
  const operations = new Map<number, Recorded>();
  for (const line of lines(log)) {
    if ('chain' in line) {
      const { start, id, chain, body } = line;
      const unknown = { process: chain, start, end: Number.POSITIVE_INFINITY, outcome: 'unknown' as const };
      operations.set(line.serial, { ...unknown, id, ...body });
      continue;
    }
    const begun = operations.get(line.serial) as Recorded;
    if ('failed' in line) operations.set(line.serial, { ...begun, failed: line.failed });
    else operations.set(line.serial, { ...begun, start: line.start, end: line.end, outcome: 'ok', ...line.body });
  }
  return [...operations.values()];
}

function summary(operations: Recorded[]): Omit<RunResult, 'killed'> {
  const known = operations.filter(({ outcome }) => outcome === 'ok');
  const times = known.map(({ start, end }) => (end - start) / 1e6).sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  const first = known.reduce((least, { start }) => Math.min(least, start), Number.POSITIVE_INFINITY);
  const last = known.reduce((most, { end }) => Math.max(most, end), 0);
  return {
    additions: operations.filter((one) => one.kind === 'add'),
    sessions: operations.filter((one) => one.kind !== 'add'),
    latency: { p50: at(0.5), p99: at(0.99), max: at(1) },
    rate: known.length === 0 ? 0 : known.length / ((last - first) / 1e9),
    errors: operations.flatMap(({ failed }) => (failed === undefined ? [] : [failed])),
  };
}
