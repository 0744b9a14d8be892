import { createSpinner } from 'nanospinner';

/** Where the run is and how long it will take, on a terminal; nothing where there is none. */
export class Progress {
  readonly #spinner = process.stderr.isTTY ? createSpinner('', { stream: process.stderr }).start() : undefined;
  readonly #steps: number;
  readonly #start = Date.now();
  #done = 0;

  constructor(steps: number) {
    this.#steps = steps;
  }

  step(text: string): void {
    this.#spinner?.update(`${this.#done + 1}/${this.#steps}  ${text}${this.#left()}`);
    this.#done += 1;
  }

  end(): void {
    this.#spinner?.stop({ text: `${this.#done} of ${this.#steps} measurements` });
  }

  #left(): string {
    if (this.#done === 0) return '';
    const seconds = (((Date.now() - this.#start) / this.#done) * (this.#steps - this.#done)) / 1_000;
    return seconds < 90 ? `, ${Math.round(seconds)} s left` : `, ${Math.round(seconds / 60)} min left`;
  }
}
