import type { Subject } from '../contract.js';
import { ours } from './ours.js';
import { overwriting } from './overwrite.js';
import { peers } from './peers.js';
import { rawFiles } from './raw-files.js';
import { rawMemory } from './raw-memory.js';
import { redis } from './redis.js';
import { sqlite } from './sqlite.js';

/** Everyone who is measured, in the order of the tables. A new one is a row in one of these lists. */
export const subjects: readonly Subject[] = [
  ...ours,
  ...peers,
  ...rawMemory,
  ...rawFiles,
  ...sqlite,
  ...redis,
  ...overwriting,
];
