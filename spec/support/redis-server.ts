import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** A redis-server of the spec's own, on a free port of 127.0.0.1, with a directory of its own. */
export interface RedisServer {
  readonly port: number;
  /** `redis://127.0.0.1:<port>` */
  readonly url: string;
  /** After {@link stop} or {@link kill}: again on the same port, with what is on its disk. */
  start(): Promise<void>;
  /** Lets it end by itself (SIGTERM); what it persists is on its disk then. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Ends it for good and removes its directory. */
  remove(): Promise<void>;
}

/** How long a server on a busy machine may take to start or to end, in ms. */
const PATIENCE = 30_000;

/**
 * Starts a server that keeps everything in memory.
 *
 * @param args more arguments, that of a persistent one say: `['--appendonly', 'yes', '--appendfsync', 'always']`
 */
export async function redisServer(args: readonly string[] = []): Promise<RedisServer> {
  const dir = mkdtempSync(join(tmpdir(), 'sessile-redis-'));
  try {
    return await onFreePort(dir, args);
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
}

/**
 * For a `before`: the reason why there can be no server is printed and the tests are skipped; in continuous integration
 * that is a failure.
 */
export function needRedis(test: Mocha.Context): void {
  const { status, error } = spawnSync('redis-server', ['--version']);
  if (status === 0) return;
  const reason = `redis-server cannot be run here: ${error?.message ?? `it ended with ${status}`}`;
  if (process.env['CI'] === 'true') throw new Error(reason);
  console.log(`      skipped: ${reason}`);
  test.skip();
}

/** Between asking for a free port and using it somebody else may take it: then another one is tried. */
async function onFreePort(dir: string, args: readonly string[]): Promise<RedisServer> {
  let failure: unknown;
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const server = new OwnServer(dir, await freePort(), args);
    try {
      await server.start();
      return server;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

class OwnServer implements RedisServer {
  readonly port: number;
  readonly #dir: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;

  constructor(dir: string, port: number, args: readonly string[]) {
    this.port = port;
    this.#dir = dir;
    const usual = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--daemonize', 'no'];
    this.#args = [...usual, '--loglevel', 'warning', ...args];
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    if (this.#child !== undefined) throw new Error('The redis-server runs already');
    const child = spawn('redis-server', this.#args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const orphaned = () => child.kill('SIGKILL');
    process.once('exit', orphaned);
    child.once('close', () => process.off('exit', orphaned));
    const said = Promise.all([text(child.stdout), text(child.stderr)]);
    if (!(await isReady(this.port, child))) {
      child.kill('SIGKILL');
      throw new Error(`redis-server did not start: ${(await said).join('\n')}`);
    }
    this.#child = child;
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async remove(): Promise<void> {
    await this.#end('SIGKILL');
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'close', { signal: AbortSignal.timeout(PATIENCE) });
    child.kill(signal);
    await closed;
  }
}

/** Whoever listens on the port has to be this very child, and to have loaded what is on its disk. */
async function isReady(port: number, child: ChildProcess): Promise<boolean> {
  const limit = performance.now() + PATIENCE;
  while (performance.now() < limit && child.exitCode === null) {
    const answer = await ask(port, 'INFO\r\n').catch(() => '');
    if (answer.includes(`process_id:${child.pid}\r`) && answer.includes('loading:0\r')) return true;
    await sleep(20);
  }
  return false;
}

function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(command));
    socket.setTimeout(1_000, () => socket.destroy(new Error('no answer')));
    socket.once('error', reject);
    text(socket).then(resolve, reject);
  });
}

/**
 * A server that is stopped and started again leaves its port free in between. So it is none of those that a system gives
 * to whoever asks for any.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
