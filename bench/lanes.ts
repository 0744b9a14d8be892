import { performance } from 'node:perf_hooks';
import { Disqualified, type Load, type Sample } from './contract.js';

/** Starts operation number `index` and calls back when it is done. */
export type Act = (index: number, done: (error?: unknown) => void) => void;

/** Looking at the clock before every operation would cost as much as a read from memory. */
const LOOKS_AT_CLOCK = 16;

/** Measures `act` with so many operations under way at any moment, after a warm-up; `warm` is called between the two. */
export async function measure(act: Act, load: Load, warm = (): void => {}): Promise<Sample> {
  const { operations } = await drive(act, { ...load, seconds: load.warmUp });
  globalThis.gc?.();
  warm();
  return drive((index, done) => act(operations + index, done), load);
}

/** Does `act` for each index below `count`, unmeasured. */
export async function doAll(act: Act, count: number, concurrency: number): Promise<void> {
  await drive(act, { concurrency, operations: count, seconds: Number.POSITIVE_INFINITY });
}

type Bounds = Pick<Load, 'concurrency' | 'operations' | 'seconds'>;

function drive(act: Act, { concurrency, operations, seconds }: Bounds): Promise<Sample> {
  const lanes = Math.min(concurrency, operations);
  return new Promise((resolve, reject) => {
    const cpu = process.cpuUsage();
    const start = performance.now();
    const end = start + seconds * 1_000;
    let started = 0;
    let running = lanes;

    const mayStart = () =>
      started < operations && (started % LOOKS_AT_CLOCK !== 0 || started === 0 || performance.now() < end);

    /** One operation after the other. A subject that calls back at once must not make the stack grow. */
    const runLane = () => {
      while (mayStart()) {
        let atOnce: boolean | undefined;
        const index = started;
        started += 1;
        act(index, (error) => {
          if (error) reject(failure(error));
          else if (atOnce === undefined) atOnce = true;
          else runLane();
        });
        if (atOnce === undefined) {
          atOnce = false;
          return;
        }
      }
      running -= 1;
      if (running === 0) resolve(sampleOf(started, performance.now() - start, cpu));
    };

    for (let lane = 0; lane < lanes; lane += 1) runLane();
  });
}

/** Time of the processor, on all threads, tells two subjects apart even where other processes take most of it. */
function sampleOf(operations: number, ms: number, since: NodeJS.CpuUsage): Sample {
  const { user, system } = process.cpuUsage(since);
  return { operations, ms, figures: { cpuMicroseconds: (user + system) / operations } };
}

function failure(error: unknown): Disqualified {
  return new Disqualified(`failed under load: ${error instanceof Error ? error.message : String(error)}`);
}
