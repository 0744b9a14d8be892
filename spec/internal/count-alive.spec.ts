import { expect } from 'chai';
import { countAlive } from '../../lib/internal/count-alive.js';

describe('countAlive', () => {
  async function* entries(...deadlines: number[]) {
    for (const expires of deadlines) yield ['sid', { data: '{}', cookie: '', expires }] as const;
  }

  it('counts what expires after now, and not at it', async () => {
    expect(await countAlive(entries(99, 100, 101, 102), 100)).to.equal(2);
    expect(await countAlive(entries(), 100)).to.equal(0);
  });
});
