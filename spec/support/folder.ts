import { spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Files, nodeFiles } from '../../lib/internal/files.js';

/** A fresh directory for each test of the suite that calls this; gone after the test. */
export function folders(): () => string {
  const made: string[] = [];
  afterEach(() => {
    for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
  });
  return () => {
    const path = mkdtempSync(join(tmpdir(), 'sessile-'));
    made.push(path);
    return path;
  };
}

/** The names in a store's directory, sorted, without that of the folder in which its writers know of each other. */
export function namesIn(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => name !== '.writers')
    .sort();
}

/**
 * Everything below `root` with kind, mode, times and content, to be compared with a later look. Looking leaves no trace,
 * and the first time that somebody else reads a file does.
 */
export function snapshot(root: string): Record<string, string> {
  const seen: Record<string, string> = { '.': describe(root) };
  for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' })) seen[name] = describe(join(root, name));
  return seen;
}

function describe(path: string): string {
  const stats = lstatSync(path, { bigint: true });
  const is = `${stats.ino} ${stats.mode.toString(8)} ${stats.mtimeNs} ${stats.ctimeNs}`;
  if (stats.isSymbolicLink()) return `${is} -> ${readlinkSync(path)}`;
  return stats.isFile() ? `${is} ${stats.atimeNs} ${contentOf(path)}` : is;
}

function contentOf(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | (constants.O_NOATIME ?? 0));
  try {
    return readFileSync(fd, 'base64');
  } finally {
    closeSync(fd);
  }
}

/** The real file-system calls, the names of those made in `calls`, and with `changes` in place of some. */
export function watched(changes: Partial<Files> = {}): Files & { readonly calls: string[] } {
  const calls: string[] = [];
  const entries = Object.entries({ ...nodeFiles, ...changes }).map(([name, call]) => [
    name,
    (...args: never[]): unknown => {
      calls.push(name);
      return (call as (...args: never[]) => unknown)(...args);
    },
  ]);
  return Object.assign(Object.fromEntries(entries) as Files, { calls });
}

/** A system error as Node makes it. */
export function systemError(code: string, syscall = 'open'): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: made by a spec, ${syscall}`), { code, errno: -1, syscall });
}

/** What a program prints that may import from lib as `lib('x.js')` names it; it ends by itself or is a failure. */
export async function program(body: string, { uid }: { uid?: number } = {}): Promise<string> {
  const lib = (path: string) => new URL(`../../lib/${path}`, import.meta.url).href;
  const source = body.replaceAll(/lib\('([^']+)'\)/g, (_, path: string) => JSON.stringify(lib(path)));
  const args = ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', source];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 55_000,
    ...(uid && { uid }),
  });
  const ended = new Promise<string>((resolve) => {
    child.once('close', (code, signal) => resolve(String(code ?? signal)));
  });
  const [out, err, end] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (end !== '0') throw new Error(`The program ended with ${end}: ${err}`);
  return out;
}

/** The error that `act` throws or rejects with. */
export async function failureOf(act: () => unknown): Promise<Error & { code?: string }> {
  try {
    await act();
  } catch (error) {
    return error as Error;
  }
  throw new Error('It should have failed');
}
