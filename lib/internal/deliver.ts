import type { Awaitable } from '../backend.js';
import { isThenable } from './awaitable.js';
import { trusted } from './later.js';

/** Called once, with `(null, value)` or with `(error)`. */
export type Callback<T = void> = (error?: unknown, value?: T) => void;

/** Who wants to know when work that was begun is over. */
export interface Witness {
  begin(): void;
  end(): void;
}

/**
 * The only place that calls users' callbacks: later, exactly once, outside every try and promise chain, so that what a
 * callback throws is an uncaught exception of the user's and never comes back as ours. A success is delivered as
 * `(null, value)`, a failure as `(error)` alone. The witness is told of work that is not done at once.
 */
export function deliver<T>(callback: Callback<T>, act: () => Awaitable<T | undefined>, witness?: Witness): void {
  let outcome: Awaitable<T | undefined>;
  try {
    outcome = act();
  } catch (error) {
    process.nextTick(callback, error);
    return;
  }
  if (isThenable(outcome)) {
    witness?.begin();
    trusted(outcome).then(
      (value) => {
        process.nextTick(callback, null, value);
        witness?.end();
      },
      (error: unknown) => {
        process.nextTick(callback, error);
        witness?.end();
      },
    );
  } else {
    process.nextTick(callback, null, outcome);
  }
}
