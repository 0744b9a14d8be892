import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const root = join(import.meta.dirname, '../..');

/**
 * For a `before`: the folder in which an egg of this major version is installed, one of `SESSILE_EGGS`. Without one the
 * reason is printed and the tests are skipped; in continuous integration that is a failure.
 */
export function needEgg(test: Mocha.Context, major: number): string {
  const installs = (process.env['SESSILE_EGGS'] ?? '').split(':').filter(Boolean);
  const install = installs.find((path) => versionOf(path).startsWith(`${major}.`));
  if (install !== undefined) return install;
  const reason = `no egg ${major}; npm install it into a folder of its own and name that in SESSILE_EGGS`;
  if (process.env['CI'] === 'true') throw new Error(reason);
  console.log(`      skipped: ${reason}`);
  test.skip();
}

function versionOf(install: string): string {
  const manifest = join(install, 'node_modules/egg/package.json');
  if (!existsSync(manifest)) return '';
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

/** The application of this folder in a place of its own, with egg and sessile installed, in a process of its own. */
export class EggApplication {
  readonly #folder = mkdtempSync(join(tmpdir(), 'sessile-egg-'));
  readonly #base = join(this.#folder, 'application');
  /** Where it keeps its sessions. */
  readonly sessions = join(this.#folder, 'sessions');
  #child: ChildProcess | undefined;

  constructor(install: string) {
    cpSync(join(import.meta.dirname, 'application'), this.#base, { recursive: true });
    const modules = join(this.#base, 'node_modules');
    mkdirSync(modules);
    symlinkSync(join(install, 'node_modules/egg'), join(modules, 'egg'));
    symlinkSync(root, join(modules, 'sessile'));
  }

  /** Answers its origin. */
  async start(): Promise<string> {
    const child = fork(join(this.#base, 'server.js'), {
      cwd: this.#base,
      execArgv: [],
      // Egg writes its logs below its home.
      env: {
        ...{ ...process.env, NODE_V8_COVERAGE: '', NODE_OPTIONS: '' },
        ...{ SESSIONS: this.sessions, EGG_HOME: this.#folder, EGG_SERVER_ENV: 'prod' },
      },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child = child;
    const complaints = text(child.stderr as NonNullable<typeof child.stderr>);
    const ended = once(child, 'exit').then(async ([code]) => {
      throw new Error(`Egg ended with ${code} before it listened: ${await complaints}`);
    });
    const [port] = (await Promise.race([once(child, 'message'), ended])) as [number];
    ended.catch(() => {});
    return `http://127.0.0.1:${port}`;
  }

  /** Sets its clock ahead. */
  async setAhead(ms: number): Promise<void> {
    const moved = once(this.#running, 'message');
    this.#running.send(ms);
    await moved;
  }

  /** As a crash does. */
  async kill(): Promise<void> {
    const child = this.#running;
    this.#child = undefined;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  async remove(): Promise<void> {
    if (this.#child !== undefined) await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #running(): ChildProcess {
    if (this.#child === undefined) throw new Error('The application does not run');
    return this.#child;
  }
}
