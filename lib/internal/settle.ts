import { isThenable } from './awaitable.js';
import { isPlain } from './merge-fields.js';

type Thunk = (callback: (error?: unknown, ...values: unknown[]) => void) => unknown;

/** What the iterator of a generator has, of an async one too. */
interface Coroutine {
  next(sent?: unknown): unknown;
  throw(error: unknown): unknown;
}

/**
 * What a method of somebody else's stands for, whichever way it answers: a promise, a thunk (a function that takes a
 * callback), the iterator of a generator, which is run to its end, or else the value itself. A generator may yield any
 * of these and also arrays and plain objects of them, as with `co`; what it yields that fails is thrown into it.
 *
 * @param self what thunks, and generator functions that are yielded, have as their `this`
 */
export async function settle(answer: unknown, self?: unknown): Promise<unknown> {
  if (isThenable(answer)) return answer;
  if (isCoroutine(answer)) return run(answer, self);
  return typeof answer === 'function' ? fromThunk(answer as Thunk, self) : answer;
}

async function run(coroutine: Coroutine, self: unknown): Promise<unknown> {
  // An async generator's steps are promises; without `await` its end would never be seen.
  let step = (await coroutine.next()) as IteratorResult<unknown>;
  while (!step.done) {
    let sent: unknown;
    try {
      sent = await settleYielded(step.value, self);
    } catch (error) {
      step = (await coroutine.throw(error)) as IteratorResult<unknown>;
      continue;
    }
    step = (await coroutine.next(sent)) as IteratorResult<unknown>;
  }
  return step.value;
}

function settleYielded(value: unknown, self: unknown): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map((each) => settleYielded(each, self)));
  if (isGeneratorFunction(value)) return settle(value.call(self), self);
  if (isPlain(value) && !isThenable(value) && !isCoroutine(value)) return settleFields(value, self);
  return settle(value, self);
}

async function settleFields(fields: object, self: unknown): Promise<object> {
  const pairs = Object.entries(fields).map(async ([key, value]) => {
    const isAwaited = typeof value === 'object' || typeof value === 'function';
    return [key, isAwaited ? await settleYielded(value, self) : value] as const;
  });
  return Object.fromEntries(await Promise.all(pairs));
}

/** The first call of the callback counts; with several values they are answered as an array. */
function fromThunk(thunk: Thunk, self: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    thunk.call(self, (error, ...values) => {
      if (error) reject(error);
      else resolve(values.length > 1 ? values : values[0]);
    });
  });
}

function isCoroutine(value: unknown): value is Coroutine {
  const { next, throw: fail } = (value ?? {}) as Partial<Coroutine>;
  return typeof next === 'function' && typeof fail === 'function';
}

function isGeneratorFunction(value: unknown): value is (this: unknown) => unknown {
  return typeof value === 'function' && /^(?:Async)?GeneratorFunction$/.test(value.constructor.name);
}
