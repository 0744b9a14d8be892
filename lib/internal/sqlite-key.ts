/**
 * Ids are any JavaScript string; SQLite's TEXT is UTF-8, which has no form for a lone surrogate, and parts of SQLite and
 * of its libraries stop at a NUL. Ids with either are kept as JSON text, where both are escaped. So are ids that begin
 * with the quote that JSON text begins with, which makes the mapping one to one: a key that begins with a quote is JSON.
 */
export function keyOf(sid: string): string {
  return sid.startsWith('"') || sid.includes('\0') || !sid.isWellFormed() ? JSON.stringify(sid) : sid;
}

export function sidOf(key: string): string {
  return key.startsWith('"') ? (JSON.parse(key) as string) : key;
}
