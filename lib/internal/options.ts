import { closest } from 'fastest-levenshtein';
import { misuse } from '../errors.js';
import { isFields } from './merge-fields.js';

/** setTimeout takes any longer delay for 1 ms. */
export const LONGEST_DELAY = 2 ** 31 - 1;

/** Rejects an options value that is no object, and names that are not `known`, with the likely spelling. */
export function checkNames(where: string, options: unknown, known: readonly string[]): void {
  if (!isFields(options)) throw misuse(`${where}: options must be an object, not ${describe(options)}`);
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw misuse(
      `${where}: unknown option "${name}"; did you mean "${closest(name, known)}"? Known are ${known.join(', ')}`,
    );
  }
}

/** A whole or fractional number of milliseconds, at least `min`. */
export function checkDuration(where: string, name: string, value: unknown, min: 0 | 1): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= min) return value;
  throw misuse(`${where}: ${name} must be a finite number of milliseconds >= ${min}, not ${describe(value)}`);
}

/** A whole number >= 1. */
export function checkCount(where: string, name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value;
  throw misuse(`${where}: ${name} must be a whole number >= 1, not ${describe(value)}`);
}

export function checkFunction(where: string, name: string, value: unknown): void {
  if (typeof value === 'function') return;
  throw misuse(`${where}: ${name} must be a function, not ${describe(value)}`);
}

export function checkBoolean(where: string, name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw misuse(`${where}: ${name} must be true or false, not ${describe(value)}`);
}

export function checkSid(sid: unknown): asserts sid is string {
  if (typeof sid !== 'string') throw misuse(`a session id must be a string, not ${describe(sid)}`);
}

export function checkSession(session: unknown): asserts session is object {
  if (!isFields(session)) throw misuse(`a session must be an object, not ${describe(session)}`);
}

/** Names a wrong value by its kind, and by itself only where that can give no secret away. */
export function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'number' || typeof value === 'boolean') {
    return String(value);
  }
  if (Array.isArray(value)) return 'an array';
  const kind = typeof value;
  return kind === 'object' ? 'an object' : `a ${kind}`;
}
