/** Longer keys are not remembered: those who make them up must not fill the memory. */
const LONGEST_KEY = 256;

/** What `make` makes of a key, without making it again for those asked for lately: the last `least`, and at most twice as many. */
export class Memo<T extends {}> {
  readonly #least: number;
  readonly #make: (key: string) => T;
  #young = new Map<string, T>();
  #old = new Map<string, T>();

  constructor(least: number, make: (key: string) => T) {
    this.#least = least;
    this.#make = make;
  }

  of(key: string): T {
    const known = this.#young.get(key);
    if (known !== undefined) return known;
    const made = this.#old.get(key) ?? this.#make(key);
    if (key.length <= LONGEST_KEY) this.#remember(key, made);
    return made;
  }

  #remember(key: string, made: T): void {
    if (this.#young.size >= this.#least) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(copyOf(key), made);
  }
}

/** A string that was cut out of another one, such as a cookie header, keeps all of that in memory. */
function copyOf(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}
