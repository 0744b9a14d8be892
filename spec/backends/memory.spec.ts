import { expect } from 'chai';
import express5 from 'express';
import session from 'express-session';
import express4 from 'express4';
import fc from 'fast-check';
import type { Entry } from '../../lib/backend.js';
import { MemoryBackend, MemoryStore } from '../../lib/backends/memory.js';
import type { SessionStore } from '../../lib/store.js';
import { backendSuite } from '../conformance/backend.js';
import { httpSuite } from '../conformance/http.js';
import { failing, OpenMemoryStore } from '../conformance/open-memory.js';
import { storeSuite } from '../conformance/store.js';

const memory = new URL('../../lib/backends/memory.ts', import.meta.url).href;

backendSuite({
  title: 'MemoryBackend',
  describe,
  it,
  create: () => new MemoryBackend(),
  destroy: (backend) => backend.close(),
  many: 2_500,
  randomIds: 10_000,
});

storeSuite<SessionStore>({
  title: 'MemoryStore',
  describe,
  it,
  create: (options) => new MemoryStore(options),
  destroy: (store) => store.closeAsync(),
  failing: (options) => new OpenMemoryStore(options, failing),
  program: (body) => `import { MemoryStore } from '${memory}'; const store = new MemoryStore(); ${body}`,
  randomIds: 2_000,
});

storeSuite<OpenMemoryStore>({
  title: 'SessionStore over a backend that hands out what is no session',
  describe,
  it,
  only: ['corrupt/miss', 'corrupt/event', 'corrupt/touch'],
  create: (options) => new OpenMemoryStore(options),
  destroy: (store) => store.closeAsync(),
  corrupt: (store, sid) => store.backend.update(sid, (entry) => entry && { ...entry, data: '{"cut off' }),
});

for (const [version, express] of [
  ['5', express5],
  ['4', express4],
] as const) {
  httpSuite<SessionStore>({
    title: `MemoryStore, Express ${version}`,
    describe,
    it,
    express,
    session,
    create: (options) => new MemoryStore(options),
    destroy: (store) => store.closeAsync(),
    failing: (options) => new OpenMemoryStore(options, failing),
  });
}

const entryOf = (value: unknown, expires = 1e15): Entry => ({ data: JSON.stringify({ value }), cookie: '', expires });
const sessionOf = (data: object) => ({ ...data, cookie: { originalMaxAge: null, expires: null } });

async function sidsIn(backend: MemoryBackend): Promise<string[]> {
  const sids: string[] = [];
  for await (const [sid] of backend.entries()) sids.push(sid);
  return sids.sort();
}

/** What a least-recently-used memory of `max` entries keeps, in the order in which they were last used. */
class Model {
  readonly #kept = new Map<string, number>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  read(sid: string): number | undefined {
    const value = this.#kept.get(sid);
    if (value !== undefined) this.write(sid, value);
    return value;
  }

  write(sid: string, value: number): void {
    this.#kept.delete(sid);
    this.#kept.set(sid, value);
    for (const oldest of this.#kept.keys()) if (this.#kept.size > this.#max) this.#kept.delete(oldest);
  }

  touch(sid: string): void {
    this.read(sid);
  }

  remove(sid: string): void {
    this.#kept.delete(sid);
  }

  get sids(): string[] {
    return [...this.#kept.keys()].sort();
  }
}

const sids = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g');
const steps = fc.array(
  fc.oneof(
    fc.record({ act: fc.constant('write' as const), sid: sids, value: fc.nat() }),
    fc.record({ act: fc.constantFrom(...(['read', 'touch', 'remove'] as const)), sid: sids }),
  ),
  { maxLength: 40 },
);

describe('MemoryStore, its own promises', () => {
  it('keeps what a least-recently-used model keeps: reads, writes and touches count as use, walks do not', async () => {
    const property = fc.asyncProperty(fc.integer({ min: 1, max: 5 }), steps, async (max, sequence) => {
      const backend = new MemoryBackend({ max });
      const model = new Model(max);
      for (const step of sequence) {
        if (step.act === 'write') {
          backend.update(step.sid, () => entryOf(step.value));
          model.write(step.sid, step.value);
        } else if (step.act === 'read') expect(backend.read(step.sid)).to.deep.equal(entryIn(model.read(step.sid)));
        else if (step.act === 'touch') {
          backend.touch(step.sid, { expires: 1e15, cookie: '' }, 0);
          model.touch(step.sid);
        } else if (step.act === 'remove') {
          backend.update(step.sid, () => undefined);
          model.remove(step.sid);
        }
        expect(await sidsIn(backend)).to.deep.equal(model.sids);
      }
    });
    await fc.assert(property, { numRuns: 300 });
  });

  it('keeps max sessions, and its listings agree about who had to go', async () => {
    const store = new MemoryStore({ max: 3 });
    for (const sid of ['a', 'b', 'c', 'd', 'e']) await store.setAsync(sid, sessionOf({ sid }) as never);
    expect((await store.idsAsync()).sort()).to.deep.equal(['c', 'd', 'e']);
    expect(await store.lengthAsync()).to.equal(3);
    expect(await store.getAsync('a')).to.equal(undefined);
  });

  it('keeps at most maxBytes of ids, data and cookies, counted as UTF-8', async () => {
    const entry = entryOf('é');
    const size = Buffer.byteLength(entry.data) + Buffer.byteLength('é');
    const backend = new MemoryBackend({ maxBytes: 2 * size });
    for (const sid of ['é', 'è', 'ê']) backend.update(sid, () => entry);
    expect(await sidsIn(backend)).to.deep.equal(['è', 'ê']);
    const tight = new MemoryBackend({ maxBytes: 2 * size - 1 });
    for (const sid of ['é', 'è']) tight.update(sid, () => entry);
    expect(await sidsIn(tight)).to.deep.equal(['è']);
  });

  it('never holds more than maxBytes, whatever is written', async () => {
    const writes = fc.array(fc.tuple(sids, fc.string({ maxLength: 60 })), { maxLength: 30 });
    const property = fc.asyncProperty(fc.integer({ min: 40, max: 200 }), writes, async (maxBytes, sequence) => {
      const backend = new MemoryBackend({ maxBytes });
      for (const [sid, text] of sequence) {
        const entry = entryOf(text);
        const fits = Buffer.byteLength(entry.data) + Buffer.byteLength(sid) <= maxBytes;
        const write = () => backend.update(sid, () => entry);
        if (fits) write();
        else expect(write).to.throw().with.property('code', 'SESSILE_TOO_LARGE');
        let held = 0;
        for await (const [id, { data, cookie }] of backend.entries()) held += Buffer.byteLength(id + data + cookie);
        expect(held).to.be.at.most(maxBytes);
        if (fits) expect(backend.read(sid)).to.equal(entry);
      }
    });
    await fc.assert(property, { numRuns: 60 });
  });

  it('refuses a session that is too large for it with SESSILE_TOO_LARGE, and keeps the old one and the others', async () => {
    const store = new MemoryStore({ maxBytes: 400 });
    await store.setAsync('other', sessionOf({ n: 0 }) as never);
    await store.setAsync('a', sessionOf({ n: 1 }) as never);
    const error = await store.setAsync('a', sessionOf({ text: 'x'.repeat(400) }) as never).catch((reason) => reason);
    expect(error).to.have.property('code', 'SESSILE_TOO_LARGE');
    expect(error.message).not.to.include('xxx');
    expect(await store.getAsync('a')).to.include({ n: 1 });
    expect(await store.getAsync('other')).to.include({ n: 0 });
    const update = store.updateAsync('a', (found) => ({ ...found, text: 'x'.repeat(400) }) as never);
    expect(await update.catch((reason) => reason)).to.have.property('code', 'SESSILE_TOO_LARGE');
    expect(await store.getAsync('a')).to.include({ n: 1 });
  });

  it('shares no object with what it was given or hands out, however deep', async () => {
    const property = fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async (data) => {
      const plain = JSON.parse(JSON.stringify({ ...data, cookie: undefined })) as Record<string, unknown>;
      const store = new MemoryStore();
      const given = structuredClone(plain);
      await store.setAsync('a', given as never);
      spoil(given);
      const first = await store.getAsync('a');
      expect(JSON.stringify(first)).to.equal(JSON.stringify(plain));
      spoil(first as object);
      for (const session of Object.values(await store.allAsync())) spoil(session);
      expect(JSON.stringify(await store.getAsync('a'))).to.equal(JSON.stringify(plain));
    });
    await fc.assert(property, { numRuns: 100 });
  });

  it('loses none of 10 000 parallel updates', async () => {
    const store = new MemoryStore();
    const increment = () => store.updateAsync('a', (found) => sessionOf({ n: nOf(found) + 1 }) as never);
    await Promise.all(Array.from({ length: 10_000 }, increment));
    expect(await store.getAsync('a')).to.include({ n: 10_000 });
  });

  it('prunes in slices while entries come, change and go', async () => {
    const backend = new MemoryBackend();
    for (let n = 0; n < 5_000; n += 1) backend.update(`sid-${n}`, () => entryOf(n, n % 2 === 0 ? 1 : 1e15));
    const pruning = backend.prune(2);
    await new Promise(setImmediate);
    backend.update('sid-4998', () => entryOf('renewed'));
    backend.update('sid-4999', () => undefined);
    backend.update('fresh', () => entryOf('fresh'));
    backend.update('dead on arrival', () => entryOf('dead', 1));
    expect(await pruning).to.be.within(2_499, 2_500);
    const left = (await sidsIn(backend)).filter((sid) => sid !== 'dead on arrival');
    const odd = Array.from({ length: 2_499 }, (_, n) => `sid-${2 * n + 1}`);
    expect(left).to.deep.equal([...odd, 'sid-4998', 'fresh'].sort());
  });

  for (const [name, options] of Object.entries({
    'max: 0': { max: 0 },
    'max: NaN': { max: Number.NaN },
    'max: 1.5': { max: 1.5 },
    'max: -1': { max: -1 },
    "max: '3'": { max: '3' as never },
    'maxBytes: 0': { maxBytes: 0 },
    'maxBytes: Infinity': { maxBytes: Number.POSITIVE_INFINITY },
  })) {
    it(`refuses ${name}`, () => {
      expect(() => new MemoryStore(options))
        .to.throw(TypeError)
        .with.property('code', 'SESSILE_MISUSE');
    });
  }
});

function entryIn(value: number | undefined): Entry | undefined {
  return value === undefined ? undefined : entryOf(value);
}

function nOf(session: unknown): number {
  return (session as { n?: number } | undefined)?.n ?? 0;
}

/** Changes everything that can be reached. */
function spoil(value: object): void {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) spoil(inner);
  if (Array.isArray(value)) value.push('spoilt');
  else Object.assign(value, { spoilt: true });
}
