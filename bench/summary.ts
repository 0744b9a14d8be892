import type { Figure, Sample, Subject, Synced, Trial, Verdict } from './contract.js';
import { goals } from './goals.js';
import type { Pair } from './select.js';
import { type Spread, spreadOf } from './statistics.js';

/** A pair with what came of it, round by round. */
export interface Measured extends Pair {
  readonly outcomes: Verdict[];
}

export interface Row {
  readonly trial: string;
  readonly subject: string;
  readonly synced: Synced;
  /** Operations per second over the rounds; absent where the subject is disqualified. */
  readonly perSecond?: Spread;
  /** What the trial tells besides. */
  readonly figures?: Readonly<Partial<Record<Figure, Spread>>>;
  readonly note?: string;
  readonly disqualified?: string;
  /** Why the subject cannot take part. */
  readonly absent?: string;
}

export interface Ratio {
  readonly trial: string;
  readonly ours: string;
  readonly peer: string;
  readonly ratio: Spread;
  /** Whether both had promised the same about the disk when they called back. */
  readonly sameSynced: boolean;
  readonly goal?: number;
}

export function rowOf({ subject, trial, outcomes }: Measured): Row {
  const row = { trial: trial.name, subject: subject.name, synced: syncedOf(subject, trial) };
  const disqualified = disqualification(outcomes);
  if (disqualified !== undefined) return { ...row, disqualified };
  for (const outcome of outcomes) if ('absent' in outcome) return { ...row, absent: outcome.absent };
  const samples = outcomes.flatMap((outcome) => ('sample' in outcome ? outcome.sample : []));
  const note = samples.find((sample) => sample.note !== undefined)?.note;
  const perSecond = spreadOf(samples.map(speedOf));
  return { ...row, perSecond, figures: figuresOf(samples), ...(note !== undefined && { note }) };
}

function figuresOf(samples: readonly Sample[]): Partial<Record<Figure, Spread>> {
  const names = new Set(samples.flatMap(({ figures = {} }) => Object.keys(figures) as Figure[]));
  const spread = (name: Figure) => spreadOf(samples.flatMap(({ figures }) => figures?.[name] ?? []));
  return Object.fromEntries([...names].map((name) => [name, spread(name)]));
}

/** Ours against every other subject of its kind, and wherever there is a goal. */
export function ratiosOf(measured: readonly Measured[]): Ratio[] {
  const timed = measured.filter(({ trial, outcomes }) => trial.tells === undefined && isTimed(outcomes));
  return timed
    .filter(({ subject }) => subject.role === 'ours')
    .flatMap((ours) =>
      timed
        .filter(({ trial, subject }) => trial === ours.trial && subject.role !== 'ours')
        .filter(({ subject }) => subject.kind === ours.subject.kind || goalOf(ours, subject) !== undefined)
        .map((peer) => ratioOf(ours, peer)),
    );
}

/** The two of one round ran next to each other, so that noise of the machine met both. */
function ratioOf(ours: Measured, peer: Measured): Ratio {
  const byRound = ours.outcomes.map(
    (outcome, round) => perSecond(outcome) / perSecond(peer.outcomes[round] as Verdict),
  );
  const goal = goalOf(ours, peer.subject);
  return {
    trial: ours.trial.name,
    ours: ours.subject.name,
    peer: peer.subject.name,
    ratio: spreadOf(byRound),
    sameSynced: syncedOf(ours.subject, ours.trial) === syncedOf(peer.subject, peer.trial),
    ...(goal !== undefined && { goal }),
  };
}

function goalOf({ subject, trial }: Pair, peer: Subject): number | undefined {
  return goals.find((goal) => goal.ours === subject.name && goal.peer === peer.name)?.atLeast[trial.name];
}

export function disqualification(outcomes: readonly Verdict[]): string | undefined {
  for (const outcome of outcomes) if ('disqualified' in outcome) return outcome.disqualified;
  return undefined;
}

/** Whether every round so far gave a sample; none is tried again where one did not. */
export function isTimed(outcomes: readonly Verdict[]): boolean {
  return outcomes.every((outcome) => 'sample' in outcome);
}

export function syncedOf({ synced }: Subject, { writes }: Trial): Synced {
  return writes ? synced[writes] : 'n.a.';
}

function perSecond(outcome: Verdict): number {
  return 'sample' in outcome ? speedOf(outcome.sample) : Number.NaN;
}

function speedOf({ operations, ms }: Sample): number {
  return (operations / ms) * 1_000;
}
