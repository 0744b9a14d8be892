import { setImmediate as nextTurn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Awaitable, Change, Entry, Touch } from '../../lib/backend.js';
import { MemoryBackend, MemoryStore } from '../../lib/backends/memory.js';
import { SessionStore } from '../../lib/store.js';
import { bundle, type Edit } from '../support/bundle.js';
import { type Factory, play } from './play.js';
import { scripts } from './shapes.js';

class LaterBackend extends MemoryBackend {
  override async update(sid: string, change: Change): Promise<void> {
    await nextTurn();
    super.update(sid, change);
  }
}

/** Nothing keeps others out between reading and writing. */
class UnlockedBackend extends MemoryBackend {
  override async update(sid: string, change: Change): Promise<void> {
    const current = this.read(sid);
    await nextTurn();
    const next = change(current);
    super.update(sid, () => next);
  }
}

class RevivingBackend extends MemoryBackend {
  override touch(sid: string, { expires, cookie }: Touch): void {
    super.update(sid, (entry) => entry && { data: entry.data, cookie, expires });
  }
}

class CreatingBackend extends MemoryBackend {
  override touch(sid: string, { expires, cookie }: Touch): void {
    super.update(sid, (entry) => ({ data: entry?.data ?? '{}', cookie, expires }));
  }
}

/** Forgets that a request which did not change the cookie does not insist on it. */
class InsistingBackend extends MemoryBackend {
  override touch(sid: string, { expires, cookie }: Touch, now: number): void {
    super.touch(sid, { expires, cookie }, now);
  }
}

/** Moves the deadline, but keeps the former cookie, as several stores on npm do. */
class CookieKeepingBackend extends MemoryBackend {
  override touch(sid: string, to: Touch, now: number): void {
    const cookie = this.read(sid)?.cookie ?? '';
    super.touch(sid, { ...to, cookie }, now);
  }
}

class RawCountBackend extends MemoryBackend {
  override count(): Promise<number> {
    return super.count(0);
  }
}

/** Removes what was dead when it looked, without looking again. */
class HastyPruneBackend extends MemoryBackend {
  override async prune(now: number): Promise<number> {
    const dead: string[] = [];
    for await (const [sid, entry] of this.entries()) if (entry.expires <= now) dead.push(sid);
    for (let i = 0; i < 2; i += 1) await nextTurn();
    for (const sid of dead) super.update(sid, () => undefined);
    return dead.length;
  }
}

/** Takes ids for names of files on a disk that does not tell cases apart. */
class CaselessBackend extends MemoryBackend {
  override read(sid: string): Entry | undefined {
    return super.read(sid.toLowerCase());
  }
  override update(sid: string, change: Change): Awaitable<void> {
    return super.update(sid.toLowerCase(), change);
  }
}

const over =
  (make: () => MemoryBackend): Factory =>
  (options) => ({ store: new SessionStore(make, options) });

const mutants: Record<string, Factory> = {
  'a dropped lock: read, await, write': over(() => new UnlockedBackend({ max: 100 })),
  'reads that overtake writes': over(() => new LaterBackend({ max: 100 })),
  'a touch that revives the dead': over(() => new RevivingBackend({ max: 100 })),
  'a touch that creates': over(() => new CreatingBackend({ max: 100 })),
  'a touch that insists on a cookie that it did not change': over(() => new InsistingBackend({ max: 100 })),
  'a touch that forgets the cookie': over(() => new CookieKeepingBackend({ max: 100 })),
  'a length that counts the dead': over(() => new RawCountBackend({ max: 100 })),
  'a prune that removes what was renewed meanwhile': over(() => new HastyPruneBackend({ max: 100 })),
  'ids that are taken for one another': over(() => new CaselessBackend({ max: 100 })),
  'saves that overwrite': (options) => ({
    store: new MemoryStore({ ...options, max: 100, concurrency: 'overwrite' }),
  }),
};

/** Changes of one line of lib/, compiled in. */
const edits: Record<string, Edit> = {
  'an expiry off by one': {
    file: 'lib/backend.ts',
    from: 'return expires <= now;',
    to: 'return expires < now;',
  },
  'a default lifetime off by one': {
    file: 'lib/expiry.ts',
    from: 'this.now() + this.#lifetime(session, sid)',
    to: 'this.now() + this.#lifetime(session, sid) + 1',
  },
};

describe('the model finds', function () {
  this.timeout(180_000);

  for (const [what, factory] of Object.entries(mutants)) {
    it(what, async function () {
      await expectFound(this, factory);
    });
  }

  for (const [what, edit] of Object.entries(edits)) {
    it(what, async function () {
      const { MemoryStore: Mutant } = await compiled(edit);
      await expectFound(this, (options) => ({ store: new Mutant({ ...options, max: 100 }) }));
    });
  }

  it('nothing in what is compiled without a change', async () => {
    const { MemoryStore: Same } = await compiled({ file: 'lib/backend.ts', from: 'expires', to: 'expires' });
    const factory: Factory = (options) => ({ store: new Same({ ...options, max: 100 }) });
    await fc.assert(
      fc.asyncProperty(scripts, (script) => play(script, factory)),
      { numRuns: 100 },
    );
  });
});

async function expectFound(context: Mocha.Context, factory: Factory): Promise<void> {
  const property = fc.asyncProperty(scripts, (script) => play(script, factory));
  const { failed, numRuns, numShrinks } = await fc.check(property, {
    numRuns: 20_000,
    interruptAfterTimeLimit: 50_000,
  });
  expect(failed, `not found in ${numRuns} runs`).to.equal(true);
  if (context.test) context.test.title += ` (in run ${numRuns}, shrunk ${numShrinks} times)`;
}

async function compiled(edit: Edit): Promise<{ MemoryStore: typeof MemoryStore }> {
  const outfile = await bundle(new URL('../../lib/backends/memory.ts', import.meta.url), edit);
  return (await import(pathToFileURL(outfile).href)) as { MemoryStore: typeof MemoryStore };
}
