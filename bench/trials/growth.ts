import type { Act, Trial } from '../contract.js';
import { acts } from '../growth-page.js';
import { measure } from '../lanes.js';
import { actOn, fill } from './store.js';

/** One filling, then one kind of operation after the other: what `npm run bench:growth` asks of each size. */
export const growth: Trial = {
  name: 'growth',
  about: 'get, set and touch of one filling',
  writes: 'save',
  async run(opened, load, { meet }) {
    const filled = await fill(opened, load.sessions, load.bytes);
    const figures: Partial<Record<Act, number>> = {};
    let [operations, ms] = [0, 0];
    for (const act of acts) {
      await meet?.();
      const sample = await measure(actOn[act](opened.store, filled), load);
      figures[act] = (sample.operations / sample.ms) * 1_000;
      operations += sample.operations;
      ms += sample.ms;
    }
    // Nobody closes what the others still need.
    await meet?.();
    return { operations, ms, figures };
  },
};
