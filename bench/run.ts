import { relative, resolve } from 'node:path';
import type { Subject } from './contract.js';
import { type Options, parseOptions, Usage } from './options.js';
import { Progress } from './progress.js';
import { publish } from './publish.js';
import { describeMachine, machineLine, writeResults } from './results.js';
import { measureAll } from './schedule.js';
import { selectPairs } from './select.js';
import { subjects } from './subjects/index.js';
import { ratiosOf, rowOf } from './summary.js';
import { loadLine, ratioTable, resultTable } from './tables.js';
import { trials } from './trials/index.js';
import { Workspace } from './workspace.js';

const interrupt = new AbortController();

/** The whole command. Answers with its exit code: 1 where a subject of ours is disqualified. */
async function bench(options: Options): Promise<number> {
  using workspace = new Workspace(options.dir);
  const compiled = await workspace.compile(options.with && resolve(options.with));
  const pairs = selectPairs({ trials, subjects: [...subjects, ...(await subjectsIn(compiled.more))] }, options.words);
  const machine = describeMachine(workspace.data);
  const { rounds, load } = options;
  const progress = new Progress(pairs.length * rounds);
  const plan = { rounds, load, workspace, compiled, progress, interrupt: interrupt.signal };
  const measured = await measureAll(pairs, plan).finally(() => progress.end());

  const rows = measured.map(rowOf);
  const ratios = ratiosOf(measured);
  const report = { machine, options, measured, rows, ratios };
  const path = writeResults(report);
  console.log(`${machineLine(machine)}\n${loadLine(options)}`);
  const page = options.publish ? relative('.', await publish(report)) : '';
  console.log([resultTable(rows), ratioTable(ratios), relative('.', path), page].filter(Boolean).join('\n\n'));
  return measured.some(({ subject }, index) => subject.role === 'ours' && rows[index]?.disqualified) ? 1 : 0;
}

async function subjectsIn(path: string | undefined): Promise<readonly Subject[]> {
  if (path === undefined) return [];
  return ((await import(path)) as { subjects: readonly Subject[] }).subjects;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupt.abort(signal));

try {
  process.exitCode = await bench(parseOptions(process.argv.slice(2)));
} catch (error) {
  if (interrupt.signal.aborted) process.exitCode = interrupt.signal.reason === 'SIGINT' ? 130 : 143;
  else if (error instanceof Usage) process.exitCode = 2;
  else throw error;
  if (error instanceof Usage) console.error(error.message);
}
