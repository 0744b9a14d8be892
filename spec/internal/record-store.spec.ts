import { expect } from 'chai';
import type { Entry } from '../../lib/backend.js';
import { MemoryBackend } from '../../lib/backends/memory.js';
import {
  changesOf,
  isDead,
  isRecordId,
  KeptRecords,
  type RecordStore,
  readSeconds,
  toSeconds,
} from '../../lib/internal/record-store.js';
import { failureOf } from '../support/folder.js';
import { warnings } from '../support/process-events.js';
import { Gate } from '../support/visitor.js';

const NOW = 1_900_000_000_000;
const SECONDS = NOW / 1_000;
const QUARTER = 900_000;

describe('KeptRecords', () => {
  const open = () => {
    const clock = { now: NOW };
    const backend = new MemoryBackend();
    return { clock, backend, records: new KeptRecords(backend, () => clock.now) };
  };

  it('keeps deadlines in ms, and whole seconds', async () => {
    const { backend, records } = open();
    await records.set('a', { x: 1 }, SECONDS + 1.9);
    expect(backend.read('a')).to.deep.equal({ data: '{"x":1}', cookie: '', expires: NOW + 1_000 });
    expect(await records.get('a')).to.deep.equal({ data: { x: 1 }, expiresAt: SECONDS + 1 });
    await records.set('b', {}, Number.MAX_VALUE);
    expect(await records.get('b')).to.deep.equal({ data: {} });
  });

  it('updates in one step: gives the living, stores the answer, removes for undefined, leaves the very same', async () => {
    const { clock, backend, records } = open();
    const given: unknown[] = [];
    await records.update('a', (record) => {
      given.push(record);
      return { data: { x: 1 }, expiresAt: SECONDS + 10 };
    });
    const before = backend.read('a');
    await records.update('a', (record) => {
      given.push(record);
      return record;
    });
    expect(backend.read('a')).to.equal(before);
    expect(await failureOf(() => records.update('a', () => fail()))).to.include({ message: 'the spec threw' });
    expect(backend.read('a')).to.equal(before);
    clock.now += 10_000;
    await records.update('a', (record) => {
      given.push(record);
      return undefined;
    });
    expect(backend.read('a')).to.equal(undefined);
    expect(given).to.deep.equal([undefined, { data: { x: 1 }, expiresAt: SECONDS + 10 }, undefined]);
  });

  it('closes its backend once, when what is under way has ended', async () => {
    const gate = new Gate(1);
    const acts: string[] = [];
    const backend = Object.assign(new MemoryBackend(), {
      async update() {
        await gate.pass();
        acts.push('updated');
      },
      close: () => void acts.push('closed'),
    });
    const records = new KeptRecords(backend, () => NOW);
    const set = records.set('a', {});
    const closed = [records.close(), records.close()];
    expect(await failureOf(() => records.get('a'))).to.include({ code: 'SESSILE_CLOSED' });
    gate.open();
    await Promise.all([set, ...closed]);
    expect(acts).to.deep.equal(['updated', 'closed']);
  });

  it('refuses data that are no object or no JSON, and deadlines that are no number', async () => {
    const { backend, records } = open();
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    const wrong: [() => unknown, string][] = [
      [() => records.set('a', [] as never), 'SESSILE_MISUSE'],
      [() => records.set('a', loop), 'SESSILE_SERIALIZE'],
      [() => records.set('a', {}, new Date() as never), 'SESSILE_MISUSE'],
      [() => records.set('a', {}, Number.NaN), 'SESSILE_MISUSE'],
      [() => records.touch('a', -1), 'SESSILE_MISUSE'],
      [() => records.get(1 as never), 'SESSILE_MISUSE'],
      [() => records.update('a', () => ({ data: 'x' }) as never), 'SESSILE_MISUSE'],
    ];
    for (const [act, code] of wrong) expect(await failureOf(act), act.toString()).to.include({ code });
    expect(backend.read('a')).to.equal(undefined);
  });

  it('takes what is corrupt for absent, and emits that or warns', async () => {
    const { backend, records } = open();
    const corrupt: Entry = { data: '[1]', cookie: '', expires: NOW + 1 };
    backend.update('a', () => corrupt);
    const seen = await warnings(async () => expect(await records.get('a')).to.equal(undefined));
    const heard: unknown[] = [];
    records.on('error', ({ code }) => heard.push(code));
    const given: unknown[] = [];
    await records.update('a', (record) => {
      given.push(record);
      return { data: {} };
    });
    await warnings(() => {});
    expect(heard).to.deep.equal(['SESSILE_CORRUPT']);
    // Another spec of this process may have had the one warning.
    expect(seen.map(({ code }) => code).filter((code) => code !== 'SESSILE_CORRUPT')).to.deep.equal([]);
    expect(given).to.deep.equal([undefined]);
    expect(await records.get('a')).to.deep.equal({ data: {} });
  });

  it('emits what the backend reports', async () => {
    const { backend, records } = open();
    const heard: unknown[] = [];
    records.on('error', (error) => heard.push(error));
    const error = new Error('found by the backend');
    (backend as { report?: (error: Error) => void }).report?.(error);
    await warnings(() => {});
    expect(heard).to.deep.equal([error]);
  });

  it('prunes with a write, once in a quarter of an hour', async () => {
    const { clock, backend, records } = open();
    let pruned = 0;
    backend.prune = async () => (pruned += 1);
    await records.set('a', {});
    clock.now += QUARTER - 1;
    await records.set('a', {});
    expect(pruned).to.equal(0);
    clock.now += 1;
    await records.update('a', (record) => record);
    await records.set('a', {});
    expect(pruned).to.equal(1);
    clock.now += QUARTER;
    await records.get('a');
    expect(pruned).to.equal(1);
    expect(await records.prune()).to.equal(2);
  });

  it('emits what pruning fails with', async () => {
    const { clock, backend, records } = open();
    const heard: unknown[] = [];
    records.on('error', ({ message }) => heard.push(message));
    backend.prune = () => Promise.reject(new Error('cannot prune'));
    clock.now += QUARTER;
    await records.set('a', {});
    await warnings(() => {});
    expect(heard).to.deep.equal(['cannot prune']);
  });
});

describe('changesOf', () => {
  it("is the store's own", async () => {
    const seen: unknown[] = [];
    const store = {
      update(this: unknown, ...args: unknown[]) {
        seen.push(this === store, ...args);
      },
      delete(this: unknown, ...args: unknown[]) {
        seen.push(this === store, ...args);
      },
    } as unknown as RecordStore;
    const change = () => undefined;
    await changesOf(store).update('a', change);
    await changesOf(store).delete('b');
    expect(seen).to.deep.equal([true, 'a', change, true, 'b']);
  });

  it('waits its turn where the store has none, and goes on behind a failure', async () => {
    const kept = new Map<string, { data: Record<string, unknown>; expiresAt?: number | undefined }>();
    let fails = false;
    const store: RecordStore = {
      get: async (id) => {
        if (fails) throw new Error('get failed');
        return kept.get(id) ?? null;
      },
      set: async (id, data, expiresAt) => void kept.set(id, { data, expiresAt }),
      delete: async (id) => kept.delete(id),
    };
    const more = (key: string) =>
      changesOf(store).update('a', (record) => ({ data: { ...record?.data, [key]: 1 }, expiresAt: 5 }));
    await Promise.all([more('x'), more('y'), more('z')]);
    expect(kept.get('a')).to.deep.equal({ data: { x: 1, y: 1, z: 1 }, expiresAt: 5 });
    fails = true;
    expect(await failureOf(() => more('lost'))).to.include({ message: 'get failed' });
    fails = false;
    const before = kept.get('a');
    await changesOf(store).update('a', (record) => record);
    expect(kept.get('a')).to.equal(before);
    await changesOf(store).update('a', () => undefined);
    expect(kept.size).to.equal(0);
  });
});

describe('records', () => {
  it('have ids that are plain words', () => {
    expect(['a', 'A-b_9', 'x'.repeat(128)].map(isRecordId)).to.deep.equal([true, true, true]);
    const wrong = ['', 'a b', 'ä', '../a', 'a\n', 'x'.repeat(129), 1, undefined];
    expect(wrong.map(isRecordId)).to.deep.equal(wrong.map(() => false));
  });

  it('are dead at their deadline, to the millisecond', () => {
    const record = { data: {}, expiresAt: SECONDS };
    expect([-1, 0, 1].map((ms) => isDead(record, NOW + ms))).to.deep.equal([false, true, true]);
    expect(isDead({ data: {} }, Number.MAX_SAFE_INTEGER)).to.equal(false);
  });

  it('have deadlines in seconds outside and milliseconds inside', () => {
    const never = 8.64e15;
    expect([undefined, null, 5, 5n, -1, 1e300].map(readSeconds)).to.deep.equal([never, never, 5_000, 5_000, 0, never]);
    expect(['5', Number.NaN, {}].map(readSeconds)).to.deep.equal([undefined, undefined, undefined]);
    expect([never, 5_000].map(toSeconds)).to.deep.equal([undefined, 5]);
  });
});

function fail(): never {
  throw new Error('the spec threw');
}
