import { fork } from 'node:child_process';
import { once } from 'node:events';
import { bundle } from '../support/bundle.js';

export interface PruneOrder {
  readonly dir: string;
  /** Of the process: each has sessions of its own, so that it knows what must be there. */
  readonly name: string;
  readonly ids: number;
  readonly ms: number;
}

export interface PruneAnswer {
  /** How often a dead session was renewed. */
  renewed: number;
  /** How often a renewed session was not there, or not what it was renewed to. */
  lost: number;
  pruned: number;
}

/** Lets `processes` renew and prune in one directory for `ms`. */
export async function pruneAgainstSet(dir: string, processes: number, ms: number): Promise<PruneAnswer> {
  const program = await bundle(new URL('./scale-child.ts', import.meta.url));
  const answers = await Promise.all(
    Array.from({ length: processes }, async (_, index) => {
      const child = fork(program, { execArgv: [] });
      await once(child, 'message');
      child.send({ dir, name: `process-${index}`, ids: 5, ms } satisfies PruneOrder);
      const [answer] = (await once(child, 'message')) as [PruneAnswer];
      return answer;
    }),
  );
  const sum = (key: keyof PruneAnswer) => answers.reduce((total, answer) => total + answer[key], 0);
  return { renewed: sum('renewed'), lost: sum('lost'), pruned: sum('pruned') };
}
