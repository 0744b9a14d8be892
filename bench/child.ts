import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { Absent, Disqualified, HERE, type Job, type Opened, type Subject, type Verdict } from './contract.js';
import { checkGate } from './gate.js';
import { subjects } from './subjects/index.js';
import { growth } from './trials/growth.js';
import { trials } from './trials/index.js';

/** One pair of a subject and a trial, once: open, prove, measure, close. */
async function run(job: Job): Promise<Verdict> {
  const trial = [...trials, growth].find(({ name }) => name === job.trial);
  const subject = [...subjects, ...(await loadMore(job.more))].find(({ name }) => name === job.subject);
  if (!trial || !subject) throw new Error(`no such pair: ${job.subject}, ${job.trial}`);
  mkdirSync(job.directory, { recursive: true });
  let opened: Opened | undefined;
  try {
    opened = await subject.open({ directory: job.directory });
    await checkGate(opened);
    return { sample: await trial.run(opened, job.load, job.grouped ? { ...job.tools, meet } : job.tools) };
  } catch (error) {
    if (error instanceof Absent) return { absent: error.message };
    return { disqualified: reason(error) };
  } finally {
    await opened?.close?.();
  }
}

async function meet(): Promise<void> {
  process.send?.(HERE);
  await once(process, 'message');
}

export async function loadMore(path: string | undefined): Promise<readonly Subject[]> {
  if (path === undefined) return [];
  return ((await import(path)) as { subjects: readonly Subject[] }).subjects;
}

function reason(error: unknown): string {
  if (error instanceof Disqualified) return error.message;
  return `failed: ${error instanceof Error ? error.message : String(error)}`;
}

process.on('disconnect', () => process.exit());
const outcome = await run(JSON.parse(process.argv[2] as string) as Job);
process.send?.(outcome, () => process.exit());
