/** Counts the acts that have not ended yet. */
export class InFlight {
  #count = 0;
  #waiting: (() => void)[] = [];

  begin(): void {
    this.#count += 1;
  }

  end(): void {
    this.#count -= 1;
    if (this.#count > 0 || this.#waiting.length === 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  track<T>(promise: PromiseLike<T>): Promise<T> {
    this.begin();
    const end = () => this.end();
    const tracked = Promise.resolve(promise);
    tracked.then(end, end);
    return tracked;
  }

  /** When nothing is under way any more. */
  drained(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
