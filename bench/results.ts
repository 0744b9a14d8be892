import { mkdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Subject } from './contract.js';
import type { Options } from './options.js';
import type { Measured, Ratio, Row } from './summary.js';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Numbers of file systems as Linux has them. */
const fileSystems: Readonly<Record<number, string>> = {
  61267: 'ext4',
  16914836: 'tmpfs',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  2035054128: 'overlayfs',
};

export interface Machine {
  readonly date: string;
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  readonly system: string;
  readonly fileSystem: string;
  /** One-minute load average before the run: what else the machine was doing. */
  readonly loadBefore: number;
}

/** @param data a directory of the subjects' */
export function describeMachine(data: string): Machine {
  const processors = cpus();
  const { type } = statfsSync(data);
  return {
    date: new Date().toISOString(),
    node: process.version,
    cpu: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    system: `${process.platform} ${release()}`,
    fileSystem: fileSystems[type] ?? `0x${type.toString(16)}`,
    loadBefore: loadavg()[0] as number,
  };
}

export function machineLine(machine: Machine): string {
  const { node, cpu, cores, system, fileSystem, loadBefore } = machine;
  const synced = fileSystem === 'tmpfs' ? ' (fsync does nothing there)' : '';
  const busy = loadBefore > cores / 4 ? ': the machine was busy before the run began' : '';
  return `Node ${node}, ${cores} x ${cpu}, ${system}, files on ${fileSystem}${synced}, load ${loadBefore.toFixed(1)}${busy}`;
}

/** All that a run tells. */
export interface Report {
  readonly machine: Machine;
  readonly options: Options;
  readonly measured: readonly Measured[];
  readonly rows: readonly Row[];
  readonly ratios: readonly Ratio[];
}

/** Where results go. */
export function resultsFolder({ out }: { readonly out: string | undefined }): string {
  return out ?? join(root, 'bench', 'results');
}

/** Writes everything there is to know about the run, and answers where. */
export function writeResults({ machine, options, measured, rows, ratios }: Report): string {
  const folder = resultsFolder(options);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${machine.date.replaceAll(':', '-')}.json`);
  const results = rows.map((row, index) => ({ ...row, outcomes: measured[index]?.outcomes }));
  const { words, rounds, load } = options;
  const versions = versionsOf(measured.map(({ subject }) => subject));
  writeFileSync(path, `${JSON.stringify({ machine, versions, words, rounds, load, results, ratios }, null, 2)}\n`);
  return path;
}

export function versionsOf(subjects: readonly Subject[]): Record<string, string> {
  const names = new Set(['express', 'express-session', ...subjects.flatMap((subject) => subject.package ?? [])]);
  const versions: Record<string, string> = { sessile: versionIn(root) };
  for (const name of names) versions[name] = versionIn(join(root, 'node_modules', name));
  return versions;
}

function versionIn(folder: string): string {
  return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version;
}
