import type { Awaitable } from '../backend.js';
import { isThenable } from './awaitable.js';

type Listener<T, U> = ((value: T) => Awaitable<U>) | null | undefined;
type State = 'open' | 'done' | 'failed';

/**
 * An answer that many wait for in one turn, as cheap as a callback: whoever was first to wait is called in the very moment
 * in which it is there, and not a turn of the microtask queue later. For groups, where promises cost as much as a third of
 * the work. Everything else is as with a promise: it settles once, listeners' errors go down the chain, an error that
 * nobody waits for is an unhandled rejection.
 *
 * Listeners run inside `resolve` and `reject`: call them when nothing is half done. So they run in the asynchronous context
 * of whoever settles it, not of whoever waits; `deliver` goes back to its caller's before it calls anybody.
 */
export class Later<T> implements PromiseLike<T> {
  #state: State = 'open';
  #outcome: unknown;
  #next: Later<unknown> | undefined;
  #onDone: Listener<T, unknown>;
  #onFailed: Listener<unknown, unknown>;
  #shared: Shared<T> | undefined;

  // biome-ignore lint/suspicious/noThenProperty: it is one
  then<Done = T, Failed = never>(onDone?: Listener<T, Done>, onFailed?: Listener<unknown, Failed>) {
    if (this.#state !== 'open' || this.#next !== undefined) return this.#asPromise().then(onDone, onFailed);
    const next = new Later<Done | Failed>();
    this.#next = next as Later<unknown>;
    this.#onDone = onDone;
    this.#onFailed = onFailed;
    return next;
  }

  resolve(value: Awaitable<T>): void {
    if (isThenable(value)) {
      Promise.resolve(value).then(
        (answer) => this.#settle('done', answer),
        (error: unknown) => this.reject(error),
      );
    } else this.#settle('done', value);
  }

  reject(error: unknown): void {
    this.#settle('failed', error);
  }

  #settle(state: State, outcome: unknown): void {
    this.#state = state;
    this.#outcome = outcome;
    if (this.#shared !== undefined) this.#shared[state === 'done' ? 'resolve' : 'reject'](outcome as T);
    if (this.#next !== undefined) this.#pass(this.#next, state === 'done' ? this.#onDone : this.#onFailed);
    else if (state === 'failed') this.#asPromise();
  }

  #pass(next: Later<unknown>, listener: Listener<never, unknown>): void {
    if (typeof listener !== 'function') {
      next.#settle(this.#state, this.#outcome);
      return;
    }
    let answer: Awaitable<unknown>;
    try {
      answer = listener(this.#outcome as never);
    } catch (error) {
      next.reject(error);
      return;
    }
    next.resolve(answer);
  }

  /** For those who come second or late. */
  #asPromise(): Promise<T> {
    this.#shared ??= makeShared();
    if (this.#state === 'done') this.#shared.resolve(this.#outcome as T);
    else if (this.#state === 'failed') this.#shared.reject(this.#outcome);
    return this.#shared.promise;
  }
}

interface Shared<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

function makeShared<T>(): Shared<T> {
  let [resolve, reject]: [Shared<T>['resolve'], Shared<T>['reject']] = [() => {}, () => {}];
  const promise = new Promise<T>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  return { promise, resolve, reject };
}

/** One that settles once and calls back once, whoever made it. */
export function trusted<T>(promised: PromiseLike<T>): PromiseLike<T> {
  return promised instanceof Later ? promised : Promise.resolve(promised);
}
