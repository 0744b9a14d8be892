import { createHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Watched<T> {
  readonly answer: T;
  readonly seconds: number;
  /** Event-loop delay, 99th percentile, in ms. On a busy machine this has what others took, too. */
  readonly delay: number;
  /** CPU time that one turn of the event loop took, 99th percentile, in ms: what we took. */
  readonly turn: number;
  /** By how much the heap was larger, at most, than before, after a collection where one can be asked for, in MB. */
  readonly growth: number;
}

/** Runs `act` and watches the event loop and the heap meanwhile. */
export async function watch<T>(act: () => Promise<T>): Promise<Watched<T>> {
  const turns = createHistogram();
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  let [running, most, cpu] = [true, before, process.cpuUsage()];
  const onTurn = () => {
    const { user, system } = process.cpuUsage(cpu);
    turns.record(Math.max(1, user + system));
    cpu = process.cpuUsage();
    if (running) setImmediate(onTurn);
  };
  setImmediate(onTurn);
  const heap = setInterval(() => {
    globalThis.gc?.();
    most = Math.max(most, process.memoryUsage().heapUsed);
  }, 500);
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const began = performance.now();
  const answer = await act();
  const seconds = (performance.now() - began) / 1_000;
  delays.disable();
  clearInterval(heap);
  running = false;
  return {
    answer,
    seconds,
    delay: delays.percentile(99) / 1e6,
    turn: turns.percentile(99) / 1_000,
    growth: (most - before) / 2 ** 20,
  };
}

export const idle = (): Promise<Watched<void>> => watch(() => sleep(1_000));

export function percentile(values: number[], share: number): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}
