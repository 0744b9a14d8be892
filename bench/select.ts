import type { Subject, Trial } from './contract.js';
import { Usage } from './options.js';

export interface Pair {
  readonly subject: Subject;
  readonly trial: Trial;
}

export interface All {
  readonly subjects: readonly Subject[];
  readonly trials: readonly Trial[];
}

/**
 * The pairs that `words` select. Words about trials choose among trials, words about subjects among subjects; where
 * there are none of a sort, everything of it is taken.
 *
 * @throws Usage for a word that matches nothing, and for words that leave no pair
 */
export function selectPairs({ subjects, trials }: All, words: readonly string[]): Pair[] {
  const chosenTrials = new Set<Trial>();
  const chosenSubjects = new Set<Subject>();
  for (const word of words) {
    const [ofTrials, ofSubjects] = meaningOf(word, { subjects, trials });
    for (const trial of ofTrials) chosenTrials.add(trial);
    for (const subject of ofSubjects) chosenSubjects.add(subject);
  }
  const pairs = trials
    .filter((trial) => chosenTrials.size === 0 || chosenTrials.has(trial))
    .flatMap((trial) => subjects.map((subject) => ({ subject, trial })))
    .filter(({ subject }) => chosenSubjects.size === 0 || chosenSubjects.has(subject))
    .filter(({ subject, trial }) => subject.only?.includes(trial.name) ?? true)
    .filter(({ subject, trial }) => !trial.without?.includes(subject.kind));
  if (pairs.length === 0)
    throw new Usage(`No subject of "${words.join(' ')}" takes part in these trials.\n\n${listing(subjects, trials)}`);
  return pairs;
}

/** A full name means that one alone; else it is part of names, or a subject's kind or role. */
function meaningOf(word: string, { subjects, trials }: All): [readonly Trial[], readonly Subject[]] {
  const exact = [trials.filter(({ name }) => name === word), subjects.filter(({ name }) => name === word)] as const;
  if (exact[0].length + exact[1].length > 0) return [...exact];
  const ofTrials = trials.filter(({ name }) => name.includes(word));
  const ofSubjects = subjects.filter(
    ({ name, kind, role }) => name.includes(word) || [kind, role].includes(word as never),
  );
  if (ofTrials.length + ofSubjects.length > 0) return [ofTrials, ofSubjects];
  throw new Usage(`Nothing is called "${word}".\n\n${listing(subjects, trials)}`);
}

function listing(subjects: readonly Subject[], trials: readonly Trial[]): string {
  const lines = (rows: readonly { name: string; about: string }[]) =>
    rows.map(({ name, about }) => `  ${name.padEnd(22)}${about}`).join('\n');
  return `Trials:\n${lines(trials)}\nSubjects (also by memory, file, sqlite, redis, ours, peer, raw):\n${lines(subjects)}`;
}
