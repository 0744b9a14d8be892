// FileStore's part of scale.ts.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileBackend, FileStore } from '../lib/backends/file.js';
import { type Act, fill, LATER, ratioOf, sidOf } from '../spec/file/scale.js';
import { idle, watch } from '../spec/support/watch.js';
import { judge, numbers, show } from './scale-report.js';

const [sessions = 200_000, rounds = 9] = numbers;
const FEW = 1_000;
const root = mkdtempSync(join(tmpdir(), 'sessile-scale-'));

/** Of the same thousand sessions among few and among many; then of any among many, where the CPU's caches end. */
async function speeds(small: FileBackend, large: FileBackend): Promise<void> {
  for (const act of ['get', 'touch', 'set'] as Act[]) {
    const few = { backend: small, among: FEW };
    const same = await ratioOf(act, [few, { backend: large, among: FEW }], rounds);
    const any = await ratioOf(act, [few, { backend: large, among: sessions }], rounds);
    judge(`${act} of a thousand among ${sessions}, against ${FEW}: ${same.toFixed(2)} (bar 0.80)`, same >= 0.8);
    console.log(`        ${act} of any among ${sessions}, against ${FEW}: ${any.toFixed(2)}`);
  }
}

async function listings(dir: string): Promise<void> {
  const store = new FileStore(dir, { now: () => LATER - 1, pruneInterval: 0 });
  const length = await watch(() => store.lengthAsync());
  show(`length ${length.answer}`, length);
  const ids = await watch(async () => (await store.idsAsync()).length);
  show(`ids ${ids.answer}`, ids);
  const walk = await watch(async () => {
    let seen = 0;
    for await (const _ of store.entries()) seen += 1;
    return seen;
  });
  show(`entries() ${walk.answer}`, walk);
  const alive = [length, ids, walk].every(({ answer }) => answer === sessions / 2);
  judge(`length, ids and entries() see the ${sessions / 2} that live`, alive);
  judge(`the heap grows by less than 16 MB in a walk: ${walk.growth.toFixed(1)} MB`, walk.growth < 16);
  await store.closeAsync();
}

async function prune(backend: FileBackend): Promise<void> {
  const rest = await idle();
  show('nothing', rest);
  const pruned = await watch(() => backend.prune(LATER - 1) as Promise<number>);
  show(`prune ${pruned.answer}`, pruned);
  judge(`prune removes the ${sessions / 2} dead, and no other`, pruned.answer === sessions / 2);
  judge(
    `event-loop delay p99 ${pruned.delay.toFixed(1)} ms (bar 10; ${rest.delay.toFixed(1)} idle)`,
    pruned.delay < 10,
  );
  judge(`CPU of a turn p99 ${pruned.turn.toFixed(1)} ms (bar 10)`, pruned.turn < 10);
  judge('what lives is there', Number((await backend.read(sidOf(sessions - 1)))?.expires) >= LATER);
}

try {
  const [few, many] = [join(root, 'few'), join(root, 'many')];
  fill(few, { count: FEW });
  fill(many, { count: sessions });
  await speeds(new FileBackend(few), new FileBackend(many));
  // Half of them are dead from here on.
  fill(many, { count: sessions / 2, dead: sessions / 2 });
  await listings(many);
  await prune(new FileBackend(many));
} finally {
  rmSync(root, { recursive: true, force: true });
}
