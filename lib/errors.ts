/**
 * Every code a {@link SessileError} can carry, with what it means. Codes are API: they are added in minor versions and
 * removed or given another meaning only in major ones.
 */
export const codes = {
  SESSILE_MISUSE: 'A wrong argument or option. Always a TypeError.',
  SESSILE_CLOSED: 'The store was closed before the call.',
  SESSILE_SERIALIZE:
    'The session cannot be written as text: a cycle, a BigInt, a serializer that threw. Nothing was changed.',
  SESSILE_TOO_LARGE: 'The session is larger than the store may keep. Nothing was changed.',
  SESSILE_CORRUPT: 'What is stored cannot be read as a session. It counts as absent; what was found is kept aside.',
  SESSILE_FORMAT: 'The storage was written by another version of sessile. It is left as it is.',
  SESSILE_BAD_SCHEMA: 'The database has another table or view of that name. It is left as it is.',
  SESSILE_DAMAGED: 'The database file is damaged. Nothing was repaired or removed; what can be read stays readable.',
  SESSILE_NO_SQLITE: 'There is no SQLite library that can be used here; the message says what to install.',
  SESSILE_BAD_PATH: 'The path is missing, is no directory or file of the kind needed, or may not be used.',
  SESSILE_LOCK_TIMEOUT:
    'Other processes kept the session, or the storage, locked for longer than `lockTimeout`. Nothing was changed.',
  SESSILE_LOCK_LOST: 'This process was paused for so long that another one took its lock. Nothing was changed.',
  SESSILE_UNAVAILABLE: 'The store reported that it is disconnected, and did not come back in time.',
  SESSILE_IO:
    'Reading or writing the storage failed; `cause` is the system error. The former session is intact; in Redis, of which an answer can be lost, the write may have been done as well.',
  SESSILE_TIMEOUT: 'A store of another package did not answer in time. What it was asked for may still happen.',
  SESSILE_FOREIGN: 'An adopted store failed; `cause` is its error.',
  SESSILE_UNSUPPORTED: 'An adopted store has no method that could do this; the message names it.',
} as const;

/** One of {@link codes}. */
export type SessileCode = keyof typeof codes;

/**
 * The one error class of this package. `message` never contains a session id, a session's data or a key; `cause` is the
 * error underneath, where there was one.
 */
export class SessileError extends Error {
  /** Always `SessileError`. */
  override readonly name = 'SessileError';
  /** What kind of failure it is; {@link codes} says in words. */
  readonly code: SessileCode;

  constructor(code: SessileCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** A TypeError with code `SESSILE_MISUSE`: constructors throw it, methods deliver it. */
export function misuse(message: string): TypeError & { code: 'SESSILE_MISUSE' } {
  return Object.assign(new TypeError(message), { code: 'SESSILE_MISUSE' as const });
}
