import { SessileError } from '../errors.js';
import { LONGEST_DELAY } from './options.js';
import type { RedisFace, Send } from './redis-client.js';

/** A command that waits for its answer, or before that for a connection. */
interface Waiting {
  readonly since: number;
  /** Sends it, if that was not done before. */
  readonly go: () => void;
  readonly fail: (error: unknown) => void;
}

const UNKNOWN = '; a write may or may not have been done';

/**
 * Commands with a time limit, over a client that somebody else opened. A command is sent only while there is a
 * connection: a client would else keep it, and send it when nobody waits for it any more. None is sent twice. One that
 * failed after it was sent may have been done by the server or not, or be done later; nobody can know.
 */
export class RedisLink {
  readonly #face: RedisFace;
  readonly #timeout: number;
  readonly #notice: (ready: boolean) => void;
  readonly #look = () => this.#lookAgain();
  readonly #check = () => this.#refuseLate();
  /** In the order in which they came, which is that of their limits: one timer is enough. */
  readonly #line = new Set<Waiting>();
  /** Keeps the process alive only while somebody waits. */
  #timer: NodeJS.Timeout | undefined;
  #wasReady: boolean;

  /**
   * @param timeout for the connection and the answer together, in ms
   * @param notice called each time the connection is lost or found again
   */
  constructor(face: RedisFace, timeout: number, notice: (ready: boolean) => void) {
    this.#face = face;
    this.#timeout = timeout;
    this.#notice = notice;
    this.#wasReady = face.isReady();
    for (const event of face.changes) face.client.on(event, this.#look);
  }

  /** @throws SessileError `SESSILE_IO` */
  readonly send: Send = (args) => this.#limited(this.#face.send, args);

  /** Each server's own commands. @throws SessileError `SESSILE_IO` */
  async nodes(): Promise<readonly Send[]> {
    const nodes = (await this.#limited(this.#face.nodes, [])) as readonly Send[];
    return nodes.map((node) => (args) => this.#limited(node, args));
  }

  close(): void {
    for (const event of this.#face.changes) this.#face.client.off(event, this.#look);
    clearTimeout(this.#timer);
  }

  #limited(send: Send, args: readonly string[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const settle = <T>(tell: (what: T) => void, what: T) => {
        if (!this.#line.delete(waiting)) return;
        if (this.#line.size === 0) this.#timer?.unref();
        tell(what);
      };
      const fail = (error: unknown) => settle(reject, error);
      let isSent = false;
      const go = () => {
        if (isSent) return;
        isSent = true;
        send(args).then(
          (answer) => settle(resolve, answer),
          (error) => fail(coded(error)),
        );
      };
      const waiting: Waiting = { since: performance.now(), go, fail };
      this.#enter(waiting);
    });
  }

  #enter(waiting: Waiting): void {
    this.#line.add(waiting);
    if (this.#timer === undefined) this.#timer = this.#checkIn(this.#timeout);
    else if (this.#line.size === 1) this.#timer.ref();
    if (!this.#face.isComing()) waiting.go();
  }

  #checkIn(ms: number): NodeJS.Timeout {
    return setTimeout(this.#check, Math.min(ms, LONGEST_DELAY));
  }

  #refuseLate(): void {
    const past = performance.now() - this.#timeout;
    const what = this.#face.isReady() ? 'did not answer' : 'could not be reached';
    this.#timer = undefined;
    for (const { since, fail } of this.#line) {
      if (since > past) {
        this.#timer = this.#checkIn(since - past);
        return;
      }
      fail(new SessileError('SESSILE_IO', `Redis ${what} within ${this.#timeout} ms${UNKNOWN}`));
    }
  }

  #lookAgain(): void {
    if (!this.#face.isReady()) this.#face.drop?.();
    if (!this.#face.isComing()) for (const { go } of this.#line) go();
    const isReady = this.#face.isReady();
    if (isReady === this.#wasReady) return;
    this.#wasReady = isReady;
    this.#notice(isReady);
  }
}

/** The server's own words are the cause alone: they may quote what was sent. */
function coded(cause: unknown): unknown {
  if (isNoScript(cause)) return cause;
  return new SessileError('SESSILE_IO', `A command of Redis failed${UNKNOWN}`, { cause });
}

/** The server does not know the script yet, or no longer; it has done nothing. */
export function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}
