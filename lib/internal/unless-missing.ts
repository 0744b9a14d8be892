/** For a `catch`: `ENOENT` is how stores of files say that there is no such session. */
export function unlessMissing(error: unknown): undefined {
  if ((error as { code?: unknown } | null | undefined)?.code === 'ENOENT') return undefined;
  throw error;
}
