import { Recent } from './recent.js';
import type { Send } from './redis-client.js';
import { keyOf, sidOf } from './sqlite-key.js';

/** How many keys a server looks at in one step of a walk. */
const PAGE = 250;
/** How far back a walk looks for a key that SCAN shows again. */
const REMEMBERED = 50_000;

/** Session ids as keys below a prefix, as connect-redis has them. */
export class RedisKeys {
  readonly #prefix: string;
  readonly #pattern: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.#pattern = `${prefix.replace(/[\\*?[\]]/g, '\\$&')}*`;
  }

  /** The id itself; one that UTF-8 has no form for, or that begins with a quote, as JSON text. */
  of(sid: string): string {
    return this.#prefix + keyOf(sid);
  }

  /** All ids of `nodes`, page by page. Keys that no id has are left out. */
  async *pages(nodes: readonly Send[]): AsyncGenerator<string[], void, void> {
    for (const send of nodes) {
      const recent = new Recent(REMEMBERED);
      let cursor = '0';
      do {
        const answer = await send(['SCAN', cursor, 'MATCH', this.#pattern, 'COUNT', String(PAGE), 'TYPE', 'string']);
        const [next, keys] = answer as [unknown, string[]];
        cursor = String(next);
        yield keys.filter((key) => recent.add(key)).flatMap((key) => this.#sidsOf(key));
      } while (cursor !== '0');
    }
  }

  #sidsOf(key: string): string[] {
    const rest = key.slice(this.#prefix.length);
    if (!rest.startsWith('"')) return [rest];
    try {
      const sid = sidOf(rest);
      return keyOf(sid) === rest ? [sid] : [];
    } catch {
      return [];
    }
  }
}
