import type { PromiseStore } from '../../lib/bridge.js';

type Thunk<T> = (done: (error: unknown, value?: T) => void) => void;

/** What the stores of this file keep, and for how long each session was to live. */
export class Kept {
  readonly texts = new Map<string, string>();
  readonly lifetimes = new Map<string, unknown>();

  read(sid: string): object | null {
    const text = this.texts.get(sid);
    return text === undefined ? null : (JSON.parse(text) as object);
  }

  write(sid: string, session: object, lifetime: unknown): void {
    this.texts.set(sid, JSON.stringify(session));
    this.lifetimes.set(sid, lifetime);
  }

  all(): Record<string, unknown> {
    return Object.fromEntries([...this.texts].map(([sid, text]) => [sid, JSON.parse(text) as unknown]));
  }
}

/** The same store in each of the ways in which frameworks let a store answer. */
export const waysToAnswer = {
  promises: (kept) => ({
    get: async (sid) => kept.read(sid),
    set: async (sid, session, lifetime) => kept.write(sid, session, lifetime),
    destroy: async (sid) => kept.texts.delete(sid),
    touch: async (sid, { cookie }, lifetime) => {
      const session = kept.read(sid);
      if (session) kept.write(sid, { ...session, cookie }, lifetime);
    },
    clear: async () => kept.texts.clear(),
    length: async () => kept.texts.size,
    all: async () => kept.all(),
    ids: async () => [...kept.texts.keys()],
  }),
  generators: (kept) => ({
    *get(sid) {
      const session: unknown = yield Promise.resolve(kept.read(sid));
      return session;
    },
    *set(sid, session, lifetime) {
      yield later();
      kept.write(sid, session, lifetime);
    },
    *destroy(sid) {
      yield later();
      kept.texts.delete(sid);
    },
  }),
  thunks: (kept) => ({
    get: (sid) => thunk(() => kept.read(sid)),
    set: (sid, session, lifetime) => thunk(() => kept.write(sid, session, lifetime)),
    destroy: (sid) => thunk(() => void kept.texts.delete(sid)),
  }),
  values: (kept) => ({
    get: (sid) => kept.read(sid),
    set: (sid, session, lifetime) => kept.write(sid, session, lifetime),
    destroy: (sid) => void kept.texts.delete(sid),
  }),
} satisfies Readonly<Record<string, (kept: Kept) => PromiseStore>>;

function thunk<T>(act: () => T): Thunk<T> {
  return (done) => void setImmediate(() => done(null, act()));
}

function later(): Thunk<void> {
  return thunk(() => {});
}
