import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { choices } from './stores.js';

/** Something that the person who starts the server can put right; its message is all they need. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
}

type Environment = Readonly<Record<string, string | undefined>>;

const OWN_DATA = fileURLToPath(new URL('data', import.meta.url));
const SHORTEST_SECRET = 32;

/** What the environment asks for; a variable that is empty counts as absent. Throws SetupError. */
export function readSettings(env: Environment) {
  const name = env.STORE || 'file';
  const choice = choices.get(name);
  if (choice === undefined) {
    throw new SetupError(`STORE=${name} is not known. Choose one of: ${[...choices.keys()].join(', ')}`);
  }
  return { choice, port: readPort(env.PORT || '3000'), dataDir: resolve(env.DATA_DIR || OWN_DATA) };
}

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new SetupError(`PORT=${text} is no port. Choose a number from 0 (any free port) to 65535`);
}

/** Makes the folder for everything this server keeps. Throws SetupError. */
export async function makeDataDir(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new SetupError(`The data folder cannot be made: ${reasonOf(error)}`, { cause: error });
  }
}

/**
 * What the cookies are signed with: SESSION_SECRET or, without it, a random secret that is made once and kept. It must
 * outlive the process, because with a new one every cookie out there is worthless and everybody is logged out.
 */
export async function readSecret(env: Environment, dataDir: string): Promise<{ secret: string; from: string }> {
  if (env.SESSION_SECRET) return { secret: env.SESSION_SECRET, from: 'SESSION_SECRET' };
  const path = join(dataDir, 'secret');
  try {
    await writeFile(path, `${randomBytes(32).toString('hex')}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (!isCoded(error, 'EEXIST')) throw unusable(path, reasonOf(error), error);
  }
  return { secret: await readKeptSecret(path), from: path };
}

async function readKeptSecret(path: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw unusable(path, reasonOf(error), error);
  }
  const secret = text.trim();
  // A crash right after the file was made leaves it empty, and an empty secret would sign nothing.
  if (secret.length < SHORTEST_SECRET) throw unusable(path, 'it is too short. Remove it and a new one is made');
  return secret;
}

function unusable(path: string, reason: string, cause?: unknown): SetupError {
  return new SetupError(`The secret in ${path} cannot be used: ${reason}`, { cause });
}

export function isCoded(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
