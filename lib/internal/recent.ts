/**
 * Remembers what it was shown lately: at least the last `least` values and at most twice as many. For walks of SCAN,
 * which may show a key again when the server's table shrinks meanwhile: it walks the table in an order in which the
 * buckets that become one follow each other, so that what is shown again was shown a short while ago.
 */
export class Recent {
  readonly #least: number;
  #young = new Set<string>();
  #old = new Set<string>();

  constructor(least: number) {
    this.#least = least;
  }

  /** Whether `value` is new here; it is remembered from now on. */
  add(value: string): boolean {
    if (this.#young.has(value) || this.#old.has(value)) return false;
    if (this.#young.size >= this.#least) {
      this.#old = this.#young;
      this.#young = new Set();
    }
    this.#young.add(value);
    return true;
  }
}
