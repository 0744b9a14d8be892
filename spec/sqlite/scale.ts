/**
 * How the store behaves with a million sessions: `npx tsx spec/sqlite/scale.ts [sessions]`. Prints; asserts nothing,
 * because figures are a machine's own.
 *
 * On two busy cores, with a million sessions in place of a thousand: a read alone takes 13 us in place of 4, in groups of
 * 64 it takes 13 in place of 2; a save 23 in place of 12, and 21 in place of 6. The file is 600 MB: of a random session
 * one page of the index and one of the table are read from the system's cache. Where a thousand of the million are in use
 * all pages are at hand and a read still takes 9 us alone and 6 in groups: the trees are deeper, and 8 MB in place of one
 * half. So latency within a fifth is not to be had for microseconds; a request takes a hundred times as long.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { SqliteBackend } from '../../lib/backends/sqlite.js';

const sessions = Number(process.argv[2] ?? 1_000_000);
const SMALL = 1_000;
const cookie = '{"originalMaxAge":86400000,"expires":"deadline","httpOnly":true,"path":"/"}';
const data = JSON.stringify({ user: { id: 1, name: 'x'.repeat(200) }, cart: 'y'.repeat(200) });
const folder = mkdtempSync(join(tmpdir(), 'sessile-scale-'));

const ms = (from: bigint) => Number(process.hrtime.bigint() - from) / 1e6;
/** Scattered, as ids are. */
const sidOf = (i: number) => `${((i * 2_654_435_761) >>> 0).toString(36)}-${i}`;

async function put(backend: SqliteBackend, count: number): Promise<void> {
  for (let i = 0; i < count; i += 500) {
    const some = Array.from({ length: Math.min(500, count - i) }, (_, k) => i + k);
    await Promise.all(some.map((k) => backend.update(sidOf(k), () => ({ data, cookie, expires: k % 2 ? 1 : 8e15 }))));
  }
}

/** Median and 99th percentile in ms of operations one after the other, and the median in groups of 64. */
async function latency(backend: SqliteBackend, count: number, act: (sid: string) => unknown): Promise<string> {
  const times: number[] = [];
  for (let i = 0; i < 3_000; i += 1) {
    const from = process.hrtime.bigint();
    await act(sidOf(Math.floor(Math.random() * count)));
    times.push(ms(from));
  }
  times.sort((a, b) => a - b);
  void backend;
  return `median ${times[1_500]?.toFixed(4)} ms, p99 ${times[2_970]?.toFixed(3)} ms`;
}

/** What the event loop's delay is while nothing is done: the part of the machine, to be taken off what follows. */
async function idle(): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  return 'nothing';
}

async function watched(name: string, act: () => Promise<unknown>): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const from = process.hrtime.bigint();
  const answer = await act();
  const took = ms(from);
  delay.disable();
  const [p99, max] = [delay.percentile(99) / 1e6, delay.max / 1e6].map((value) => value.toFixed(1));
  console.log(`${name}: ${String(answer)} in ${took.toFixed(0)} ms; event-loop delay p99 ${p99} ms, longest ${max} ms`);
}

async function walk(backend: SqliteBackend): Promise<string> {
  const before = process.memoryUsage().rss;
  let [seen, most] = [0, before];
  for await (const _ of backend.entries()) {
    seen += 1;
    if (seen % 10_000 === 0) most = Math.max(most, process.memoryUsage().rss);
  }
  return `${seen} (memory +${((most - before) / 1e6).toFixed(0)} MB)`;
}

for (const count of [SMALL, sessions]) {
  const path = join(folder, `${count}.db`);
  const backend = new SqliteBackend(path);
  await watched(`${count} sessions, written`, () => put(backend, count));
  const size = () => `${((statSync(path).size + statSync(`${path}-wal`).size) / 1e6).toFixed(0)} MB`;
  console.log('  file', size());
  console.log('  get', await latency(backend, count, (sid) => backend.read(sid)));
  console.log(
    '  set',
    await latency(backend, count, (sid) => backend.update(sid, (e) => e && { ...e, data: `${data} ` })),
  );
  console.log('  touch', await latency(backend, count, (sid) => backend.touch(sid, { expires: 8e15, cookie }, 0)));
  await watched('  count', async () => backend.count(1));
  await watched('  entries', () => walk(backend));
  await watched('  idle', idle);
  await watched('  prune', () => backend.prune(1));
  console.log('  file', size());
  await backend.close();
}
rmSync(folder, { recursive: true });
