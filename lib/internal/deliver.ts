import { AsyncResource } from 'node:async_hooks';
import type { Awaitable } from '../backend.js';
import { isThenable } from './awaitable.js';
import { trusted } from './later.js';
import { nextTurn } from './next-turn.js';

/** Called once, with `(null, value)` or with `(error)`. */
export type Callback<T = void> = (error?: unknown, value?: T) => void;

/** Who wants to know when work that was begun is over: right before its callback is called. */
export interface Witness {
  begin(): void;
  end(): void;
}

/**
 * The only place that calls users' callbacks: later, exactly once, outside every try and promise chain, so that what a
 * callback throws is an uncaught exception of the user's and never comes back as ours. A success is delivered as
 * `(null, value)`, a failure as `(error)` alone.
 *
 * A callback runs in the asynchronous context of its call, also where one act answers several calls.
 *
 * What is done at once is delivered in the next turn of the event loop: in the same one a server would go through one
 * request after the other, each from its first byte to its last, which is slower by a fifth and holds timers twice as long.
 */
export function deliver<T>(callback: Callback<T>, act: () => Awaitable<T | undefined>, witness?: Witness): void {
  const succeed = (value: T | undefined) => {
    witness?.end();
    callback(null, value);
  };
  const fail = (error: unknown) => {
    witness?.end();
    callback(error);
  };
  let outcome: Awaitable<T | undefined>;
  witness?.begin();
  try {
    outcome = act();
  } catch (error) {
    tellInNextTurn(fail, error);
    return;
  }
  if (isThenable(outcome)) {
    const asked = new AsyncResource('SESSILE_CALLBACK');
    trusted(outcome).then(
      (value) => asked.runInAsyncScope(tellSoon, undefined, succeed, value),
      (error) => asked.runInAsyncScope(tellSoon, undefined, fail, error),
    );
  } else {
    tellInNextTurn(succeed, outcome);
  }
}

/** What a callback is told, in the asynchronous context that asked: it costs less than an Immediate of its own. */
class Told<T> extends AsyncResource {
  readonly #tell: (what: T) => void;
  readonly #what: T;

  constructor(tell: (what: T) => void, what: T) {
    super('SESSILE_CALLBACK');
    this.#tell = tell;
    this.#what = what;
  }

  now(): void {
    this.runInAsyncScope(this.#tell, undefined, this.#what);
  }
}

/** What waits for the next turn, in the order in which it was done. */
let waiting: { now(): void }[] = [];

function tellInNextTurn<T>(tell: (what: T) => void, what: T): void {
  if (waiting.push(new Told(tell, what)) === 1) nextTurn(tellAll);
}

/** What is asked for meanwhile waits for another turn. A callback that throws holds up none of the others. */
function tellAll(): void {
  const told = waiting;
  waiting = [];
  let count = 0;
  try {
    for (const each of told) {
      count += 1;
      each.now();
    }
  } finally {
    if (count < told.length) tellRest(told.slice(count));
  }
}

function tellRest(rest: { now(): void }[]): void {
  if (waiting.length === 0) nextTurn(tellAll);
  waiting = [...rest, ...waiting];
}

/** What ended in a later turn by itself needs no other, but must not overtake what was done before. */
function tellSoon<T>(tell: (what: T) => void, what: T): void {
  if (waiting.length > 0) tellInNextTurn(tell, what);
  else process.nextTick(tell, what);
}
