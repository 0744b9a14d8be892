import { hash } from 'node:crypto';
import type { Send } from './redis-client.js';
import { isNoScript } from './redis-link.js';

/** A Lua script, which the server runs as one atomic step. */
export interface Script {
  readonly source: string;
  readonly sha: string;
}

/**
 * Arguments: what must be there, what to put there, for how many ms; empty is nothing there. Answers null, or what is
 * there instead: clients can be made to answer numbers as text, and a 1 that is taken for what is there does it twice.
 */
export const replace = script(`
  local found = redis.call('GET', KEYS[1]) or ''
  if found ~= ARGV[1] then return found end
  if ARGV[2] == '' then redis.call('DEL', KEYS[1])
  else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
  return nil`);

/** Of a date between two texts at the beginning of what a key has. */
const move = `
  local function move(key, head, tail, date, after, lease)
    local found = redis.call('GETRANGE', key, 0, #head + #tail + 23)
    if found == '' then return 0 end
    local present = string.sub(found, #head + 1, #head + 24)
    if found ~= head .. present .. tail or present <= after then return -1 end
    redis.call('SETRANGE', key, #head, date)
    redis.call('PEXPIRE', key, lease)
    return 1
  end`;

/**
 * Moves the date that stands between two texts at the beginning of what is there. Arguments: these two, the date, the one
 * that the present date must be after, for how many ms. Dates have 24 bytes and the order of their text. Answers 1 when
 * it did that, 0 when nothing is there, -1 when what is there has another form.
 */
export const redate = script(`${move}
  return move(KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5])`);

/** {@link redate} for any number of keys, each with five arguments; answers a list. */
export const redateAll = script(`${move}
  local answers = {}
  for at, key in ipairs(KEYS) do
    local first = 5 * at - 4
    answers[at] = move(key, ARGV[first], ARGV[first + 1], ARGV[first + 2], ARGV[first + 3], ARGV[first + 4])
  end
  return answers`);

/** A server that was started anew, or that never met the script, is given its source: it has done nothing before. */
export function run(send: Send, { source, sha }: Script, args: readonly string[], keys = 1): Promise<unknown> {
  return send(['EVALSHA', sha, `${keys}`, ...args]).catch((error) => {
    if (!isNoScript(error)) throw error;
    return send(['EVAL', source, `${keys}`, ...args]);
  });
}

function script(source: string): Script {
  return { source, sha: hash('sha1', source) };
}
