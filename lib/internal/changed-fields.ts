import { isDeepStrictEqual } from 'node:util';
import { type Fields, mergeFields } from './merge-fields.js';
import { toText } from './record-store.js';

/** Fields that are changed in place, and what they were before: what somebody else changed meanwhile is merged in. */
export class ChangedFields {
  /** A copy, so that what is changed here is not what a store keeps. */
  readonly current: Fields;
  readonly #base: Fields;
  #isCleared = false;
  #isMarked = false;

  constructor(base: Fields) {
    this.#base = copy(base);
    this.current = copy(base);
  }

  /** Changed counts as changed, whatever the values are. */
  mark(): void {
    this.#isMarked = true;
  }

  clear(): void {
    for (const key of Object.keys(this.current)) delete this.current[key];
    this.#isMarked = true;
    this.#isCleared = true;
  }

  /** @throws SessileError `SESSILE_SERIALIZE` */
  isChanged(): boolean {
    return this.#isMarked || !isDeepStrictEqual(copy(this.current), this.#base);
  }

  /**
   * What is to be stored where `theirs` is stored now. After `clear` nothing of theirs is left.
   * @throws SessileError `SESSILE_SERIALIZE`
   */
  snapshot(): (theirs: Fields) => Fields {
    const ours = copy(this.current);
    return (theirs) => (this.#isCleared ? ours : mergeFields(this.#base, theirs, ours));
  }
}

/** As JSON keeps it. */
function copy(fields: Fields): Fields {
  return JSON.parse(toText(fields)) as Fields;
}
