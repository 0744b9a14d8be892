import { SessileError } from '../errors.js';
import { LONGEST_DELAY } from './options.js';

interface Source {
  on(event: string, listener: () => void): unknown;
}

/**
 * Whether somebody who reports outages by events can be used. Who asks while he is away waits for him, at most `patience`
 * ms from the first who asked; after that everybody is refused at once, until he is back. An outage that nobody asks
 * about costs no timer and rejects no promise.
 */
export class Availability {
  readonly #patience: number;
  #state: 'here' | 'away' | 'given up' = 'here';
  #wait: { promise: Promise<void>; resolve: () => void; timer: NodeJS.Timeout } | undefined;

  constructor(patience: number) {
    this.#patience = Math.min(patience, LONGEST_DELAY);
  }

  watch(source: Partial<Source>, events: { away: readonly string[]; back: readonly string[] }): void {
    if (typeof source.on !== 'function') return;
    for (const event of events.away) source.on(event, () => this.left());
    for (const event of events.back) source.on(event, () => this.returned());
  }

  left(): void {
    if (this.#state === 'here') this.#state = 'away';
  }

  returned(): void {
    this.#state = 'here';
    clearTimeout(this.#wait?.timer);
    this.#wait?.resolve();
    this.#wait = undefined;
  }

  /** Undefined: now. Else when he is back. Rejects with `SESSILE_UNAVAILABLE`. */
  ready(): Promise<void> | undefined {
    if (this.#state === 'here') return undefined;
    if (this.#state === 'given up') return Promise.reject(unavailable('session store is unavailable'));
    this.#wait ??= this.#startWaiting();
    return this.#wait.promise;
  }

  #startWaiting() {
    let resolve = () => {};
    let reject: (error: Error) => void = () => {};
    const promise = new Promise<void>((yes, no) => {
      resolve = yes;
      reject = no;
    });
    const giveUp = () => {
      this.#state = 'given up';
      this.#wait = undefined;
      reject(unavailable('timeout:session store is unavailable'));
    };
    return { promise, resolve, timer: setTimeout(giveUp, this.#patience).unref() };
  }
}

function unavailable(message: string): SessileError {
  return new SessileError('SESSILE_UNAVAILABLE', message);
}
