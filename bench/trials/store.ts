import type { Opened, StoreFace, Trial } from '../contract.js';
import { type Act, doAll } from '../lanes.js';
import { measureWithDelays } from '../latency.js';
import { type AppSession, makeIds, makeSession, renew } from '../sessions.js';

interface Filled {
  readonly sid: string;
  readonly session: AppSession;
}

type MakeAct = (store: StoreFace, filled: readonly Filled[]) => Act;

/** Given a store that is filled, make the operation that is measured. */
export const actOn = {
  set: (store, filled) => (index, done) => {
    const { sid, session } = at(filled, index);
    session.views = index;
    store.set(sid, session, done);
  },
  get: (store, filled) => (index, done) => {
    store.get(at(filled, index).sid, (error, found) => done(error ?? (found ? undefined : 'a session was not found')));
  },
  touch: (store, filled) => (index, done) => {
    const { sid, session } = at(filled, index);
    renew(session);
    store.touch(sid, session, done);
  },
} satisfies Record<string, MakeAct>;

export const set: Trial = callsOf({
  name: 'set',
  about: 'save of a session that is there and has changed',
  writes: 'save',
  act: actOn.set,
});

export const get: Trial = callsOf({ name: 'get', about: 'read of a session that is there', act: actOn.get });

export const touch: Trial = callsOf({
  name: 'touch',
  about: 'renewal of a session that is there',
  writes: 'touch',
  act: actOn.touch,
});

export const miss: Trial = callsOf({
  name: 'miss',
  about: 'read of an id that is unknown',
  act: (store, filled) => {
    const unknown = makeIds(filled.length);
    return (index, done) => {
      store.get(at(unknown, index), (error, found) => done(missed(error, found)));
    };
  },
});

export const mixed: Trial = callsOf({
  name: 'mixed',
  about: 'nine reads, then one save, of sessions that are there',
  writes: 'save',
  act: (store, filled) => {
    const [read, save] = [actOn.get(store, filled), actOn.set(store, filled)];
    return (index, done) => (index % 10 === 9 ? save : read)(index, done);
  },
});

export const update: Trial = callsOf({
  name: 'update',
  about: 'change of a session that is there: one atomic step where the store has an update, else get then set',
  writes: 'save',
  note: ({ update: atomic }) => (atomic ? undefined : 'get, then set'),
  act: (store, filled) => (index, done) => {
    const { sid } = at(filled, index);
    if (store.update) return store.update(sid, (found) => found && counted(found), done);
    store.get(sid, (error, found) => {
      if (error || !found) done(error ?? 'a session was not found');
      else store.set(sid, counted(found as AppSession), done);
    });
  },
});

function counted(session: AppSession): AppSession {
  session.views = (session.views ?? 0) + 1;
  return session;
}

interface Calls extends Omit<Trial, 'run'> {
  act: MakeAct;
  note?(store: StoreFace): string | undefined;
}

/** A trial that calls a store by hand, through its callbacks. */
function callsOf({ act, note, ...trial }: Calls): Trial {
  return {
    ...trial,
    async run(opened, load) {
      const filled = await fill(opened, load.sessions, load.bytes);
      const sample = await measureWithDelays(act(opened.store, filled), load);
      const said = note?.(opened.store);
      return said === undefined ? sample : { ...sample, note: said };
    },
  };
}

/** More ids than that share objects: a million of the benchmark's own would not leave memory to the store. */
const OBJECTS = 50_000;

/** Puts sessions into a store. Ids are random, so that going through them in order is no pattern. */
export async function fill({ store }: Opened, count: number, bytes: number): Promise<Filled[]> {
  const sessions = Array.from({ length: Math.min(count, OBJECTS) }, () => makeSession(bytes));
  const filled = makeIds(count).map((sid, index) => ({ sid, session: at(sessions, index) }));
  await doAll((index, done) => store.set(at(filled, index).sid, at(filled, index).session, done), count, 64);
  return filled;
}

function at<T>(list: readonly T[], index: number): T {
  return list[index % list.length] as T;
}

/** express-session takes an error `ENOENT` for a miss. */
function missed(error: unknown, found: unknown): unknown {
  if (error && (error as NodeJS.ErrnoException).code !== 'ENOENT') return error;
  return found ? 'an unknown id was found' : undefined;
}
