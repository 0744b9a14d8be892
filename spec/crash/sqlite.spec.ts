import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openFile } from '../../lib/internal/sqlite-library.js';
import { first } from '../../lib/internal/sqlite-schema.js';
import { crashCycles } from './cycle.js';

const cycles = Number(process.env['CRASH_CYCLES'] ?? 100);

describe(`SqliteStore under kill -9, ${cycles} times with each setting`, () => {
  for (const synchronous of ['normal', 'full'] as const) {
    it(`loses no acknowledged write and damages nothing; synchronous ${synchronous}`, async function () {
      this.timeout(0);
      const dir = mkdtempSync(join(tmpdir(), 'sessile-crash-'));
      const path = join(dir, 'sessions.db');
      const { acknowledged } = await crashCycles({
        order: { store: { kind: 'sqlite', path, options: { synchronous } }, ids: 10, bytes: 4_000 },
        cycles,
        killAfter: [2, 32],
        check: () => {
          const database = openFile(path);
          expect(first(database, 'PRAGMA integrity_check')).to.equal('ok');
          database.close();
        },
      });
      expect(acknowledged).to.be.greaterThan(cycles);
      rmSync(dir, { recursive: true });
    });
  }
});
