/**
 * In a stored session the top-level key `cookie` is the session's cookie. A face that has no cookie, but users who may
 * name a value `cookie`, keeps that value under `~cookie`; and so that nothing else is displaced, `~cookie` under
 * `~~cookie`, and so on. Every other key, `__proto__` and the empty string among them, is stored as it is.
 */
const HIDDEN = /^~+cookie$/;
const TAKEN = /^~*cookie$/;

/** The key under which a user's value is stored. One to one, and never `cookie`. */
export function storedKey(key: string): string {
  return TAKEN.test(key) ? `~${key}` : key;
}

/** The user's key of a stored key; undefined for `cookie`, which is no user's. */
export function userKey(stored: string): string | undefined {
  if (stored === 'cookie') return undefined;
  return HIDDEN.test(stored) ? stored.slice(1) : stored;
}

/** A user's fields as they are stored, without a cookie. Only own, enumerable keys count; `__proto__` stays a key. */
export function toStored(fields: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [storedKey(key), value]));
}

/** The user's fields of a stored session. What {@link toStored} made comes back as it was. */
export function toFields(session: object): Record<string, unknown> {
  const fields: [string, unknown][] = [];
  for (const [stored, value] of Object.entries(session)) {
    const key = userKey(stored);
    if (key !== undefined) fields.push([key, value]);
  }
  return Object.fromEntries(fields);
}
