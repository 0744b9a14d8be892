import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { attempt } from './files.js';

/**
 * Who holds a lock, as the text of a lock file: `nonce:pid:start:place`. The nonce is one lock instance's own. `place`
 * stands for the boot, the PID namespace and the host: only within one place a pid means the same process to everybody.
 * `start` tells a process from a later one with the same pid; where the system does not say, it is empty.
 * At most 59 bytes, so that ext4 keeps it inside the inode of a symbolic link.
 */
export interface Owner {
  readonly nonce: string;
  readonly pid: number;
  readonly start: string;
  readonly place: string;
}

const RECORD = /^([\da-z]{8,24}):(\d{1,10}):(\d*):([\da-f]{12})$/;

/** What reading of a process says that is no more. */
const GONE = new Set<unknown>(['ENOENT', 'ESRCH']);

const life = randomBytes(5).toString('hex');
let instances = 0;
/** Nonces of locks that this process could not remove when it was done with them. */
const abandoned = new Set<string>();
/** Read when this is loaded: later the process might have no descriptor left to read it with. */
const identity = { start: startOf(process.pid) ?? '', place: thisPlace() };

/** A new lock instance of this process. */
export function newOwner(): Owner {
  instances += 1;
  return { nonce: life + instances.toString(36), pid: process.pid, ...identity };
}

export function formatOwner({ nonce, pid, start, place }: Owner): string {
  return `${nonce}:${pid}:${start}:${place}`;
}

export function parseOwner(text: string): Owner | undefined {
  const match = RECORD.exec(text);
  if (match === null) return undefined;
  const [, nonce = '', pid, start = '', place = ''] = match;
  return { nonce, pid: Number(pid), start, place };
}

/** For a lock of this process that cannot be removed now: whoever of this process meets it may break it. */
export function abandon({ nonce }: Owner): void {
  abandoned.add(nonce);
}

/** Certainly gone, or done. False also where that cannot be known from here. */
export function isDead(owner: Owner, me: Owner): boolean {
  if (abandoned.has(owner.nonce)) return true;
  if (owner.place !== me.place) return false;
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
