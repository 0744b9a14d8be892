import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import type { Opened, Trial } from '../contract.js';
import { fill } from './store.js';

const SESSIONS = 100_000;
const AT_ONCE = 1_000;

/** What one session takes does not change much with their number, and a slow disk must not keep all others waiting. */
const PATIENCE = 10_000;

export const footprint: Trial = {
  name: 'footprint',
  about: 'bytes that a session takes of the heap and of the process, when there are very many',
  writes: 'save',
  once: true,
  tells: 'heapBytes',
  async run(opened, { memorySessions = SESSIONS, bytes }) {
    await fill(opened, AT_ONCE, bytes);
    const before = await usage();
    const start = performance.now();
    const sessions = await fillInParts(opened, memorySessions, bytes);
    const ms = performance.now() - start;
    const after = await usage();
    const figures = {
      heapBytes: Math.max(0, after.heap - before.heap) / sessions,
      rssBytes: Math.max(0, after.rss - before.rss) / sessions,
    };
    return { operations: sessions, ms, figures, ...(sessions < memorySessions && { note: `${sessions} sessions` }) };
  },
};

/** In parts, so that nothing of a part but what the store keeps is there in the end. */
async function fillInParts(opened: Opened, count: number, bytes: number): Promise<number> {
  const end = performance.now() + PATIENCE;
  let filled = 0;
  while (filled < count && performance.now() < end) {
    const part = Math.min(AT_ONCE, count - filled);
    await fill(opened, part, bytes);
    filled += part;
  }
  return filled;
}

/** Of what is reachable: after the collections, and the turns that finalizers wait for. */
async function usage(): Promise<{ heap: number; rss: number }> {
  for (let round = 0; round < 3; round += 1) {
    globalThis.gc?.();
    await turn();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, rss };
}
