import type { Trial } from '../contract.js';
import { appRead, appWrite } from './app.js';
import { footprint } from './footprint.js';
import { get, miss, mixed, set, touch, update } from './store.js';
import { all, open, prune } from './whole.js';

/** Every trial, in the order of the tables. A new one is a row here. */
export const trials: readonly Trial[] = [
  ...[set, get, touch, miss, mixed, update],
  ...[all, prune, open, footprint],
  ...[appRead, appWrite],
];
