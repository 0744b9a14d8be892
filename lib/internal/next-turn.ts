import timers from 'node:timers/promises';

// As both are when this is loaded: the fake timers of an app's tests do not hold its sessions. A module that imports them
// by name takes them so as an ES module alone; as CommonJS it looks each time.
export const nextTurn = setImmediate;
/** When the next turn of the event loop has come. */
export const passTurn: () => Promise<void> = timers.setImmediate;
