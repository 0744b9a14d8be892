/**
 * One of the processes of a run (see run.ts): opens a store, waits for the start, does its part of the plan, and writes
 * down what it does. Every line is one write to a file, made before an operation starts and after it has ended, so that
 * the record outlives a SIGKILL.
 */
import { openSync, writeSync } from 'node:fs';
import type { SessionData } from 'express-session';
import type { SessionStore } from '../../lib/store.js';
import type { Held } from './checker.js';
import { Random } from './random.js';
import { openStore, type StoreDescription } from './stores.js';

/** Each chain does its operations one after the other; `inFlight` chains run at once in every process. Default: 1. */
interface Shared {
  readonly ids: readonly string[];
  /** Operations per chain. */
  readonly operations: number;
  readonly seed: number;
  readonly inFlight?: number;
}

export type Plan =
  /** Fetch-and-add on `ids`, through `update`. */
  | (Shared & { readonly kind: 'add' })
  /** Any of get, set, touch and destroy; sets and touches give up to `lifetime` ms; `prune`: and a prune now and then. */
  | (Shared & { readonly kind: 'mix'; readonly lifetime: number; readonly prune?: boolean });

export interface Job {
  readonly worker: number;
  readonly store: StoreDescription;
  readonly plan: Plan;
  readonly log: string;
  readonly clock: Clock;
}

/** Time of all processes of one run: `process.hrtime` at `origin` is `epoch` ms. */
export interface Clock {
  readonly origin: string;
  readonly epoch: number;
}

export type Body =
  /** `calls`: how often the change was called until its answer was stored. */
  | { readonly kind: 'add'; readonly returned: number; readonly calls: number }
  | { readonly kind: 'get'; readonly found: Held | undefined }
  | { readonly kind: 'set'; readonly value: string; readonly expires: number }
  | { readonly kind: 'touch'; readonly expires: number }
  | { readonly kind: 'destroy' };

/** Times and deadlines in ns since the clock's origin. */
export type Line =
  | {
      readonly serial: number;
      readonly start: number;
      readonly id: string;
      readonly chain: string;
      readonly body: Body;
    }
  | { readonly serial: number; readonly start: number; readonly end: number; readonly body: Body }
  | { readonly serial: number; readonly failed: string };

const NS = 1e6;

class Worker {
  readonly #job: Job;
  readonly #store: SessionStore;
  readonly #log: number;
  readonly #origin: bigint;
  #serial = 0;

  constructor(job: Job) {
    this.#job = job;
    this.#origin = BigInt(job.clock.origin);
    this.#log = openSync(job.log, 'a');
    const now = () => job.clock.epoch + Math.floor(this.#elapsed() / NS);
    this.#store = openStore(job.store, { now, pruneInterval: 0 });
  }

  async run(): Promise<void> {
    const { plan, worker } = this.#job;
    const chains = Array.from({ length: plan.inFlight ?? 1 }, (_, i) => `${worker}.${i}`);
    await Promise.all(
      chains.map((chain, i) => this.#chain(chain, new Random(plan.seed + worker * 7_919 + i * 104_729))),
    );
    await this.#store.closeAsync();
  }

  async #chain(chain: string, random: Random): Promise<void> {
    const { plan } = this.#job;
    for (let i = 0; i < plan.operations; i += 1) {
      const id = random.pick(plan.ids);
      if (plan.kind === 'add') await this.#record(chain, id, { kind: 'add', returned: -1, calls: 0 });
      else if (plan.prune && random.below(20) === 0) await this.#store.pruneAsync();
      else await this.#record(chain, id, this.#any(random, plan.lifetime, `${chain}:${i}`));
    }
  }

  #any(random: Random, lifetime: number, value: string): Body {
    const expires = (Math.floor(this.#elapsed() / NS) + random.below(lifetime)) * NS;
    switch (random.below(8)) {
      case 0:
        return { kind: 'destroy' };
      case 1:
      case 2:
        return { kind: 'touch', expires };
      case 3:
      case 4:
        return { kind: 'set', value, expires };
      default:
        return { kind: 'get', found: undefined };
    }
  }

  async #record(chain: string, id: string, body: Body): Promise<void> {
    const serial = this.#serial++;
    this.#write({ serial, start: this.#elapsed(), id, chain, body });
    const start = this.#elapsed();
    try {
      const outcome = await this.#perform(id, body);
      this.#write({ serial, start, end: this.#elapsed(), body: outcome });
    } catch (error) {
      const { code, message } = error as { code?: string; message?: string };
      this.#write({ serial, failed: `${code ?? ''} ${message ?? String(error)}` });
    }
  }

  async #perform(id: string, body: Body): Promise<Body> {
    switch (body.kind) {
      case 'add':
        return { kind: 'add', ...(await this.#add(id)) };
      case 'get':
        return { kind: 'get', found: this.#held(await this.#store.getAsync(id)) };
      case 'set':
        await this.#store.setAsync(id, this.#session(body.expires, { value: body.value }));
        return body;
      case 'touch':
        await this.#store.touchAsync(id, this.#session(body.expires, {}));
        return body;
      case 'destroy':
        await this.#store.destroyAsync(id);
        return body;
    }
  }

  async #add(id: string): Promise<{ returned: number; calls: number }> {
    let returned = -1;
    let calls = 0;
    await this.#store.updateAsync(id, (session) => {
      calls += 1;
      returned = (session as { count?: number } | undefined)?.count ?? 0;
      return { count: returned + 1 } as unknown as SessionData;
    });
    return { returned, calls };
  }

  #session(expires: number, fields: object): SessionData {
    const date = new Date(this.#job.clock.epoch + expires / NS);
    return { cookie: { originalMaxAge: 1, expires: date }, ...fields } as SessionData;
  }

  #held(session: SessionData | undefined): Held | undefined {
    if (session === undefined) return undefined;
    const { value } = session as unknown as { value: string };
    return { value, expires: (Number(session.cookie.expires) - this.#job.clock.epoch) * NS };
  }

  #write(line: Line): void {
    writeSync(this.#log, `${JSON.stringify(line)}\n`);
  }

  #elapsed(): number {
    return Number(process.hrtime.bigint() - this.#origin);
  }
}

process.once('message', (job: Job) => {
  const worker = new Worker(job);
  process.once('message', () => {
    void worker.run().then(() => process.disconnect());
  });
  process.send?.('ready');
});
