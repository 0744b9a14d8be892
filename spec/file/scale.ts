import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Entry } from '../../lib/backend.js';
import type { FileBackend } from '../../lib/backends/file.js';
import { formatEntry, nameOf } from '../../lib/internal/entry-text.js';
import { percentile } from '../support/watch.js';

export const LATER = 4_000_000_000_000;
export const sample: Entry = {
  data: JSON.stringify({ user: 'ada', cart: Array.from({ length: 20 }, (_, n) => ({ item: n, count: 1 })) }),
  cookie: '{"originalMaxAge":86400000,"expires":"deadline","httpOnly":true,"path":"/"}',
  expires: LATER,
};

export const sidOf = (n: number): string => `session-${n}`;

/** Makes `dir` with `count` sessions in it, the first `dead` of them past their deadline, past the store: that is faster. */
export function fill(dir: string, { count, dead = 0 }: { count: number; dead?: number }): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  for (let n = 0; n < count; n += 1) {
    const entry = { ...sample, expires: n < dead ? 1_000 + n : LATER };
    writeFileSync(join(dir, `${nameOf(sidOf(n))}.json`), formatEntry(sidOf(n), entry), { mode: 0o600 });
  }
}

export type Act = 'get' | 'set' | 'touch';

const acts: Record<Act, (backend: FileBackend, sid: string, n: number) => unknown> = {
  get: (backend, sid) => backend.read(sid),
  set: (backend, sid, n) => backend.update(sid, () => ({ ...sample, expires: LATER + n })),
  touch: (backend, sid, n) => backend.touch(sid, { expires: LATER + n, cookie: sample.cookie }, 0),
};

/** Operations per second on sessions drawn from the first `among`, 64 at a time. */
export async function speed(
  act: Act,
  backend: FileBackend,
  { among, times }: { among: number; times: number },
): Promise<number> {
  const sids = Array.from({ length: times }, () => sidOf(Math.floor(Math.random() * among)));
  const lane = async () => {
    for (let sid = sids.pop(); sid !== undefined; sid = sids.pop()) await acts[act](backend, sid, sids.length);
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: 64 }, lane));
  return times / ((performance.now() - began) / 1_000);
}

/**
 * How fast `large` is against `small`: the median of the ratios of rounds in which both take their turn, so that what
 * slows the machine down for a while slows both.
 */
export async function ratioOf(act: Act, [small, large]: [Subject, Subject], rounds: number): Promise<number> {
  const times = act === 'set' ? 1_500 : 6_000;
  const ratios: number[] = [];
  for (let round = -1; round < rounds; round += 1) {
    const order = round % 2 ? [small, large] : [large, small];
    const speeds = new Map<Subject, number>();
    for (const each of order) speeds.set(each, await speed(act, each.backend, { among: each.among, times }));
    if (round >= 0) ratios.push((speeds.get(large) as number) / (speeds.get(small) as number));
  }
  return percentile(ratios, 0.5);
}

export interface Subject {
  readonly backend: FileBackend;
  readonly among: number;
}
