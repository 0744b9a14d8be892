import { companion } from './companion.js';
import { Standins } from './standins.js';

/** A store of ours, as far as it is needed here. */
export interface Records<R extends object> {
  getAsync(sid: string): Promise<R | undefined>;
  setAsync(sid: string, record: R): Promise<void>;
  destroyAsync(sid: string): Promise<void>;
  carry(from: object, to: object): void;
}

/**
 * A store for frameworks that save another object than they loaded. Whoever loads a record may *hold* it by an object of
 * his own, a request's context say; what is saved with the same holder starts from what was loaded: the store merges it,
 * and drops it where the record is gone.
 */
export class CarriedRecords<R extends object> {
  readonly #store: Records<R>;
  readonly #standins: Standins;
  readonly #held = companion<Map<string, R>>();

  constructor(store: Records<R>) {
    this.#store = store;
    this.#standins = new Standins((from, to) => store.carry(from, to));
  }

  load(sid: string): Promise<R | undefined> {
    return this.#store.getAsync(sid);
  }

  hold(sid: string, loaded: R, holder: object): void {
    this.#standins.follow(loaded, loaded);
    const held = this.#held.get(holder) ?? new Map<string, R>();
    this.#held.set(holder, held.set(sid, loaded));
  }

  /** What this holder loaded under this id. */
  loadedBy(sid: string, holder: object | undefined): R | undefined {
    return holder && this.#held.get(holder)?.get(sid);
  }

  save(sid: string, record: R, holder?: object): Promise<void> {
    const loaded = this.loadedBy(sid, holder);
    const saved = loaded === undefined ? record : this.#standins.of(loaded, record as Record<string, unknown>);
    return this.#store.setAsync(sid, saved as R);
  }

  /**
   * Its holders keep holding it, the one that ends it too: what a framework still saves under this id, because nobody
   * waited for its end, is dropped like what others save.
   */
  end(sid: string): Promise<void> {
    return this.#store.destroyAsync(sid);
  }
}
