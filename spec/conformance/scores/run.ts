// `npm run conformance`: holds the published stores against the suite and writes SCORES.md next to it.
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createSpinner } from 'nanospinner';
import { type Peer, peers } from './peers.js';
import type { Score } from './score.js';
import { type Scored, scoresPage } from './table.js';

/** Some stores keep a rule at times: their writes race. */
const RUNS = 5;

const root = join(import.meta.dirname, '..', '..', '..');
const scored: Scored[] = [];
for (const peer of peers) {
  const reason = peer.missing?.();
  if (reason !== undefined) {
    console.log(`${peer.name} is left out: ${reason}`);
    continue;
  }
  const spinner = createSpinner(`${peer.name} …`).start();
  const runs: Score[] = [];
  while (runs.length < RUNS) runs.push(await scoreOf(peer));
  scored.push({ name: peer.name, version: versionOf(peer.name), note: peer.note, runs });
  const told = runs.map(({ passed, failed }) => `${passed.length} of ${passed.length + failed.length}`);
  spinner.success(`${peer.name} passed ${told.join(', ')}`);
}
writeFileSync(join(root, 'spec', 'conformance', 'SCORES.md'), scoresPage(scored, process.version));

async function scoreOf({ name }: Peer): Promise<Score> {
  const program = join(import.meta.dirname, 'score.ts');
  const args = ['--import', 'tsx', program, name];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, maxBuffer: 1 << 24 });
  return JSON.parse(stdout.trim().split('\n').at(-1) as string) as Score;
}

function versionOf(name: string): string {
  const manifest = readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
