const RealDate = Date;

/** Makes `now` the time of day, of `new Date()` too, for packages that take no clock; answers how to undo that. */
export function setTimeOfDay(now: () => number): () => void {
  globalThis.Date = new Proxy(RealDate, {
    construct: (made, args: []) => (args.length === 0 ? new made(now()) : new made(...args)),
    get: (from, name) => (name === 'now' ? now : Reflect.get(from, name)),
  });
  return () => {
    globalThis.Date = RealDate;
  };
}
