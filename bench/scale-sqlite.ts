// SqliteStore's part of scale.ts: a file with a thousand sessions next to one with very many, then a prune of half.
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { SqliteBackend, SqliteStore } from '../lib/backends/sqlite.js';
import { openFile, type SqliteDatabase } from '../lib/internal/sqlite-library.js';
import { EntryRows } from '../lib/internal/sqlite-rows.js';
import { configure } from '../lib/internal/sqlite-schema.js';
import { LATER, sample } from '../spec/file/scale.js';
import { idle, percentile, watch } from '../spec/support/watch.js';
import { judge, numbers, show } from './scale-report.js';

type Act = 'get' | 'set';
type Acts = Record<Act, (sid: string) => unknown>;
/** Milliseconds an operation takes. */
type Timed = () => Promise<number>;

const [sessions = 1_000_000, rounds = 9] = numbers;
const FEW = 1_000;
const TIMES = 2_000;
const LANES = 4;
const root = mkdtempSync(join(tmpdir(), 'sessile-scale-'));
const now = () => LATER - 1;

/** Scattered, as ids are: neighbours in the table are far apart in the index. */
const sidOf = (n: number): string => `${((n * 2_654_435_761) >>> 0).toString(36)}-${n}`;
const anyOf = (count: number): number => Math.floor(Math.random() * count);
const session = JSON.parse(sample.data) as Record<string, unknown>;
const toSession = () => ({ ...session, cookie: { originalMaxAge: 86_400_000, expires: new Date(LATER) } });

/** Makes a file in which every other session is past its deadline, in one transaction without a log: that is faster. */
async function fill(count: number): Promise<string> {
  const path = join(root, `${count}.db`);
  await new SqliteBackend(path).close();
  const database = openFile(path);
  for (const setting of ['journal_mode = OFF', 'synchronous = OFF', 'cache_size = -1000000'])
    database.exec(`PRAGMA ${setting}`);
  const rows = new EntryRows(database, 'sessions');
  database.exec('BEGIN');
  for (let n = 0; n < count; n += 1) rows.insert(sidOf(n), { ...sample, expires: n % 2 ? LATER - 2 : LATER });
  database.exec('COMMIT');
  database.exec('PRAGMA journal_mode = WAL');
  database.close();
  settle(path);
  return path;
}

/** What the system still has to write would slow down what is measured next. */
function settle(path: string): void {
  const file = openSync(path, 'r+');
  fsyncSync(file);
  closeSync(file);
}

/** A living one of `size` sessions, so that no get is a miss. */
type Choose = (size: number) => string;
const any: Choose = (size) => sidOf(2 * anyOf(size / 2));
/** As many are in use among few and among many, there far from each other. */
const some: Choose = (size) => sidOf(2 * (size / FEW) * anyOf(FEW / 2));

async function average(act: (sid: string) => unknown, choose: () => string): Promise<number> {
  const sids = Array.from({ length: TIMES }, choose);
  const began = performance.now();
  for (const sid of sids) await act(sid);
  return (performance.now() - began) / TIMES;
}

/** What one request waits that is alone: the event loop turns between two of them. */
async function alone(act: (sid: string) => unknown, choose: () => string): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < TIMES; n += 1) {
    const sid = choose();
    await nextTurn();
    const began = performance.now();
    await act(sid);
    times.push(performance.now() - began);
  }
  return percentile(times, 0.5);
}

const onBackend = (backend: SqliteBackend): Acts => ({
  get: (sid) => backend.read(sid),
  set: (sid) => backend.update(sid, () => ({ ...sample })),
});

/** Each in a transaction of its own, as an operation that is alone has it. */
function onRows(database: SqliteDatabase): Acts {
  const rows = new EntryRows(database, 'sessions');
  return {
    get: (sid) => rows.read(sid),
    set: (sid) => {
      database.exec('BEGIN IMMEDIATE');
      rows.put(sid, sample);
      database.exec('COMMIT');
    },
  };
}

const onStore = (store: SqliteStore): Acts => ({
  get: (sid) => store.getAsync(sid),
  set: (sid) => store.setAsync(sid, toSession() as never),
});

interface Subject {
  readonly name: string;
  readonly bar?: number;
  readonly few: Timed;
  readonly many: Timed;
}

/** In each round every subject takes its turn, few and many one after the other, so that all find the same machine. */
async function compare(act: Act, subjects: Subject[]): Promise<void> {
  const found = new Map(subjects.map((subject) => [subject, [] as { few: number; many: number }[]]));
  for (let round = -1; round < rounds; round += 1) {
    for (const [{ few, many }, times] of found) {
      const first = round % 2 ? await few() : undefined;
      const large = await many();
      const small = first ?? (await few());
      if (round >= 0) times.push({ few: small, many: large });
    }
  }
  for (const [{ name, bar }, times] of found) {
    const median = (of: (time: { few: number; many: number }) => number) => percentile(times.map(of), 0.5);
    const [few, many] = [us(median((time) => time.few)), us(median((time) => time.many))];
    const ratio = median((time) => time.many / time.few);
    const line = `${act}, ${name}: ${few} us among ${FEW}, ${many} among ${sessions}: ${ratio.toFixed(2)} times`;
    if (bar === undefined) console.log(`        ${line}`);
    else judge(`${line} (bar ${bar})`, ratio <= bar);
  }
}

const us = (ms: number): string => (1_000 * ms).toFixed(1);

function openBare(path: string): SqliteDatabase {
  const database = openFile(path);
  configure(database, { synchronous: 'normal' });
  return database;
}

async function speeds(small: string, large: string): Promise<void> {
  const paths = [small, large] as const;
  const [bareFew, bareMany] = paths.map(openBare) as [SqliteDatabase, SqliteDatabase];
  const [few, many] = paths.map((path) => new SqliteBackend(path)) as [SqliteBackend, SqliteBackend];
  const openStore = (path: string) => new SqliteStore(path, { now, pruneInterval: 0 });
  const stores = [openStore(small), openStore(large), openStore(small), openStore(large)] as const;
  const pair = (how: typeof average, choose: Choose, [ofFew, ofMany]: [Acts, Acts], act: Act) => ({
    few: () => how(ofFew[act], () => choose(FEW)),
    many: () => how(ofMany[act], () => choose(sessions)),
  });
  const bare: [Acts, Acts] = [onRows(bareFew), onRows(bareMany)];
  const backend: [Acts, Acts] = [onBackend(few), onBackend(many)];
  const store: [Acts, Acts] = [onStore(stores[0]), onStore(stores[1])];
  // Of its own, as each connection caches what it uses.
  const ofSome: [Acts, Acts] = [onStore(stores[2]), onStore(stores[3])];
  for (const act of ['get', 'set'] as Act[]) {
    await compare(act, [
      { name: 'of a thousand, p50 of one awaited alone', bar: 1.2, ...pair(alone, some, ofSome, act) },
      { name: 'of any, p50 of one awaited alone', bar: 1.2, ...pair(alone, any, store, act) },
      { name: 'of any, backend, one after the other', ...pair(average, any, backend, act) },
      { name: 'of any, bare statements', ...pair(average, any, bare, act) },
    ]);
  }
  for (const each of stores) await each.closeAsync();
  for (const each of [few, many]) await each.close();
  for (const each of [bareFew, bareMany]) each.close();
}

/** Requests in a few lanes, one in four of which saves, on sessions that live or come to life by it. */
async function traffic<T>(backend: SqliteBackend, renewed: Set<string>, act: () => Promise<T>): Promise<T> {
  let running = true;
  const lane = async () => {
    for (let n = 0; running; n += 1) {
      const sid = sidOf(anyOf(sessions));
      if (n % 4) await backend.read(sid);
      else await backend.update(sid, () => ({ ...sample })).then(() => renewed.add(sid));
      await sleep(4);
    }
  };
  const lanes = Array.from({ length: LANES }, lane);
  const answer = await act();
  running = false;
  await Promise.all(lanes);
  return answer;
}

async function prune(path: string): Promise<void> {
  const backend = new SqliteBackend(path);
  const renewed = new Set<string>();
  const rest = await idle();
  show('nothing', rest);
  const busy = await watch(() => traffic(backend, renewed, () => sleep(5_000)));
  show('traffic', busy);
  const pruned = await watch(() => traffic(backend, renewed, () => backend.prune(now())));
  show(`traffic and prune of ${pruned.answer}`, pruned);
  const others = `${rest.delay.toFixed(1)} idle, ${busy.delay.toFixed(1)} with traffic alone`;
  judge(`event-loop delay p99 ${pruned.delay.toFixed(1)} ms (bar 10; ${others})`, pruned.delay < 10);
  let lost = 0;
  for (const sid of renewed) if ((await backend.read(sid)) === undefined) lost += 1;
  judge(`none of ${renewed.size} renewed sessions is lost: ${lost}`, lost === 0);
  const left = await backend.count(0);
  judge(`what is left lives: ${left}`, left === (await backend.count(now())) && left >= sessions / 2);
  await backend.close();
}

try {
  const [small, large] = [await fill(FEW), await fill(sessions)];
  await speeds(small, large);
  await prune(large);
} finally {
  rmSync(root, { recursive: true, force: true });
}
