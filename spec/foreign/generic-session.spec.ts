import { expect } from 'chai';
import original from 'generic-session';
import { eggStore } from '../../lib/adapters/egg.js';
import { toFastifyStore } from '../../lib/adapters/fastify.js';
import { toHonoStorage } from '../../lib/adapters/hono.js';
import { session as koaSession, toKoaStore } from '../../lib/adapters/koa.js';
import { toNextSessionStore } from '../../lib/adapters/next.js';
import { middleware as serverSession } from '../../lib/adapters/server-session.js';
import { type AdoptOptions, adopt } from '../../lib/backends/foreign.js';
import type { GenericStore } from '../../lib/internal/generic-store.js';
import type { SessionStore } from '../../lib/store.js';
import { journeySuite } from '../conformance/journey.js';
import { faces } from '../journey/apps/express.js';
import { adoptedSuites } from './suites.js';

const lib = new URL('../../lib/backends/foreign.ts', import.meta.url).href;

interface Cache {
  set(id: string, text: string): void;
  peek(id: string): string | undefined;
  keys(): string[];
}

/** Its texts by id. */
const textsOf = (store: object) => (store as { _cache: Cache })._cache;

/** For those who look on: the store itself cannot list, and keeps an empty text for each id that it was asked for. */
function withIds(store: GenericStore, options: AdoptOptions): SessionStore {
  const texts = textsOf(store);
  const idsAsync = async () => texts.keys().filter((id) => texts.peek(id) !== '{}');
  const lengthAsync = async () => (await idsAsync()).length;
  return Object.assign(adopt(store, options), { idsAsync, lengthAsync });
}

function openFailing() {
  const store = original.MemoryStore();
  const fail = () => {
    throw new Error('of the cache');
  };
  Object.assign(textsOf(store), { get: fail, set: fail, del: fail });
  return store;
}

const losesProto = "generic-session's MemoryStore loses the key __proto__";

describe('generic-session', function () {
  this.timeout(180_000);

  adoptedSuites({
    name: "generic-session's MemoryStore",
    // It forgets by an age of its own, whatever life span it is told.
    open: () => original.MemoryStore({ cache: { maxAge: Number.MAX_SAFE_INTEGER } }),
    failing: openFailing,
    corrupt: (store, sid) => textsOf(store).set(sid, '{"cut off'),
    program: (body) => `
    import generic from 'generic-session';
    import { adopt } from '${lib}';
    const store = adopt(generic.MemoryStore());
    ${body}`,
    supports: { all: false, length: false, clear: false, ids: false, entries: false, prune: false },
    skip: { 'set/own-proto': losesProto, 'merge/proto-keys': losesProto },
  });

  const [face] = faces;
  if (face === undefined) throw new Error('The Express app is gone');
  journeySuite({
    title: `adopt(generic-session's MemoryStore) in ${face.name}`,
    describe,
    it,
    face,
    create: (options) => withIds(original.MemoryStore(), options),
    destroy: (store) => store.closeAsync(),
  });

  it('is taken by every adapter as it is, without a cast', () => {
    const store = original.MemoryStore();
    const made: unknown[] = [
      toFastifyStore(store),
      toHonoStorage(store, { ttl: 60 }),
      toNextSessionStore(store),
      toKoaStore(store),
      eggStore(store),
      koaSession({ store }),
      serverSession({ store }),
    ];
    for (const one of made) expect(one).to.be.ok;
  });
});
