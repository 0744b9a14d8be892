// Writes for its life: several ids at once, one operation per id at a time, each announced before it begins and
// reported when it is acknowledged. It is killed at some moment; what it said until then is what the parent judges by.
import { writeSync } from 'node:fs';
import { bodyOf, type Operation, type Order } from './orders.js';
import { openStore } from './stores.js';

const order = JSON.parse(process.argv[2] ?? '') as Order;
const store = openStore(order.store);
const random = seeded(order.seed);

function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** One write of one short line: a pipe takes it whole or not at all. */
function say(kind: 'begin' | 'done', id: number, operation: Operation, version: number): void {
  writeSync(1, `${kind} ${id} ${operation} ${version}\n`);
}

async function work(id: number): Promise<never> {
  for (let version = order.firstVersion; ; version += 1) {
    const roll = random();
    const operation: Operation = roll < 0.5 ? 'set' : roll < 0.75 ? 'update' : roll < 0.9 ? 'touch' : 'destroy';
    say('begin', id, operation, version);
    const body = bodyOf(version, order.bytes);
    const sid = `id-${id}`;
    if (operation === 'set') await store.setAsync(sid, body);
    else if (operation === 'update') await store.updateAsync(sid, () => body);
    else if (operation === 'touch') await store.touchAsync(sid, body);
    else await store.destroyAsync(sid);
    say('done', id, operation, version);
  }
}

store.on('error', (error: Error) => writeSync(1, `error ${error.message}\n`));
writeSync(1, 'ready\n');
await Promise.all(Array.from({ length: order.ids }, (_, id) => work(id)));
