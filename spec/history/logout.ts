import type { Request } from 'express';
import type { SessionOptions, Store } from 'express-session';
import { Random } from './random.js';
import { type Act, type AnySession, StagedApp } from './staged-app.js';

const sessionOf = (req: Request) => req.session as unknown as AnySession & Request['session'];

export const slow: Record<string, Act> = {
  writer: async (req, step) => {
    await step();
    sessionOf(req)['written'] = true;
    await step();
  },
  reader: async (_, step) => {
    await step();
    await step();
  },
  toucher: async (req, step) => {
    await step();
    req.session.touch();
    req.session.cookie.maxAge = 7_200_000;
    await step();
  },
  saver: async (req, step) => {
    await step();
    sessionOf(req)['saved'] = 1;
    await call(req, 'save');
    await step();
    sessionOf(req)['saved'] = 2;
  },
  /** express-session's reload fails where there is no session any more. */
  reloader: async (req, step) => {
    await step();
    sessionOf(req)['reloaded'] = 1;
    await step();
    await call(req, 'reload').catch(() => {});
    await step();
    sessionOf(req)['reloaded'] = 2;
  },
};

export const logouts: Record<string, Act> = {
  destroy: async (req, step) => {
    await step();
    await call(req, 'destroy');
    await step();
  },
  /** With `unset: 'destroy'`. */
  unset: async (req, step) => {
    await step();
    (req as { session?: unknown }).session = null;
  },
  regenerate: async (req, step) => {
    await step();
    await step();
    await call(req, 'regenerate');
  },
};

function call(req: Request, method: 'save' | 'reload' | 'destroy' | 'regenerate'): Promise<void> {
  return new Promise((resolve, reject) => {
    req.session[method]((error: unknown) => (error ? reject(error as Error) : resolve()));
  });
}

export interface Races {
  readonly rounds: number;
  readonly seed: number;
  readonly options?: Partial<SessionOptions>;
  /** Is anything of the ended session there? */
  readonly remains: (sid: string) => Promise<boolean>;
}

export interface Outcome {
  /** Rounds after which the session was there again. */
  readonly revived: string[];
  /** Answers other than 200. */
  readonly refused: string[];
}

/**
 * In each round one user logs in and out, while slow requests that had loaded the session before end in the middle of it
 * or later: a writer, a reader, a toucher, and by chance one that saves and one that reloads on the way.
 */
export async function raceLogouts(store: Store, { rounds, seed, options, remains }: Races): Promise<Outcome> {
  const app = await StagedApp.open(store, { unset: 'destroy', cookie: { maxAge: 3_600_000 }, ...options });
  const outcome: Outcome = { revived: [], refused: [] };
  try {
    for (let round = 0; round < rounds; round += 1) {
      const random = new Random(seed + round);
      const how = random.pick(Object.keys(logouts));
      const beside = Object.keys(slow).filter((_, i) => i < 3 || random.below(2) === 0);
      const what = `seed ${seed + round}: ${how} beside ${beside.join(', ')}`;
      const login = await app.alone((req) => {
        sessionOf(req)['user'] = 'ada';
      });
      const acts = [...beside.map((name) => slow[name] as Act), logouts[how] as Act];
      const answers = await app.together(acts, login.cookie as string, { random });
      for (const { status, body } of answers) if (status !== 200) outcome.refused.push(`${what}: ${status} ${body}`);
      if (await remains(login.body)) outcome.revived.push(what);
    }
  } finally {
    await app.close();
  }
  return outcome;
}
