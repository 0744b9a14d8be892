import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { namesIn } from '../support/folder.js';
import { crashCycles } from './cycle.js';

const cycles = Number(process.env['CRASH_CYCLES'] ?? 200);

describe(`FileStore under kill -9, ${cycles} times`, () => {
  for (const { fsync, share } of [
    { fsync: false, share: 0.75 },
    { fsync: true, share: 0.25 },
  ]) {
    it(`loses no acknowledged write, tears none and sweeps what is left over; fsync ${fsync}`, async function () {
      this.timeout(0);
      const path = mkdtempSync(join(tmpdir(), 'sessile-crash-'));
      const rounds = process.env['CRASH_CYCLES'] === undefined ? Math.round(cycles * share) : cycles;
      const { acknowledged } = await crashCycles({
        order: { store: { kind: 'file', path, options: { fsync } }, ids: 10, bytes: 4_000 },
        cycles: rounds,
        killAfter: [2, 32],
        check: async (store, cycle) => {
          if (cycle % 20 !== 19 && cycle !== rounds - 1) return;
          await store.updateAsync('id-0', (session) => session);
          await store.pruneAsync();
          expect(namesIn(path).filter((name) => !name.endsWith('.json'))).to.deep.equal([]);
        },
      });
      expect(acknowledged).to.be.greaterThan(rounds);
      rmSync(path, { recursive: true });
    });
  }
});

describe('The kill -9 harness', () => {
  for (const broken of ['acknowledges early', 'writes in place'] as const) {
    it(`notices a store that ${broken}`, async function () {
      this.timeout(300_000);
      const path = mkdtempSync(join(tmpdir(), 'sessile-crash-'));
      // Long sessions, so that a kill often meets a write; it ends with the first that tells.
      const order = { store: { kind: 'file' as const, path, broken }, ids: 10, bytes: 100_000 };
      const outcome = crashCycles({ order, cycles: 1_000, killAfter: [2, 32] });
      const error = await outcome.then(
        () => undefined,
        (reason: Error) => reason,
      );
      expect(error?.message).to.match(/is \d+, not|torn|no session/);
      rmSync(path, { recursive: true });
    });
  }
});
