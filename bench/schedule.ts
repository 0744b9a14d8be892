import type { Job, Load, Verdict } from './contract.js';
import { runChild } from './fork.js';
import type { Progress } from './progress.js';
import type { Pair } from './select.js';
import { isTimed, type Measured } from './summary.js';
import type { Compiled, Workspace } from './workspace.js';

export interface Plan {
  readonly rounds: number;
  readonly load: Load;
  readonly workspace: Workspace;
  readonly compiled: Compiled;
  readonly progress: Progress;
  /** Ends the run: the child under way is killed and waited for, so that its files can be removed. */
  readonly interrupt: AbortSignal;
}

/**
 * Every pair once, then every pair again, so that a noisy machine is noisy for all. Every other round goes backwards,
 * so that no pair always comes after the same one. A disqualified pair is not tried again.
 */
export async function measureAll(pairs: readonly Pair[], plan: Plan): Promise<Measured[]> {
  const measured = pairs.map((pair): Measured => ({ ...pair, outcomes: [] }));
  for (let round = 0; round < plan.rounds; round += 1) {
    for (const one of round % 2 === 0 ? measured : measured.toReversed()) {
      plan.progress.step(`round ${round + 1} of ${plan.rounds}: ${one.trial.name}, ${one.subject.name}`);
      const due = isTimed(one.outcomes) && !(one.trial.once && round > 0);
      if (due) one.outcomes.push(await measureOnce(one, plan, round));
      plan.interrupt.throwIfAborted();
    }
  }
  return measured;
}

async function measureOnce({ subject, trial }: Pair, plan: Plan, round: number): Promise<Verdict> {
  const { workspace, compiled, load } = plan;
  const directory = workspace.directory(`${subject.name}-${trial.name}-${round}`);
  const { child, tools, more } = compiled;
  const job: Job = { subject: subject.name, trial: trial.name, directory, load, tools, more };
  const outcome = await runChild(child, job, plan);
  workspace.remove(directory);
  return outcome;
}
