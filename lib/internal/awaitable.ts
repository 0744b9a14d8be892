import type { Awaitable } from '../backend.js';
import { misuse } from '../errors.js';

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
}

/** Goes on with a value now, or with a promised one when it is there: a synchronous core stays synchronous. */
export function chain<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return isThenable(value) ? value.then(next) : next(value as T);
}

/**
 * What a caller's function `name` answered. A promise would be stored as an empty object: it is refused, and so it has
 * nobody else who handles its failure.
 * @throws TypeError `SESSILE_MISUSE`
 */
export function atOnce<T>(name: string, answer: T): T {
  if (!isThenable(answer)) return answer;
  answer.then(undefined, () => {});
  throw misuse(`${name} must answer at once, not with a promise`);
}
