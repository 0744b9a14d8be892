import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { attempt } from './files.js';

/**
 * Who writes, as the name of a writer's folder and the text of its lock files: `nonce-pid-start-place`, in a lock
 * followed by `-turn`. The nonce is one writer's own, the turn one lock instance's of it. `place` stands for the boot, the
 * PID namespace and the host: only within one place a pid means the same process to everybody. `start` tells a process
 * from a later one with the same pid; where the system does not say, it is empty.
 * At most 59 bytes, so that ext4 keeps it inside the inode of a symbolic link.
 */
export interface Owner {
  readonly nonce: string;
  readonly pid: number;
  readonly start: string;
  readonly place: string;
  readonly turn?: string;
}

const RECORD = /^([\da-z]{8,24})-(\d{1,10})-(\d*)-([\da-f]{12})(?:-([\da-z]+))?$/;

/** What reading of a process says that is no more. */
const GONE = new Set<unknown>(['ENOENT', 'ESRCH']);

const life = randomBytes(5).toString('hex');
let owners = 0;
let turns = 0;
/** Locks that this process could not remove when it was done with them. */
const abandoned = new Set<string>();
/** Read when this is loaded: later the process might have no descriptor left to read it with. */
const identity = { start: startOf(process.pid) ?? '', place: thisPlace() };

/** A new writer of this process. */
export function newOwner(): Owner {
  owners += 1;
  return { nonce: life + owners.toString(36), pid: process.pid, ...identity };
}

/** A new lock instance of a writer. */
export function newTurn(owner: Owner): Owner {
  turns += 1;
  return { ...owner, turn: turns.toString(36) };
}

export function formatOwner({ nonce, pid, start, place, turn }: Owner): string {
  return `${nonce}-${pid}-${start}-${place}${turn === undefined ? '' : `-${turn}`}`;
}

export function parseOwner(text: string): Owner | undefined {
  const match = RECORD.exec(text);
  if (match === null) return undefined;
  const [, nonce = '', pid, start = '', place = '', turn] = match;
  return { nonce, pid: Number(pid), start, place, ...(turn !== undefined && { turn }) };
}

/** For a lock of this process that cannot be removed now: whoever of this process meets it may break it. */
export function abandon(owner: Owner): void {
  abandoned.add(formatOwner(owner));
}

/** Whether it is of this place, so that its pid means something here. */
export function isNear(owner: Owner): boolean {
  return owner.place === identity.place;
}

/** Certainly gone, or done. False also where that cannot be known from here. */
export function isDead(owner: Owner): boolean {
  if (abandoned.has(formatOwner(owner))) return true;
  if (!isNear(owner)) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  const start = startOf(owner.pid);
  return owner.start !== '' && start !== undefined && start !== owner.start;
}

/**
 * When a process began, in clock ticks since the boot: the 22nd field of its stat, counted behind the name's `)`. A
 * process that has ended and whose parent did not ask for that yet, which can last, has a pid but never began; nor did
 * one that ends while it is looked at. Undefined where the system does not tell.
 */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state, ...others] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? 'never' : others[18];
  } catch (error) {
    return GONE.has((error as NodeJS.ErrnoException).code) ? 'never' : undefined;
  }
}

function thisPlace(): string {
  const boot = attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1'));
  const namespace = attempt(() => readlinkSync('/proc/self/ns/pid'));
  return createHash('sha256').update(`${boot} ${namespace} ${hostname()}`).digest('hex').slice(0, 12);
}
