import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from '../support/bundle.js';
import type { Act } from './child.js';

/** `SESSILE_NIGHTLY=1` runs the harnesses at the sizes of RELIABILITY.md. */
export const nightly = process.env['SESSILE_NIGHTLY'] === '1';

/** Starts children, or runs them to their answer, in the tests of the suite that calls this. */
export function children() {
  let script = '';
  before(async () => {
    script = await bundle(new URL('./child.ts', import.meta.url));
  });
  const start = (act: Act, options: object, forkOptions: ForkOptions = {}): ChildProcess =>
    fork(script, [act, JSON.stringify(options)], { execArgv: [], ...forkOptions });
  const run = <T>(act: Act, options: object, forkOptions?: ForkOptions): Promise<T> =>
    answerOf<T>(start(act, options, forkOptions));
  return { start, run };
}

/** The answer of a child; rejects where it ends without one. */
export async function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    child.on('message', (message) => {
      if (typeof message === 'object' && message !== null && 'answer' in message) resolve(message.answer as T);
    });
    child.on('exit', (code, signal) => reject(new Error(`the child ended with ${code ?? signal} and no answer`)));
  });
}

export async function told(child: ChildProcess, message: string): Promise<void> {
  for (;;) {
    const [told] = (await once(child, 'message')) as [unknown];
    if (told === message) return;
  }
}

/** A folder that is gone after the spec. */
export function folder(): { path: string } {
  const made = { path: '' };
  beforeEach(() => {
    made.path = mkdtempSync(join(tmpdir(), 'sessile-sqlite-'));
  });
  afterEach(() => rmSync(made.path, { recursive: true, force: true }));
  return made;
}
