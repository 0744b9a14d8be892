import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { FileBackend, FileStore } from '../../lib/backends/file.js';
import { formatEntry, nameOf } from '../../lib/internal/entry-text.js';
import { type Files, nodeFiles } from '../../lib/internal/files.js';
import { folders, namesIn } from '../support/folder.js';
import { watch } from '../support/watch.js';
import { fill, LATER, sample, sidOf } from './scale.js';
import { pruneAgainstSet } from './scale-orders.js';

/** Rounds of the gate times this; `npm run torture` sets it. */
const factor = Number(process.env['TORTURE_FACTOR'] ?? 1);

// Speed has no place here: see bench/scale-file.ts.
describe('FileStore with many sessions', function () {
  this.timeout(60_000 * factor);
  const folder = folders();
  const count = 5_000 * Math.min(factor, 40);
  const dead = count / 2;
  let dir: string;

  beforeEach(() => {
    dir = folder();
    fill(dir, { count, dead });
  });

  it('counts, lists and walks all that live, keeping only what it hands out', async () => {
    const store = new FileStore(dir, { now: () => LATER - 1, pruneInterval: 0 });
    const expected = Array.from({ length: count - dead }, (_, n) => sidOf(dead + n)).sort();
    expect(await store.lengthAsync()).to.equal(count - dead);
    expect((await store.idsAsync()).sort()).to.deep.equal(expected);
    const seen = new Set<string>();
    for await (const [sid, session] of store.entries()) {
      expect(session.cookie.expires?.valueOf()).to.equal(LATER);
      seen.add(sid);
    }
    expect(seen.size).to.equal(count - dead);
    await store.closeAsync();
  });

  it('removes exactly the dead', async () => {
    const backend = new FileBackend(dir);
    const { answer, turn } = await watch(() => backend.prune(LATER - 1));
    expect(answer).to.equal(dead);
    expect(namesIn(dir)).to.have.lengthOf(count - dead);
    expect(await backend.read(sidOf(dead - 1))).to.equal(undefined);
    expect((await backend.read(sidOf(dead)))?.expires).to.equal(LATER);
    expect(await backend.prune(LATER - 1)).to.equal(0);
    console.log(`      ${dead} pruned; a turn of the event loop took ${turn.toFixed(1)} ms of CPU (99th percentile)`);
  });

  it('looks again under the lock, where another process renews between its first look and that', async () => {
    const renewed: number[] = [];
    const renewing: Files = {
      ...nodeFiles,
      link: async (from, path) => {
        const n = sids.get(path.replace(/lock$/, 'json')) ?? Number.NaN;
        if (n % 3 === 0) {
          writeFileSync(path.replace(/lock$/, 'json'), formatEntry(sidOf(n), { ...sample, data: '{"new":1}' }));
          renewed.push(n);
        }
        return nodeFiles.link(from, path);
      },
    };
    // Who writes alone takes no lock.
    await new FileBackend(dir).update('of another writer', () => undefined);
    const backend = new FileBackend(dir, {}, { files: renewing });
    const sids = new Map(Array.from({ length: dead }, (_, n) => [join(dir, `${nameOf(sidOf(n))}.json`), n]));
    expect(await backend.prune(LATER - 1)).to.equal(dead - renewed.length);
    expect(renewed.sort((a, b) => a - b)).to.deep.equal(Array.from({ length: Math.ceil(dead / 3) }, (_, n) => 3 * n));
    for (const n of renewed) expect((await backend.read(sidOf(n)))?.data).to.equal('{"new":1}');
  });

  it('leaves what is renewed while eight processes prune and renew', async () => {
    const race = folder();
    const answer = await pruneAgainstSet(race, 8, factor > 1 ? 60_000 : 3_000);
    console.log(`      ${answer.renewed} renewed, ${answer.pruned} pruned`);
    expect(answer.lost).to.equal(0);
    expect(answer.renewed).to.be.greaterThan(100);
    expect(answer.pruned).to.be.greaterThan(10);
  });
});
