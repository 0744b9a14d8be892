import type { SessionStore } from '../../../lib/store.js';
import { Gate } from '../http/app.js';
import type { JourneyId } from './cases.js';

/** One framework with one way to give it a store. Adding a framework is writing one of these. */
export interface Face {
  /** A row of the matrix. */
  readonly name: string;
  /** Cases that the framework cannot do whatever the store, and why. */
  readonly cannot?: Partial<Record<JourneyId, string>>;
  start(settings: Settings): Promise<Running>;
}

export interface Settings {
  readonly store: SessionStore;
  /** How long a session lives, in ms. */
  readonly maxAge: number;
  /** Whether each answer renews the session. */
  readonly rolling: boolean;
  /** The clock, in ms since the epoch: `Date.now` is the same one, for what reads that at the moment of use. */
  readonly now: () => number;
  /** The app's only route: what to answer, as JSON, to a request for this path. What it throws is a failed request. */
  readonly answer: (path: string, visit: Visit) => Promise<Fields>;
}

export type Fields = Record<string, unknown>;

/** What a request does with its session, in the words of its framework. Each may answer with a promise. */
export interface Visit {
  /** What the app keeps in the session. */
  read(): unknown;
  /** Sets these keys. */
  write(fields: Fields): unknown;
  remove(key: string): unknown;
  /** A new id, as at a login; absent where the framework has no such thing. */
  regenerate?(): unknown;
  /** Logs out. */
  end(): unknown;
}

export interface Running {
  readonly port: number;
  close(): Promise<void>;
}

/** The requests that a journey is made of, and the gates at which some of them wait. */
export class Route {
  readonly #gates = new Map<string, Gate>();

  gate(name: string): Gate {
    const gate = this.#gates.get(name) ?? new Gate();
    this.#gates.set(name, gate);
    return gate;
  }

  async answer(path: string, visit: Visit): Promise<Fields> {
    const { pathname, searchParams } = new URL(path, 'http://journey');
    const fields = Object.fromEntries(searchParams);
    const act = pathname.slice(1);
    if (act === 'set') await visit.write(fields);
    if (act === 'unset') for (const key of Object.keys(fields)) await visit.remove(key);
    if (act === 'login') {
      await visit.regenerate?.();
      await visit.write(fields);
    }
    if (act === 'slow') {
      const { gate = '', ...late } = fields;
      await visit.read();
      await this.gate(gate).pass();
      if (Object.keys(late).length > 0) await visit.write(late);
    }
    if (act !== 'logout') return { ...((await visit.read()) as Fields) };
    await visit.end();
    return {};
  }
}
