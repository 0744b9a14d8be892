import type { Awaitable } from '../backend.js';
import { isThenable } from './awaitable.js';

const shared = new WeakMap<object, KeyedQueue>();

/** One line per key for all who work on the same thing, whichever way they came to it. */
export function queueOf(thing: object): KeyedQueue {
  const queue = shared.get(thing) ?? new KeyedQueue();
  shared.set(thing, queue);
  return queue;
}

/** First come, first served, per key. Keys that nobody waits for cost nothing. */
export class KeyedQueue {
  /** The end of each busy key's line. These promises never reject. */
  readonly #tails = new Map<string, Promise<void>>();

  /** Runs `act` at once where nothing is under way for `key`, and behind what is under way else. */
  run<T>(key: string, act: () => Awaitable<T>): Awaitable<T> {
    const tail = this.#tails.get(key);
    if (tail !== undefined) return this.#hold(key, tail.then(act));
    const outcome = act();
    return isThenable(outcome) ? this.#hold(key, Promise.resolve(outcome)) : outcome;
  }

  /** Runs `act` behind what is under way for `key`; others need not wait for it. */
  follow<T>(key: string, act: () => Awaitable<T>): Awaitable<T> {
    const tail = this.#tails.get(key);
    return tail === undefined ? act() : tail.then(act);
  }

  #hold<T>(key: string, outcome: Promise<T>): Promise<T> {
    const leave = () => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    };
    const tail: Promise<void> = outcome.then(leave, leave);
    this.#tails.set(key, tail);
    return outcome;
  }
}
