/** What the specs of this folder run in processes of their own: `child.ts <act> <JSON>`; it answers by IPC. */
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SessionData } from 'express-session';
import { SqliteBackend, SqliteStore } from '../../lib/backends/sqlite.js';
import { libraries, openFile } from '../../lib/internal/sqlite-library.js';

export interface AddOptions {
  path: string;
  sids: string[];
  times: number;
  /** How many additions are under way at a time. */
  atOnce: number;
}

/** One fetch-and-add: when it was asked for and answered (monotonic, in ns, the same in all processes), and what it got. */
export type Added = readonly [sid: string, asked: string, answered: string, value: number];

const cookie = { originalMaxAge: null, expires: null } as unknown as SessionData['cookie'];

const acts = {
  /** Adds one to each of the sessions `sids`, `times` times in all. */
  async add({ path, sids, times, atOnce }: AddOptions): Promise<Added[]> {
    const store = new SqliteStore(path, { pruneInterval: 0, lockTimeout: 30_000 });
    const added: Added[] = [];
    let started = 0;
    const lane = async () => {
      while (started < times) {
        const sid = sids[started++ % sids.length] as string;
        const asked = process.hrtime.bigint().toString();
        const session = await store.updateAsync(
          sid,
          (found) => ({ ...found, cookie, n: countOf(found) + 1 }) as SessionData,
        );
        added.push([sid, asked, process.hrtime.bigint().toString(), countOf(session)]);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
    await store.closeAsync();
    return added;
  },

  /** Opens (and so makes) a file with a table at a moment that all children share. */
  async open({ path, at }: { path: string; at: number }): Promise<string> {
    while (Date.now() < at) await nextTurn();
    const store = new SqliteStore(path, { pruneInterval: 0 });
    await store.setAsync(`from ${process.pid}`, { cookie });
    await store.closeAsync();
    return 'opened';
  },

  /** Takes the write lock until it is told to let go of it. */
  async hold({ path }: { path: string }): Promise<string> {
    const database = openFile(path);
    database.exec('BEGIN IMMEDIATE');
    process.send?.('held');
    await once(process, 'message');
    database.exec('COMMIT');
    database.close();
    return 'released';
  },

  /** Keeps a snapshot of the file for as long as this process lives. */
  async stick({ path }: { path: string }): Promise<never> {
    const database = openFile(path);
    database.exec('BEGIN');
    database.prepare('SELECT count(*) FROM sessions').get();
    process.send?.('reading');
    // A database that nothing holds on to is closed by the garbage collector, and its snapshot is gone.
    return new Promise(() => setInterval(() => database.prepare('SELECT count(*) FROM sessions').get(), 1_000));
  },

  /** Answers what the file at `path` can no longer do when this process is not root any more. */
  async unprivileged({ path }: { path: string }): Promise<string> {
    process.setuid?.(65_534);
    try {
      new SqliteStore(path);
      return 'opened';
    } catch (error) {
      return String((error as { code: unknown }).code);
    }
  },

  /** What is stored under `sids`, as another library sees it. */
  async read({ path, sids }: { path: string; sids: string[] }): Promise<unknown[]> {
    const backend = new SqliteBackend(path);
    const entries = await Promise.all(sids.map((sid) => backend.read(sid)));
    await backend.close();
    return entries;
  },

  async library(): Promise<string> {
    return libraries.builtIn() === undefined ? 'better-sqlite3' : 'node:sqlite';
  },

  async put({ path, entries }: { path: string; entries: [string, string][] }): Promise<string> {
    const backend = new SqliteBackend(path);
    for (const [sid, data] of entries) await backend.update(sid, () => ({ data, cookie: '{}', expires: 8e15 }));
    await backend.close();
    return 'put';
  },
};

export type Act = keyof typeof acts;

function countOf(session: object | undefined): number {
  return (session as { n?: number } | undefined)?.n ?? 0;
}

const [act, options] = process.argv.slice(2);
const run = acts[act as Act] as (options: unknown) => Promise<unknown>;
const answer = await run(JSON.parse(options ?? '{}'));
process.send?.({ answer }, () => process.disconnect());
