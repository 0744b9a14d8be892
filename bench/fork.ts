import { fork } from 'node:child_process';
import { HERE, type Job, type Verdict } from './contract.js';

/** Opening, proving and filling take their time, on a slow disk above all. */
const PATIENCE = 120_000;

interface Parent {
  /** Flags of Node for the child alone. */
  readonly flags?: readonly string[];
  /** Ends the child. It is waited for, so that its files can be removed. */
  readonly interrupt: AbortSignal;
  /** Told each time that the child waits for others of its group; it goes on when `go` is called. */
  meet?(go: () => void): void;
}

/** The child takes no loader and no flag over from this process. What it prints is of interest only if it crashes. */
export function runChild(path: string, job: Job, { interrupt, meet, flags = [] }: Parent): Promise<Verdict> {
  const timeout = PATIENCE + job.load.seconds * 10_000 + job.load.sessions;
  const child = fork(path, [JSON.stringify(job)], {
    execArgv: ['--expose-gc', ...flags],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const dies = () => child.kill('SIGKILL');
  interrupt.addEventListener('abort', dies);
  process.on('exit', dies);
  let slow = false;
  const timer = setTimeout(() => {
    slow = true;
    dies();
  }, timeout);
  let said = '';
  let outcome: Verdict | undefined;
  child.stderr?.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-10_000);
  });
  child.on('message', (message) => {
    if (message === HERE) meet?.(() => child.send(HERE));
    else outcome = message as Verdict;
  });
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      interrupt.removeEventListener('abort', dies);
      process.off('exit', dies);
      const why = slow
        ? `no result after ${timeout / 1_000} s`
        : `crashed (${signal ?? code}) ${lastWords(said)}`.trim();
      resolve(outcome ?? { disqualified: why });
    });
  });
}

function lastWords(said: string): string {
  return /^\S*Error\b.*$/m.exec(said)?.[0] ?? said.trim().split('\n').at(-1) ?? '';
}
