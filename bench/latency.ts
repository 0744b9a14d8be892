import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { Load, Sample } from './contract.js';
import { type Act, measure } from './lanes.js';
import { percentile } from './statistics.js';

/** Of many at a time each so many-th is timed: two looks at the clock are nothing then. Coprime with sizes of batches. */
const STRIDE = 17;

/** Milliseconds between two looks at the event loop; they are part of what the monitor answers. */
const RESOLUTION = 1;

/** Part of a measurement that goes after it, for the event loop alone. */
const LOOP_PART = 0.25;

/** {@link measureLatency}, with that of the event loop. */
export async function measureWithDelays(act: Act, load: Load): Promise<Sample> {
  const sample = await measureLatency(act, load);
  const loopP99Ms = await measureLoop(act, load);
  return { ...sample, figures: { ...sample.figures, loopP99Ms } };
}

/** {@link measure}, with percentiles of latency: the wait among the operations under way is part of it. */
export async function measureLatency(act: Act, load: Load, warm = (): void => {}): Promise<Sample> {
  const latencies: number[] = [];
  const stride = load.concurrency === 1 ? 1 : STRIDE;
  const sample = await measure(timed(act, latencies, stride), load, () => {
    latencies.length = 0;
    warm();
  });
  const sorted = latencies.sort((a, b) => a - b);
  const [p50Ms, p99Ms] = [percentile(sorted, 0.5), percentile(sorted, 0.99)];
  return { ...sample, figures: { ...sample.figures, p50Ms, p99Ms } };
}

/**
 * The loop cannot turn while each callback starts the next operation and is called before the turn is over. Requests
 * come from the loop: here one operation follows another in a later turn, which would cost too much where speed is told.
 */
async function measureLoop(act: Act, { seconds, operations, ...load }: Load): Promise<number> {
  let loopDelay = watchLoop();
  const turning: Act = (index, done) => act(index, (error) => void setImmediate(done, error));
  const part = { seconds: seconds * LOOP_PART, operations: Math.ceil(operations * LOOP_PART), warmUp: 0 };
  await measure(turning, { ...load, ...part }, () => {
    loopDelay();
    loopDelay = watchLoop();
  });
  return loopDelay();
}

/** Watches how late the event loop is from now on. What it answers with ends that, and tells the 99th percentile in ms. */
export function watchLoop(): () => number {
  const start = performance.now();
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION });
  delays.enable();
  return () => {
    delays.disable();
    // Who never lets the loop turn is not looked at even once.
    if (delays.count === 0) return performance.now() - start;
    return Math.max(0, delays.percentile(99) / 1e6 - RESOLUTION);
  };
}

function timed(act: Act, latencies: number[], stride: number): Act {
  return (index, done) => {
    if (index % stride !== 0) return act(index, done);
    const start = performance.now();
    act(index, (error) => {
      latencies.push(performance.now() - start);
      done(error);
    });
  };
}
