import { companion } from './companion.js';

const sources = companion<object>();

/** Says that `promised` are the promises of `store`: they have neither its events nor a queue of their own. */
export function withSource<T extends object>(promised: T, store: object): T {
  sources.set(promised, store);
  return promised;
}

/** The store whose promises these are, or what was given. */
export function sourceOf(store: object): object {
  return sources.get(store) ?? store;
}
