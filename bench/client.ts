import { Client } from 'undici';
import { Disqualified, type Outcome, WARM } from './contract.js';
import { measureLatency } from './latency.js';

/** What the client process is told. */
export interface ClientJob {
  readonly port: number;
  readonly path: 'read' | 'write';
  readonly connections: number;
  readonly seconds: number;
  readonly warmUp: number;
  readonly operations: number;
}

interface Answer {
  readonly user?: string;
  readonly views?: number;
}

/** A person with a browser: one connection, one session, one request at a time. */
class Visitor {
  readonly #client: Client;
  readonly #user: string;
  #cookie = '';
  #views = 0;

  constructor(port: number, user: string) {
    this.#client = new Client(`http://127.0.0.1:${port}`);
    this.#user = user;
  }

  async logIn(): Promise<void> {
    const { headers, body } = await this.#client.request({ method: 'POST', path: `/login?user=${this.#user}` });
    await body.dump();
    const [cookie] = [headers['set-cookie'] ?? []].flat();
    if (cookie === undefined) throw new Disqualified('the app set no session cookie');
    this.#cookie = cookie.split(';', 1)[0] as string;
  }

  /** Every answer is compared with what this visitor did before: no acknowledged change may be missing. */
  async visit(path: ClientJob['path']): Promise<void> {
    const { statusCode, body } = await this.#client.request({
      method: 'GET',
      path: `/${path}`,
      headers: { cookie: this.#cookie },
    });
    if (statusCode !== 200)
      throw new Disqualified(`the app answered ${statusCode}: ${(await body.text()).slice(0, 200)}`);
    const { user, views } = (await body.json()) as Answer;
    if (path === 'write') this.#views += 1;
    if (user === this.#user && views === this.#views) return;
    throw new Disqualified(`the session was lost: ${user} ${views} instead of ${this.#user} ${this.#views}`);
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

async function run({ port, path, connections, ...bounds }: ClientJob): Promise<Outcome> {
  const visitors = Array.from({ length: connections }, (_, index) => new Visitor(port, `visitor${index}`));
  try {
    for (const visitor of visitors) await visitor.logIn();
    for (const step of ['read', 'write', 'read'] as const) await visitors[0]?.visit(step);
    const load = { sessions: 0, bytes: 0, connections, concurrency: connections, ...bounds };
    const sample = await measureLatency(takingTurns(visitors, path), load, () => process.send?.(WARM));
    return { sample };
  } catch (error) {
    return { disqualified: (error as Error).message };
  } finally {
    await Promise.all(visitors.map((visitor) => visitor.close()));
  }
}

/** There are as many requests under way as visitors, so one of them is always free. */
function takingTurns(visitors: readonly Visitor[], path: ClientJob['path']) {
  const free = [...visitors];
  return (_: number, done: (error?: unknown) => void) => {
    const visitor = free.shift() as Visitor;
    visitor.visit(path).then(
      () => {
        free.push(visitor);
        done();
      },
      (error: unknown) => done(error),
    );
  };
}

process.on('disconnect', () => process.exit());
const outcome = await run(JSON.parse(process.argv[2] as string) as ClientJob);
process.send?.(outcome, () => process.disconnect());
