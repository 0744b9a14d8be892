// One process on a disk that fails: it fills the disk, makes a burst of operations, or does one operation under strace.
import { accessSync, readSync, writeSync } from 'node:fs';
import type { Entry } from '../../lib/backend.js';
import { FileBackend, FileStore } from '../../lib/backends/file.js';
import { SessileError } from '../../lib/errors.js';
import { type DiskReport, MARK_BEGIN, MARK_END, NOW, OLD, operations } from './disk-orders.js';

// Node ends at a write past `ulimit -f` unless somebody listens; then the write fails with EFBIG, like a full disk.
process.on('SIGXFSZ', () => {});

const SIDS = 24;
const BODIES = [9_000, 60_000];

class Filler {
  readonly #backend: FileBackend;
  /** What was acknowledged, by id. */
  readonly #kept = new Map<string, Entry>();
  readonly #report: DiskReport = { saved: 0, refused: {}, removed: 0, wrong: [] };

  constructor(dir: string) {
    this.#backend = new FileBackend(dir);
    this.#backend.report = (error) => this.#wrong(`reported ${error.message}`);
  }

  async run(sets: number): Promise<DiskReport> {
    for (let n = 0; n < sets; n += 1) {
      await this.#set(`sid ${(n * 7) % SIDS}`, n);
      if (n % 60 === 59) await this.#remove(this.#kept.keys().next().value ?? 'none');
    }
    for (const sid of [...this.#kept.keys()]) await this.#remove(sid);
    const before = this.#report.saved;
    await this.#set('room again', 0);
    if (this.#report.saved === before) this.#wrong('no set after everything was removed');
    return this.#report;
  }

  async #set(sid: string, n: number): Promise<void> {
    const body = 'x'.repeat(BODIES[n % BODIES.length] as number);
    const entry: Entry = { data: `{"n":${n},"body":"${body}"}`, cookie: '{"path":"/"}', expires: NOW + n + 1 };
    try {
      await this.#backend.update(sid, () => entry);
      this.#kept.set(sid, entry);
      this.#report.saved += 1;
    } catch (error) {
      this.#refused(error);
    }
    await this.#check(sid);
  }

  async #remove(sid: string): Promise<void> {
    try {
      await this.#backend.update(sid, () => undefined);
      this.#kept.delete(sid);
      this.#report.removed += 1;
    } catch (error) {
      this.#wrong(`removing: ${String(error)}`);
    }
    await this.#check(sid);
  }

  async #check(sid: string): Promise<void> {
    const found = await this.#backend.read(sid);
    const kept = this.#kept.get(sid);
    const same = found?.data === kept?.data && found?.cookie === kept?.cookie && found?.expires === kept?.expires;
    if (!same) this.#wrong(`${sid} is ${found?.data.slice(0, 20)}, not ${kept?.data.slice(0, 20)}`);
  }

  #refused(error: unknown): void {
    const { cause, code } = error as SessileError;
    if (!(error instanceof SessileError) || !(cause instanceof Error)) this.#wrong(String(error));
    const { code: errno, message } = cause as NodeJS.ErrnoException;
    const key = `${code} ${errno ?? message.replace(/\d+/g, 'n')}`;
    this.#report.refused[key] = (this.#report.refused[key] ?? 0) + 1;
  }

  #wrong(what: string): void {
    if (this.#report.wrong.length < 10) this.#report.wrong.push(what);
  }
}

/** How many of so many operations at once failed, by code. */
async function burst(dir: string, count: number, fsync: boolean): Promise<Record<string, number>> {
  const store = new FileStore(dir, { fsync });
  const cookie = { originalMaxAge: null, expires: null };
  const acts = [
    (sid: string) => store.setAsync(sid, { cookie, n: 1 } as never),
    (sid: string) => store.getAsync(sid),
    (sid: string) => store.touchAsync(sid, { cookie } as never),
    (sid: string) => store.updateAsync(sid, () => ({ cookie, n: 2 }) as never),
    (sid: string) => store.destroyAsync(sid),
  ];
  const calls: Promise<unknown>[] = [];
  for (let n = 0; n < count; n += 1) {
    calls.push(acts[n % acts.length]?.(`sid ${(n * 13) % 997}`) as Promise<unknown>);
    if (n % 1_000 === 0) calls.push(store.lengthAsync(), store.pruneAsync(), store.allAsync());
  }
  const failures: Record<string, number> = {};
  for (const outcome of await Promise.allSettled(calls)) {
    if (outcome.status === 'fulfilled') continue;
    const { code, cause } = outcome.reason as SessileError;
    const key = `${code} ${(cause as NodeJS.ErrnoException | undefined)?.code}`;
    failures[key] = (failures[key] ?? 0) + 1;
  }
  await store.closeAsync();
  return failures;
}

/** One operation, once the parent has its tracer in place. */
async function once(dir: string, name: string): Promise<void> {
  const backend = new FileBackend(dir);
  // Where it is alone it has a file to write anew by then.
  for (const entry of [OLD, { ...OLD }]) await backend.update('warm up', () => entry);
  writeSync(1, 'ready\n');
  readSync(0, Buffer.alloc(1));
  await operations[name]?.run(backend);
  writeSync(1, 'done\n');
}

/** One save with a trace of where it begins and where its callback is called. */
function traced(dir: string, fsync: boolean): void {
  const store = new FileStore(dir, { fsync });
  mark(MARK_BEGIN);
  store.set('sid', { cookie: { originalMaxAge: null, expires: null }, n: 1 } as never, (error) => {
    mark(MARK_END);
    if (error) throw error;
  });
}

function mark(path: string): void {
  try {
    accessSync(path);
  } catch {
    // It is not there; the call is all that matters.
  }
}

const [, , order, dir = '', argument = ''] = process.argv;
if (order === 'fill') console.log(JSON.stringify(await new Filler(dir).run(Number(argument))));
if (order === 'burst') console.log(JSON.stringify(await burst(dir, 5_000, argument === 'fsync')));
if (order === 'once') await once(dir, argument);
if (order === 'traced') traced(dir, argument === 'fsync');
