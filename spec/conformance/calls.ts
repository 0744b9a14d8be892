import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

export type Callback<T> = (error?: unknown, value?: T | null) => void;

/** How long a callback may take before it counts as never coming, in ms. */
const PATIENCE = 20_000;

/**
 * The first answer that a callback method gives. What comes after it, and when it comes, does not matter here: that a
 * callback is called once and later has cases of its own, and one fault should fail one case.
 */
export function call<T>(invoke: (callback: Callback<T>) => unknown): Promise<T | null | undefined> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error('The callback was never called')), PATIENCE);
    const settle = (act: () => void) => {
      clearTimeout(limit);
      act();
    };
    try {
      quiet(invoke((error, value) => settle(() => (error ? reject(error) : resolve(value)))));
    } catch (error) {
      settle(() => reject(error));
    }
  });
}

/** A method that takes a callback may answer with a promise as well; its rejection was delivered by the callback. */
function quiet(answer: unknown): void {
  const { then } = (answer ?? {}) as { then?: unknown };
  if (typeof then === 'function') then.call(answer, undefined, () => {});
}

/** How a callback was called: each time with which arguments, and whether before the method had returned. */
export interface Witness {
  readonly calls: unknown[][];
  readonly atOnce: boolean;
  readonly thrown: unknown[];
}

/** Calls a callback method, waits for its callback, and then long enough to see a second call. */
export async function witness(invoke: (callback: (...args: unknown[]) => void) => unknown): Promise<Witness> {
  const calls: unknown[][] = [];
  const thrown: unknown[] = [];
  let returned = false;
  let atOnce = false;
  const first = new Promise<void>((resolve) => {
    const limit = setTimeout(resolve, PATIENCE);
    const done = () => {
      clearTimeout(limit);
      resolve();
    };
    try {
      quiet(
        invoke((...args) => {
          calls.push(args);
          atOnce ||= !returned;
          done();
        }),
      );
    } catch (error) {
      thrown.push(error);
      done();
    }
    returned = true;
  });
  await first;
  await settle();
  return { calls, atOnce, thrown };
}

/** Time for what should not happen to happen: ticks, turns of the event loop and one short timer. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await nextTurn();
  await sleep(2);
  await nextTurn();
}

const CRASHES = ['uncaughtException', 'unhandledRejection'] as const;

/** The errors that would have ended this process while `act` ran. The test runner's own listeners are set aside. */
export async function crashesDuring(act: () => unknown): Promise<unknown[]> {
  const crashes: unknown[] = [];
  const note = (error: unknown) => void crashes.push(error);
  const kept = CRASHES.map((event) => [event, process.rawListeners(event as 'uncaughtException')] as const);
  for (const event of CRASHES) process.removeAllListeners(event);
  process.on('uncaughtException', note);
  try {
    await act();
    await settle();
  } finally {
    process.removeListener('uncaughtException', note);
    for (const [event, listeners] of kept) {
      for (const listener of listeners) process.on(event as 'uncaughtException', listener as () => void);
    }
  }
  return crashes;
}

const VOICES = ['debug', 'error', 'info', 'log', 'warn'] as const;

/** What was printed or warned of while `act` ran; it is kept from the terminal. */
export async function noiseDuring(act: () => unknown): Promise<string[]> {
  const noise: string[] = [];
  const voices = VOICES.map((name) => [name, console[name]] as const);
  const { emitWarning } = process;
  for (const [name] of voices) console[name] = (...args: unknown[]) => void noise.push(args.join(' '));
  process.emitWarning = (warning: string | Error) => void noise.push(String(warning));
  try {
    await act();
    await settle();
  } finally {
    for (const [name, voice] of voices) console[name] = voice;
    process.emitWarning = emitWarning;
  }
  return noise;
}

/** The longest delays that timers were started with while `act` ran. */
export async function delaysDuring(act: () => unknown): Promise<number[]> {
  const delays: number[] = [];
  const { setTimeout: startTimeout, setInterval: startInterval } = globalThis;
  const noting = <F extends (...args: never[]) => unknown>(start: F): F =>
    Object.assign((...args: Parameters<F>) => {
      delays.push(Number(args[1] ?? 0));
      return start(...args);
    }, start) as unknown as F;
  globalThis.setTimeout = noting(startTimeout);
  globalThis.setInterval = noting(startInterval);
  try {
    await act();
  } finally {
    globalThis.setTimeout = startTimeout;
    globalThis.setInterval = startInterval;
  }
  return delays;
}

/** Runs a program in a process of its own and answers what it printed; rejects when it does not end by itself. */
export async function runProgram(source: string, patience: number): Promise<string> {
  const child = spawn(process.execPath, [...process.execArgv, '--input-type=module', '--eval', source], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed: Buffer[] = [];
  const complaints: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => printed.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
  const limit = setTimeout(() => child.kill('SIGKILL'), patience);
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  clearTimeout(limit);
  if (code === 0) return Buffer.concat(printed).toString();
  const how = signal === 'SIGKILL' ? 'did not end by itself' : `ended with ${code ?? signal}`;
  throw new Error(`The program ${how}: ${Buffer.concat(complaints).toString()}`);
}
