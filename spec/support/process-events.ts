import { setImmediate as nextTurn } from 'node:timers/promises';

/** The next uncaught exception while and after `run` runs; mocha, which listens for them too, does not see it. */
export async function uncaught(run: () => void): Promise<unknown> {
  const listeners = process.rawListeners('uncaughtException') as NodeJS.UncaughtExceptionListener[];
  process.removeAllListeners('uncaughtException');
  try {
    return await new Promise((resolve) => {
      process.once('uncaughtException', resolve);
      run();
    });
  } finally {
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
}

/** What rejected with nobody to see it, while and in the turns after `run` runs; mocha does not see it either. */
export async function unhandled(run: () => unknown): Promise<unknown[]> {
  const listeners = process.rawListeners('unhandledRejection') as NodeJS.UnhandledRejectionListener[];
  const seen: unknown[] = [];
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', (reason) => seen.push(reason));
  try {
    await run();
    for (let turn = 0; turn < 3; turn += 1) await nextTurn();
  } finally {
    process.removeAllListeners('unhandledRejection');
    for (const listener of listeners) process.on('unhandledRejection', listener);
  }
  return seen;
}

/** The process warnings of type SessileWarning that `run` causes, in this and the next turns of the event loop. */
export async function warnings(run: () => unknown): Promise<(Error & { code?: string })[]> {
  const seen: (Error & { code?: string })[] = [];
  const listen = (warning: Error) => {
    if (warning.name === 'SessileWarning') seen.push(warning);
  };
  process.on('warning', listen);
  try {
    await run();
    for (let turn = 0; turn < 3; turn += 1) await nextTurn();
  } finally {
    process.off('warning', listen);
  }
  return seen;
}
