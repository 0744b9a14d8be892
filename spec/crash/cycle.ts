import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionStore } from '../../lib/store.js';
import { bundle } from '../support/bundle.js';
import { isWhole, type Operation, type Order } from './orders.js';
import { openStore } from './stores.js';

/** What may be stored under one id: the version, or 0 for nothing. */
type State = number;

export interface CrashOptions {
  order: Omit<Order, 'firstVersion' | 'seed'>;
  cycles: number;
  /** The child is killed between so many and so many ms after it began to work. */
  killAfter: [least: number, most: number];
  /** Called after each cycle with the store still open, for checks of one kind of store. */
  check?: (store: SessionStore, cycle: number) => Promise<void> | void;
}

export interface CrashResult {
  acknowledged: number;
  /** Operations that were under way when their process died: either outcome is right. */
  open: number;
}

/**
 * Starts a child that writes, kills it with SIGKILL at a random moment, and looks: each id must be in the state of its
 * last acknowledged operation, or in that of the one operation that was under way.
 * @throws Error that says what was lost, torn or made up
 */
export async function crashCycles({ order, cycles, killAfter, check }: CrashOptions): Promise<CrashResult> {
  const program = await bundle(new URL('./child.ts', import.meta.url));
  const states = new Map<number, State>();
  const result: CrashResult = { acknowledged: 0, open: 0 };
  let firstVersion = 1;
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    const seed = (Math.random() * 2 ** 32) >>> 0;
    const [least, most] = killAfter;
    const lines = await runAndKill(program, { ...order, firstVersion, seed }, least + Math.random() * (most - least));
    const allowed = judge(lines, states, result);
    const store = openStore(order.store);
    const problems: string[] = [];
    store.on('error', (error: Error) => problems.push(String(error)));
    for (let id = 0; id < order.ids; id += 1) {
      const found = await look(store, id, problems);
      const right = allowed.get(id) ?? new Set([states.get(id) ?? 0]);
      if (!right.has(found)) problems.push(`id-${id} is ${found}, not ${[...right].join(' or ')}`);
      states.set(id, found);
      firstVersion = Math.max(firstVersion, found, ...right) + 1;
    }
    await check?.(store, cycle);
    await store.closeAsync();
    if (problems.length > 0) throw new Error(`cycle ${cycle}, seed ${seed}: ${problems.join('; ')}`);
  }
  return result;
}

async function runAndKill(program: string, order: Order, delay: number): Promise<string[]> {
  const child = spawn(process.execPath, [program, JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  const ready = new Promise<void>((resolve, reject) => {
    child.once('exit', () => reject(new Error(`the child ended by itself: ${output}`)));
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      output += text;
      if (output.includes('ready\n')) resolve();
    });
  });
  await ready;
  await sleep(delay);
  await kill(child);
  const lines = output.slice(0, output.lastIndexOf('\n')).split('\n');
  const failed = lines.find((line) => line.startsWith('error'));
  if (failed !== undefined) throw new Error(`the child met an ${failed}`);
  return lines;
}

async function kill(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}

/** For each id the states that it may be in after these lines. */
function judge(lines: string[], states: Map<number, State>, result: CrashResult): Map<number, Set<State>> {
  const allowed = new Map<number, Set<State>>();
  for (const line of lines) {
    const [kind, idText, operation, version] = line.split(' ');
    if (kind !== 'begin' && kind !== 'done') continue;
    const id = Number(idText);
    const before = states.get(id) ?? 0;
    const after = next(before, operation as Operation, Number(version));
    if (kind === 'begin') {
      allowed.set(id, new Set([before, after]));
      result.open += 1;
    } else {
      allowed.set(id, new Set([after]));
      states.set(id, after);
      result.open -= 1;
      result.acknowledged += 1;
    }
  }
  return allowed;
}

function next(before: State, operation: Operation, version: number): State {
  if (operation === 'touch') return before;
  return operation === 'destroy' ? 0 : version;
}

async function look(store: SessionStore, id: number, problems: string[]): Promise<State> {
  const session = await store.getAsync(`id-${id}`);
  if (session === undefined) return 0;
  if (!isWhole(session)) problems.push(`id-${id} is torn`);
  return session.version ?? -1;
}
