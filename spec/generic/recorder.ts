import { type GenericStore, genericSession } from '../../lib/facade.js';

/** A store in generic-session's Store API that notes what it is called with, callbacks left out. */
export function recorder(): GenericStore & { readonly calls: unknown[][] } {
  const calls: unknown[][] = [];
  const store = genericSession.MemoryStore();
  const noted = Object.entries(store).map(([name, method]) => [
    name,
    (...args: unknown[]) => {
      calls.push([name, ...args.filter((arg) => typeof arg !== 'function')]);
      return (method as (...args: unknown[]) => unknown)(...args);
    },
  ]);
  return { ...(Object.fromEntries(noted) as GenericStore), calls };
}
