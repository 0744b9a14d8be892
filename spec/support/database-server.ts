import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';

/** A database server for specs: one that is given by its URL, or one of the spec's own on a Unix socket. */
export interface DatabaseServer {
  /** What `pg` takes as `host`, and mysql2 as `socketPath`; undefined where a URL was given. */
  readonly socket: string | undefined;
  readonly url: string | undefined;
  remove(): Promise<void>;
}

/** How long a server on a busy machine may take to start, in ms. */
const PATIENCE = 60_000;

/** PostgreSQL at PG_URL, or of its own where it is installed; undefined, with the reason printed, where it is not. */
export async function postgresServer(): Promise<DatabaseServer | undefined> {
  if (process.env['PG_URL']) return given(process.env['PG_URL']);
  const bin = postgresFolder();
  const user = idsOf('postgres');
  if (bin === undefined || user === undefined) return absent('no PG_URL is given, and PostgreSQL is not installed');
  return own(user, async (dir, as) => {
    run(join(bin, 'initdb'), ['-D', join(dir, 'data'), '-U', 'spec', '--auth=trust', '--no-sync', '-E', 'UTF8'], as);
    const args = ['-D', join(dir, 'data'), '-k', dir, '-c', 'listen_addresses=', '-c', 'fsync=off'];
    const child = spawn(join(bin, 'postgres'), args, { ...as, stdio: 'ignore' });
    await ready(child, async () => {
      const client = new pg.Client({ host: dir, user: 'spec', database: 'postgres' });
      client.on('error', () => {});
      await client.connect();
      await client.end();
    });
    return { child, socket: dir };
  });
}

/** MariaDB or MySQL at MYSQL_URL, or a MariaDB of its own; undefined, with the reason printed, where there is none. */
export async function mysqlServer(): Promise<DatabaseServer | undefined> {
  if (process.env['MYSQL_URL']) return given(process.env['MYSQL_URL']);
  const server = ['/usr/sbin/mariadbd', '/usr/local/sbin/mariadbd'].find((path) => existsSync(path));
  const user = idsOf('mysql');
  if (server === undefined || user === undefined) return absent('no MYSQL_URL is given, and MariaDB is not installed');
  return own(user, async (dir, as) => {
    const data = `--datadir=${join(dir, 'data')}`;
    run(
      'mariadb-install-db',
      ['--no-defaults', data, '--auth-root-authentication-method=normal', '--skip-test-db'],
      as,
    );
    const socket = join(dir, 'socket');
    const args = ['--no-defaults', data, `--socket=${socket}`, '--skip-networking', '--skip-grant-tables'];
    const child = spawn(server, [...args, `--pid-file=${join(dir, 'pid')}`], { ...as, stdio: 'ignore' });
    await ready(child, async () => {
      const connection = await createConnection({ socketPath: socket, user: 'root' });
      await connection.query('CREATE DATABASE IF NOT EXISTS spec');
      await connection.end();
    });
    return { child, socket };
  });
}

type As = Pick<SpawnOptions, 'uid' | 'gid' | 'cwd'>;

/** Both servers refuse to run as root: then they run as the user that their package made. */
async function own(
  user: { uid: number; gid: number },
  start: (dir: string, as: As) => Promise<{ child: ChildProcess; socket: string }>,
): Promise<DatabaseServer> {
  const dir = mkdtempSync(join(tmpdir(), 'sessile-db-'));
  const isRoot = process.getuid?.() === 0;
  if (isRoot) chownSync(dir, user.uid, user.gid);
  chmodSync(dir, 0o755);
  const removeDir = () => rmSync(dir, { recursive: true, force: true });
  try {
    const { child, socket } = await start(dir, { cwd: dir, ...(isRoot && user) });
    const orphaned = () => child.kill('SIGKILL');
    process.once('exit', orphaned);
    const remove = async () => {
      process.off('exit', orphaned);
      if (child.exitCode === null) {
        const closed = once(child, 'close');
        child.kill('SIGKILL');
        await closed;
      }
      removeDir();
    };
    return { socket, url: undefined, remove };
  } catch (error) {
    removeDir();
    throw error;
  }
}

async function ready(child: ChildProcess, connect: () => Promise<void>): Promise<void> {
  const limit = performance.now() + PATIENCE;
  let failure: unknown;
  while (performance.now() < limit && child.exitCode === null) {
    try {
      return await connect();
    } catch (error) {
      failure = error;
    }
    await sleep(50);
  }
  child.kill('SIGKILL');
  throw new Error('The database server did not start', { cause: failure });
}

function run(program: string, args: string[], as: As): void {
  const { status, stderr, error } = spawnSync(program, args, { ...as, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} failed: ${error?.message ?? stderr}`);
}

function postgresFolder(): string | undefined {
  const root = '/usr/lib/postgresql';
  const folders = existsSync(root) ? readdirSync(root).map((version) => join(root, version, 'bin')) : [];
  return folders.reverse().find((folder) => existsSync(join(folder, 'initdb')));
}

/** Of a user of this system. */
function idsOf(user: string): { uid: number; gid: number } | undefined {
  const [uid, gid] = ['-u', '-g'].map((flag) => spawnSync('id', [flag, user], { encoding: 'utf8' }).stdout?.trim());
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : undefined;
}

function given(url: string): DatabaseServer {
  return { socket: undefined, url, remove: async () => {} };
}

function absent(reason: string): undefined {
  console.log(`      skipped: ${reason}`);
}
