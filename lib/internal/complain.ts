import { EventEmitter } from 'node:events';
import type { Callback } from './deliver.js';
import { describe } from './options.js';

const warned = new Set<string>();
const nobody = new EventEmitter();

/**
 * For an error that no callback waits for: an `error` event where someone listens, else one process warning per code,
 * and per kind of error for those without one, as their messages may be without end. Later, so that what a listener
 * throws does not run through the code that met the error.
 */
export function complain(emitter: EventEmitter, error: unknown): void {
  process.nextTick(() => {
    if (emitter.listenerCount('error') > 0) emitter.emit('error', error);
    else warnOnce(error);
  });
}

/** {@link complain} for a store that may be anybody's, and no emitter. */
export function complainerOf(store: unknown): (error: unknown) => void {
  const emitter = emitterOf(store);
  return (error) => complain(emitter, error);
}

/** What emits the errors of a store that may be anybody's: itself, or else an emitter that nobody can listen to. */
export function emitterOf(store: unknown): EventEmitter {
  return store instanceof EventEmitter ? store : nobody;
}

/** The callback that was given, or for a call without one what tells the emitter's listeners of a failure. */
export function orComplain<T>(callback: Callback<T> | undefined, emitter: EventEmitter): Callback<T> {
  if (typeof callback === 'function') return callback;
  return (error) => {
    if (error) complain(emitter, error);
  };
}

function warnOnce(error: unknown): void {
  const { code, name, message } = Object(error) as { code?: unknown; name?: unknown; message?: unknown };
  const key = typeof code === 'string' ? code : `${typeof error} ${String(name)}`;
  if (warned.has(key)) return;
  warned.add(key);
  const words = typeof message === 'string' ? message : `What failed threw ${describe(error)}`;
  process.emitWarning(`${words} (add an 'error' listener to the store to see each one)`, {
    type: 'SessileWarning',
    ...(typeof code === 'string' && { code }),
  });
}
