import { SessileError } from '../errors.js';
import { isThenable } from './awaitable.js';
import { LONGEST_DELAY } from './options.js';

type Method = (...args: unknown[]) => unknown;

/**
 * The one answer of a method that is called with a callback behind `args`: what comes first counts, whether the callback
 * is called or the method throws or rejects, and nothing that comes later. A promise that fulfils counts only if the
 * method declares no callback: `async get(sid, callback)` may fulfil before it calls back.
 *
 * @param timeout ms to wait at most; undefined: without end
 * @throws (rejects) SessileError `SESSILE_TIMEOUT`, and whatever the method fails with, unchanged
 */
export function oneAnswer(self: object, name: string, args: readonly unknown[], timeout?: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const method = (self as Record<string, Method>)[name] as Method;
    const timer = timeout === undefined ? undefined : patience(timeout, () => reject(late(name, timeout)));
    const succeed = (value: unknown) => {
      clearTimeout(timer);
      resolve(value);
    };
    const fail = (error: unknown) => {
      clearTimeout(timer);
      reject(error);
    };
    try {
      const returned = method.call(self, ...args, (error: unknown, value: unknown) =>
        error ? fail(error) : succeed(value),
      );
      if (isThenable(returned)) returned.then(method.length > args.length ? undefined : succeed, fail);
    } catch (error) {
      fail(error);
    }
  });
}

function patience(timeout: number, act: () => void): NodeJS.Timeout {
  return setTimeout(act, Math.min(timeout, LONGEST_DELAY)).unref();
}

function late(name: string, timeout: number): SessileError {
  return new SessileError('SESSILE_TIMEOUT', `The store's ${name} did not answer within ${timeout} ms`);
}
