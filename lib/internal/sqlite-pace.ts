/** How many steps go into the log at most before it is emptied. */
const MOST_STEPS = 16;
/** What nobody minds that everybody waits, in ms; twice as much is too long. */
const SHORT_WAIT = 2;
/** The longest rest after the log was emptied, in ms. */
const LONGEST_REST = 200;

/**
 * How often to empty the log during work that nobody waits for. That waits for the disk, and everybody waits meanwhile:
 * mostly the longer the more steps there were (of a million sessions 4 ms after one, 25 after 16), but on a slow disk as
 * long for one as for all. So it is done as often as keeps it short, and where it is long anyhow, seldom.
 */
export class LogPace {
  #stepsAtOnce = 1;
  #last: { readonly steps: number; readonly waited: number } | undefined;

  /** After how many steps to empty the log. */
  get stepsAtOnce(): number {
    return this.#stepsAtOnce;
  }

  /**
   * @param waited how long emptying the log has just taken, in ms
   * @returns how long to leave the event loop to others now, in ms
   */
  emptied(waited: number): number {
    const isLong = waited > 2 * SHORT_WAIT;
    const steps = this.#stepsAtOnce;
    if (waited < SHORT_WAIT) this.#stepsAtOnce = Math.min(steps + 1, MOST_STEPS);
    if (isLong)
      this.#stepsAtOnce = this.#helpsToHalve(steps, waited) ? Math.ceil(steps / 2) : Math.min(2 * steps, MOST_STEPS);
    this.#last = { steps, waited };
    return Math.min(1 + (isLong ? 10 : 3) * waited, LONGEST_REST);
  }

  #helpsToHalve(steps: number, waited: number): boolean {
    const last = this.#last;
    if (steps === 1) return false;
    if (last === undefined || last.steps === steps) return true;
    const [few, many] = last.steps < steps ? [last.waited, waited] : [waited, last.waited];
    return many > 1.1 * few;
  }
}
