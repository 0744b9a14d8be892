import { SessileError } from '../errors.js';
import { isFields } from './merge-fields.js';

/**
 * Sessions by id, in an object without a prototype, of whatever a store's `all` answers: an object by id, or an array of
 * sessions that each have an `id`. That is what connect-redis adds for `all` alone, so it is taken off again.
 *
 * @throws SessileError `SESSILE_UNSUPPORTED` for sessions without ids
 */
export function byId(all: unknown): Record<string, object> {
  const sessions = Object.create(null) as Record<string, object>;
  const pairs = Array.isArray(all) ? all.map(withoutId) : Object.entries(all ?? {});
  for (const [sid, session] of pairs) if (isFields(session)) sessions[sid] = session;
  return sessions;
}

function withoutId(each: unknown): [string, object] {
  const { id, ...session } = Object(each) as { id?: unknown };
  if (typeof id === 'string') return [id, session];
  throw new SessileError('SESSILE_UNSUPPORTED', "The store's all answers sessions without their ids");
}
