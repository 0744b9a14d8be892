import type { EventEmitter } from 'node:events';
import { complain } from './complain.js';

type Listener = (...args: unknown[]) => void;

/** As much of an EventEmitter as somebody else's store may have. */
interface Emitter {
  on?(event: string, listener: Listener): unknown;
  removeListener?(event: string, listener: Listener): unknown;
}

/**
 * Passes on what a store says of its connection: express-session runs without sessions between `disconnect` and
 * `connect`. Its `error` goes where errors that nobody waits for go.
 *
 * @returns how to stop that
 */
export function forwardEvents(store: object, to: EventEmitter): () => void {
  const { on, removeListener } = store as Emitter;
  if (typeof on !== 'function') return () => {};
  const listeners: [event: string, listener: Listener][] = [
    ['connect', (...args) => void to.emit('connect', ...args)],
    ['disconnect', (...args) => void to.emit('disconnect', ...args)],
    ['error', (error) => complain(to, error)],
  ];
  for (const [event, listener] of listeners) on.call(store, event, listener);
  return () => {
    for (const [event, listener] of listeners) removeListener?.call(store, event, listener);
  };
}
