// How FileStore does with very many sessions: node --expose-gc --import tsx bench/scale-file.ts [sessions] [rounds]
// Prints the figures, and ends with 1 where one misses its bar.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileBackend, FileStore } from '../lib/backends/file.js';
import { type Act, fill, idle, LATER, ratioOf, sidOf, type Watched, watch } from '../spec/file/scale.js';

const [sessions = 200_000, rounds = 9] = process.argv.slice(2).map(Number);
const FEW = 1_000;
const root = mkdtempSync(join(tmpdir(), 'sessile-scale-'));
let missed = 0;

function judge(line: string, met: boolean): void {
  console.log(`${met ? 'met   ' : 'MISSED'}  ${line}`);
  if (!met) missed += 1;
}

function show(line: string, { seconds, delay, turn, growth }: Watched<unknown>): void {
  const figures = [
    `${seconds.toFixed(1)} s`,
    `loop delay p99 ${delay.toFixed(1)} ms`,
    `CPU of a turn p99 ${turn.toFixed(1)} ms`,
  ];
  console.log(`        ${line}: ${figures.join(', ')}, heap +${growth.toFixed(1)} MB`);
}

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
process.exitCode = missed > 0 ? 1 : 0;
