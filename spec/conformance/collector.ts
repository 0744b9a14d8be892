import type { Runner } from './suite.js';

/** What became of the cases that ran in this process, by case id. */
export interface Outcome {
  readonly passed: string[];
  readonly failed: Map<string, unknown>;
  /** Titles, with the reason. */
  readonly skipped: string[];
}

/** A test runner of a few lines: runs what `register` registers, one after the other, and says what became of it. */
export async function collect(register: (runner: Runner) => void): Promise<Outcome> {
  const outcome: Outcome = { passed: [], failed: new Map(), skipped: [] };
  const bodies: [id: string, body: () => Promise<void>][] = [];
  const it = Object.assign(
    (title: string, body: () => Promise<void>) => void bodies.push([title.slice(0, title.indexOf(':')), body]),
    { skip: (title: string) => void outcome.skipped.push(title) },
  );
  register({ describe: (_, body) => body(), it });
  for (const [id, body] of bodies) {
    try {
      await body();
      outcome.passed.push(id);
    } catch (error) {
      outcome.failed.set(id, error);
    }
  }
  return outcome;
}
