import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, type OutgoingHttpHeaders, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import express, { type NextFunction, type Request, type Response } from 'express';
import session, { type SessionData, type SessionOptions, type Store } from 'express-session';
import type { Random } from './random.js';

export type AnySession = SessionData & Record<string, unknown>;

/** What one request does; at each `step` it waits until it is its turn. */
export type Act = (req: Request, step: () => Promise<void>) => Promise<void> | void;

export interface Answer {
  readonly status: number;
  /** The session id that the request ended with. */
  readonly body: string;
  readonly cookie: string | undefined;
}

/**
 * An Express app with unmodified express-session, behind a real server, whose requests stop on a stage. Nothing here
 * depends on time: a request goes on when it is told to.
 */
export class StagedApp {
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #acts = new Map<string, Act>();
  #parked: { act: Act; go: () => void }[] = [];
  #serial = 0;

  private constructor(store: Store, options: Partial<SessionOptions>) {
    const app = express();
    app.use(session({ secret: 'spec', saveUninitialized: false, resave: false, ...options, store }));
    app.use((req: Request, res: Response, next: NextFunction) => {
      this.#play(req).then(() => res.end(req.sessionID), next);
    });
    app.use((error: Error, _req: Request, res: Response, _next: NextFunction) => {
      res.status(500).end(String(error));
    });
    this.#server = createServer(app);
  }

  static async open(store: Store, options: Partial<SessionOptions> = {}): Promise<StagedApp> {
    const app = new StagedApp(store, options);
    app.#server.listen(0, '127.0.0.1');
    await once(app.#server, 'listening');
    return app;
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  /** A request with nobody beside it: no step waits. */
  async alone(act: Act, cookie?: string): Promise<Answer> {
    return this.#send((req) => act(req, () => Promise.resolve()), cookie);
  }

  /**
   * Sends a request per act, all with one cookie, waits until each has loaded its session and stopped at its first step,
   * then lets them go on in an order that `random` decides, some turns of the event loop apart or none.
   * @param last the act whose first step is the last: then all go on from there at once
   */
  async together(
    acts: readonly Act[],
    cookie: string,
    { random, last }: { random: Random; last?: Act },
  ): Promise<Answer[]> {
    let open = acts.length;
    const answers = acts.map(async (act) => {
      try {
        return await this.#send(act, cookie);
      } finally {
        open -= 1;
      }
    });
    while (this.#parked.length < acts.length && open === acts.length) await nextTurn();
    if (last !== undefined) this.#releaseAll(random, last);
    while (open > 0) {
      this.#parked.splice(random.below(this.#parked.length), 1)[0]?.go();
      for (let turns = random.below(4); turns > 0; turns -= 1) await nextTurn();
      while (open > 0 && this.#parked.length === 0) await nextTurn();
    }
    return Promise.all(answers);
  }

  #releaseAll(random: Random, last: Act): void {
    const all = random.shuffled(this.#parked.splice(0));
    for (const { go } of all.filter(({ act }) => act !== last)) go();
    for (const { go } of all.filter(({ act }) => act === last)) go();
  }

  async #play(req: Request): Promise<void> {
    const act = this.#acts.get(req.headers['x-act'] as string) as Act;
    const step = () => new Promise<void>((go) => this.#parked.push({ act, go }));
    await act(req, step);
  }

  async #send(act: Act, cookie: string | undefined): Promise<Answer> {
    const name = `${this.#serial++}`;
    this.#acts.set(name, act);
    const headers: OutgoingHttpHeaders = { 'x-act': name, ...(cookie !== undefined && { cookie }) };
    const { port } = this.#server.address() as AddressInfo;
    const sent = request({ host: '127.0.0.1', port, headers, agent: this.#agent });
    sent.end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const body = await text(response);
    this.#acts.delete(name);
    return { status: response.statusCode ?? 0, body, cookie: response.headers['set-cookie']?.[0]?.split(';')[0] };
  }
}
