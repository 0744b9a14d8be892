import { companion } from './companion.js';

type Fields = Readonly<Record<string, unknown>>;

/** Of a class of its own: what a store saves of it, it takes for a framework's session object and not for plain data. */
class Standin {
  [key: string]: unknown;
}

interface Following {
  readonly standin: Standin;
  /** What the framework was not given, and what is saved with whatever it has. */
  readonly hidden: Fields;
}

/**
 * For frameworks whose session object cannot be saved as it is, because its cookie has other units or its data another
 * shape: each has one stand-in, always the same, that is saved in its stead and carries the baseline.
 */
export class Standins {
  readonly #carry: (from: object, to: object) => void;
  readonly #following = companion<Following>();

  constructor(carry: (from: object, to: object) => void) {
    this.#carry = carry;
  }

  /**
   * Says that `object` was made of `from`, which the store answered.
   *
   * @param hidden of `from`, what `object` did not get: saves leave it as it is
   */
  follow(from: object, object: object, hidden: Fields = {}): void {
    const standin = fill(new Standin(), Object.entries(from));
    this.#carry(from, standin);
    this.#following.set(object, { standin, hidden });
  }

  isFollowed(object: object): boolean {
    return this.#following.get(object) !== undefined;
  }

  /** What to save for `object`, which holds `fields` now. To be read at once: the next save changes it. */
  of(object: object, fields: Fields): object {
    if (!this.isFollowed(object)) this.#following.set(object, { standin: new Standin(), hidden: {} });
    const { standin, hidden } = this.#following.get(object) as Following;
    for (const key of Object.keys(standin)) delete standin[key];
    return fill(standin, [...Object.entries(hidden), ...Object.entries(fields)]);
  }
}

/** By definition and not by assignment, so that a key named `__proto__` stays a key. */
function fill(standin: Standin, fields: readonly (readonly [string, unknown])[]): Standin {
  for (const [key, value] of fields) {
    Object.defineProperty(standin, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return standin;
}
