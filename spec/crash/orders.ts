import { createHash } from 'node:crypto';
import type { SessionData } from 'express-session';
import type { StoreDescription } from './stores.js';

export type Operation = 'set' | 'update' | 'touch' | 'destroy';

/** What a child is told. */
export interface Order {
  store: StoreDescription;
  ids: number;
  bytes: number;
  firstVersion: number;
  seed: number;
}

declare module 'express-session' {
  interface SessionData {
    version?: number;
    filler?: string;
  }
}

const HOUR = 3_600_000;

/** A session that shows whether it is whole: its filler follows from its version. */
export function bodyOf(version: number, bytes: number): SessionData {
  const cookie = { originalMaxAge: HOUR, expires: new Date(Date.now() + HOUR), path: '/', httpOnly: true };
  return { cookie, version, filler: fillerOf(version, bytes) };
}

export function isWhole({ version, filler }: SessionData): boolean {
  return version !== undefined && filler === fillerOf(version, filler?.length ?? -1);
}

function fillerOf(version: number, bytes: number): string {
  return createHash('sha256')
    .update(String(version))
    .digest('hex')
    .repeat(Math.ceil(bytes / 64))
    .slice(0, bytes);
}
