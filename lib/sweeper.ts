import { LONGEST_DELAY } from './internal/options.js';

/**
 * One lazy timer that asks a store to prune. It starts with the first call of {@link arm}, never keeps the process
 * alive, and waits for one round to end before it sets the next.
 */
export class Sweeper {
  readonly #sweep: () => Promise<void>;
  readonly #delay: number;
  #timer: NodeJS.Timeout | undefined;
  #stopped: boolean;

  /** @param delay ms between two rounds; 0: never */
  constructor(sweep: () => Promise<void>, delay: number) {
    this.#sweep = sweep;
    this.#delay = Math.min(delay, LONGEST_DELAY);
    this.#stopped = delay === 0;
  }

  arm(): void {
    if (this.#timer !== undefined || this.#stopped) return;
    this.#timer = setTimeout(() => void this.#round(), this.#delay);
    this.#timer.unref();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** `sweep` does not reject: its owner reports what went wrong. */
  async #round(): Promise<void> {
    await this.#sweep();
    this.#timer = undefined;
    this.arm();
  }
}
