import { SessileError } from '../errors.js';
import { nextTurn } from './next-turn.js';
import type { Send } from './redis-client.js';
import { redate, redateAll, run } from './redis-scripts.js';

/** What the script {@link redate} is told of one key. */
export interface Redating {
  readonly key: string;
  readonly head: string;
  readonly tail: string;
  readonly date: string;
  /** The one that the present date must be after. */
  readonly after: string;
  /** In ms. */
  readonly lease: string;
}

interface Waiting extends Redating {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** How many keys one command moves at most: a server does nothing else meanwhile, for a few us each. */
const MOST = 64;

/**
 * Touches of one turn of the event loop in one command: each key is still a step of its own. A command for each would cost
 * this process and the server several times as much.
 */
export class RedisTouches {
  readonly #send: Send;
  #oneKey: boolean;
  #waiting: Waiting[] = [];
  readonly #flush = () => this.#sendAll();

  /** @param oneKey whether a command must concern one key alone */
  constructor(send: Send, oneKey: boolean) {
    this.#send = send;
    this.#oneKey = oneKey;
  }

  /** What {@link redate} answers. */
  redate(redating: Redating): Promise<unknown> {
    if (this.#oneKey) return this.#redateOne(redating);
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ ...redating, resolve, reject }) === 1) nextTurn(this.#flush);
    });
  }

  #sendAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let at = 0; at < waiting.length; at += MOST) void this.#sendGroup(waiting.slice(at, at + MOST));
  }

  async #sendGroup(group: readonly Waiting[]): Promise<void> {
    if (group.length === 1 || this.#oneKey) return this.#sendEach(group);
    const args = group.flatMap(({ head, tail, date, after, lease }) => [head, tail, date, after, lease]);
    try {
      const keys = group.map(({ key }) => key);
      const answers = (await run(this.#send, redateAll, [...keys, ...args], keys.length)) as unknown[];
      for (const [at, { resolve }] of group.entries()) resolve(answers[at]);
    } catch (error) {
      const reply = replyIn(error);
      if (reply === undefined) for (const { reject } of group) reject(error);
      else this.#sendApart(group, reply);
    }
  }

  /** A key that is no text fails alone; and a server with slots refuses what concerns several keys, each time. */
  #sendApart(group: readonly Waiting[], reply: string): void {
    if (reply.startsWith('CROSSSLOT')) this.#oneKey = true;
    this.#sendEach(group);
  }

  #sendEach(group: readonly Waiting[]): void {
    for (const each of group) this.#redateOne(each).then(each.resolve, each.reject);
  }

  #redateOne({ key, head, tail, date, after, lease }: Redating): Promise<unknown> {
    return run(this.#send, redate, [key, head, tail, date, after, lease]);
  }
}

/** What the server answered in place of a result, or undefined where that is not known. A touch may be done twice. */
function replyIn(error: unknown): string | undefined {
  const cause = error instanceof SessileError ? error.cause : error;
  return cause instanceof Error && /^[A-Z]{3,} /.test(cause.message) ? cause.message : undefined;
}
