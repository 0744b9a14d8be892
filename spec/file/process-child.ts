// One of several processes on one directory. The parent sends an order, the child answers with what came of it.
import { closeSync, existsSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { FileBackend, FileStore } from '../../lib/backends/file.js';
import { nodeFiles } from '../../lib/internal/files.js';
import { PathLock } from '../../lib/internal/path-lock.js';
import { Writer } from '../../lib/internal/writer.js';
import { SessionStore } from '../../lib/store.js';
import type { Answer, ChildOrder } from './process-orders.js';

/** Blocks this thread: what a process does inside a critical section, or where the scheduler leaves it. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

async function add(order: Extract<ChildOrder, { do: 'add' }>): Promise<Answer> {
  const store = new FileStore(order.dir, order.options);
  const answer: Answer = { counted: 0, codes: [] };
  const end = performance.now() + order.ms;
  while (performance.now() < end && answer.counted + answer.codes.length < order.times) {
    try {
      const sid = `counter-${answer.counted % order.ids}`;
      await store.updateAsync(sid, (session) => ({
        ...session,
        whose: sid,
        cookie: { originalMaxAge: null, expires: null },
        count: (session?.count ?? 0) + 1,
        filler: 'x'.repeat(order.bytes),
      }));
      answer.counted += 1;
    } catch (error) {
      answer.codes.push(String((error as { code?: string }).code));
    }
  }
  await store.closeAsync();
  return answer;
}

/** Stays inside an update until the file `until` is there, or it is killed. */
async function stay(order: Extract<ChildOrder, { do: 'stay' }>): Promise<Answer> {
  const store = new SessionStore(() => new FileBackend(order.dir, order.options));
  try {
    await store.updateAsync('counter-0', (session) => {
      writeSync(1, 'inside\n');
      while (!existsSync(order.until)) block(1);
      return { cookie: { originalMaxAge: null, expires: null }, ...session, count: -1 };
    });
    return { counted: 1, codes: [] };
  } catch (error) {
    return { counted: 0, codes: [String((error as { code?: string }).code)] };
  }
}

/** Touches, and is often held up between opening a file and writing into it. */
async function touch(order: Extract<ChildOrder, { do: 'touch' }>): Promise<Answer> {
  const writeSync: typeof nodeFiles.writeSync = (...args) => {
    if (Math.random() < 0.3) block(Math.random() * 10);
    return nodeFiles.writeSync(...args);
  };
  const backend = new FileBackend(order.dir, {}, { files: { ...nodeFiles, writeSync } });
  const answer: Answer = { counted: 0, codes: [] };
  backend.report = (error) => answer.codes.push(error.message);
  const end = performance.now() + order.ms;
  while (performance.now() < end) {
    const now = Date.now();
    await backend.touch(`counter-${answer.counted % order.ids}`, { cookie: '{}', expires: now + 60_000 }, now);
    answer.counted += 1;
  }
  backend.close();
  return answer;
}

let holder: Writer | undefined;

/** Takes the lock `stem`, alone inside by the judgement of a second file, with every look at a lock slowed down. */
async function hold(order: Extract<ChildOrder, { do: 'hold' }>): Promise<Answer> {
  const slow = <A extends unknown[], R>(act: (...args: A) => R) => {
    return (...args: A): R => {
      const answer = act(...args);
      if (Math.random() < 0.5) block(Math.random() * 3);
      return answer;
    };
  };
  const files = {
    ...nodeFiles,
    readLockSync: slow(nodeFiles.readLockSync),
    lockSync: slow(nodeFiles.lockSync),
    lock: slow(nodeFiles.lock),
    link: slow(nodeFiles.link),
    renameSync: slow(nodeFiles.renameSync),
  };
  holder ??= new Writer(files, dirname(order.stem));
  const writer = holder;
  const locks = new PathLock({ files, writers: writer.writers }, { timeout: 10_000, staleAge: 60_000 });
  const waiter = locks.waiter(order.stem);
  let lock = await locks.tryAcquire(order.stem, writer.seat());
  for (; lock === undefined; lock = await locks.tryAcquire(order.stem, writer.seat())) await waiter.turn();
  try {
    closeSync(openSync(`${order.stem}.inside`, 'wx'));
    block(2);
    unlinkSync(`${order.stem}.inside`);
    return { counted: 1, codes: [] };
  } catch (error) {
    return { counted: 0, codes: [String((error as { code?: string }).code)] };
  } finally {
    await lock.release();
  }
}

function follow(order: ChildOrder): Promise<Answer> {
  switch (order.do) {
    case 'add':
      return add(order);
    case 'stay':
      return stay(order);
    case 'touch':
      return touch(order);
    case 'hold':
      return hold(order);
  }
}

process.on('message', async (order: ChildOrder) => process.send?.(await follow(order)));
process.send?.('ready');
