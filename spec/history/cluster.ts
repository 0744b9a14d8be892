import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { bundle } from '../support/bundle.js';
import { type ClusterOptions, type Go, type Parked, WORKER } from './cluster-messages.js';
import type { Random } from './random.js';
import type { StoreDescription } from './stores.js';

const PROCESSES = 4;

export interface ClusterAnswer {
  readonly status: number;
  /** The session id that the request ended with. */
  readonly body: string;
  readonly cookie: string | undefined;
  readonly worker: string;
}

let program: Promise<string> | undefined;

/**
 * An app of several processes behind one port, whose requests stop on a stage: a request goes on when it is told to. The
 * process of the spec is the primary of the cluster; every request has a connection of its own, and connections go to
 * the workers in turn.
 */
export class ClusterApp {
  readonly #workers: readonly Worker[];
  readonly #port: number;
  #parked: { name: string; worker: Worker }[] = [];
  #serial = 0;

  private constructor(workers: readonly Worker[], port: number) {
    this.#workers = workers;
    this.#port = port;
    for (const worker of workers) {
      worker.on('message', ({ parked }: Parked) => this.#parked.push({ name: parked, worker }));
    }
  }

  static async open(description: StoreDescription, options: ClusterOptions): Promise<ClusterApp> {
    program ??= bundle(new URL('./cluster-worker.ts', import.meta.url));
    cluster.setupPrimary({ exec: await program, execArgv: [] });
    const env = { SESSILE_CLUSTER: JSON.stringify({ description, options }) };
    const workers = Array.from({ length: PROCESSES }, () => cluster.fork(env));
    const ports = await Promise.all(workers.map((worker) => portOf(worker)));
    return new ClusterApp(workers, ports[0] as number);
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#workers.map((worker) => {
        const gone = once(worker, 'exit');
        worker.kill('SIGKILL');
        return gone;
      }),
    );
  }

  /** A request whose act has no step. */
  alone(act: string): Promise<ClusterAnswer> {
    return this.#send(act, undefined);
  }

  /**
   * Sends a request per act, all with one cookie, waits until each has loaded its session and stopped at its first step,
   * then lets them go on in an order that `random` decides, some of them at the same time.
   */
  async together(acts: readonly string[], cookie: string, random: Random): Promise<ClusterAnswer[]> {
    let open = acts.length;
    const answers = acts.map((act) =>
      this.#send(act, cookie).finally(() => {
        open -= 1;
      }),
    );
    while (this.#parked.length < acts.length && open === acts.length) await nextTurn();
    while (open > 0) {
      for (let count = 1 + random.below(3); count > 0; count -= 1) this.#release(random);
      for (let turns = random.below(4); turns > 0; turns -= 1) await nextTurn();
      while (open > 0 && this.#parked.length === 0) await nextTurn();
    }
    return Promise.all(answers);
  }

  #release(random: Random): void {
    const [next] = this.#parked.splice(random.below(this.#parked.length), 1);
    next?.worker.send({ go: next.name } satisfies Go);
  }

  async #send(act: string, cookie: string | undefined): Promise<ClusterAnswer> {
    const headers = { 'x-act': act, 'x-request': `${this.#serial++}`, ...(cookie !== undefined && { cookie }) };
    const sent = request({ host: '127.0.0.1', port: this.#port, headers, agent: false });
    sent.end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const body = await text(response);
    const setCookie = response.headers['set-cookie']?.[0]?.split(';')[0];
    return { status: response.statusCode ?? 0, body, cookie: setCookie, worker: String(response.headers[WORKER]) };
  }
}

async function portOf(worker: Worker): Promise<number> {
  const early = once(worker, 'exit').then(() => {
    throw new Error('A worker of the cluster ended before it listened');
  });
  early.catch(() => {});
  const [{ port }] = (await Promise.race([once(worker, 'listening'), early])) as [AddressInfo];
  return port;
}
