// One of several processes that renew dead sessions and prune at the same time. It says what it found lost.
import { FileBackend } from '../../lib/backends/file.js';
import type { PruneAnswer, PruneOrder } from './scale-orders.js';

/** Renews sessions that are dead and may be on their way out; a renewed one must be there until it is ended here. */
async function renew({ dir, ids, name, until }: PruneOrder & { until: number }): Promise<PruneAnswer> {
  const backend = new FileBackend(dir);
  const answer: PruneAnswer = { renewed: 0, lost: 0, pruned: 0 };
  for (let n = 0; Date.now() < until; n += 1) {
    const sid = `${name}-${n % ids}`;
    const data = JSON.stringify({ n });
    await backend.update(sid, () => ({ data, cookie: '', expires: until + 3_600_000 }));
    answer.renewed += 1;
    for (let look = 0; look < 3; look += 1) {
      if ((await backend.read(sid))?.data !== data) answer.lost += 1;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 2));
    }
    await backend.update(sid, () => ({ data, cookie: '', expires: 1 }));
  }
  return answer;
}

async function prune({ dir, until }: PruneOrder & { until: number }): Promise<PruneAnswer> {
  const backend = new FileBackend(dir);
  const answer: PruneAnswer = { renewed: 0, lost: 0, pruned: 0 };
  while (Date.now() < until) answer.pruned += await backend.prune(Date.now());
  return answer;
}

process.on('message', async (order: PruneOrder) => {
  const until = Date.now() + order.ms;
  const lanes = Array.from({ length: 4 }, (_, lane) => renew({ ...order, name: `${order.name}-${lane}`, until }));
  const answers = await Promise.all([...lanes, prune({ ...order, until })]);
  const sum = (key: keyof PruneAnswer) => answers.reduce((total, answer) => total + answer[key], 0);
  process.send?.({ renewed: sum('renewed'), lost: sum('lost'), pruned: sum('pruned') } satisfies PruneAnswer);
  process.disconnect();
});
process.send?.('ready');
