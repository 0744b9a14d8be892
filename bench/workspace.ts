import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Tools } from './contract.js';

const here = fileURLToPath(new URL('.', import.meta.url));

/** Directories of one run: compiled code, which must see node_modules, and the subjects' files. */
export class Workspace implements Disposable {
  readonly #code: string;
  readonly #data: string;

  /** @param dir where subjects keep their files; default: in this repository's file system */
  constructor(dir: string = here) {
    this.#code = mkdtempSync(join(here, '.tmp-code-'));
    mkdirSync(dir, { recursive: true });
    this.#data = mkdtempSync(join(dir, '.tmp-data-'));
    process.on('exit', () => this[Symbol.dispose]());
  }

  get data(): string {
    return this.#data;
  }

  /**
   * Compiles lib/ and what runs in child processes as they are now: no TypeScript loader is measured, and no stale
   * build either. Packages are not bundled.
   */
  async compile(more: string | undefined): Promise<Compiled> {
    await build({
      entryPoints: { child: join(here, 'child.ts'), client: join(here, 'client.ts'), ...(more && { more }) },
      outdir: this.#code,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      splitting: true,
      packages: 'external',
      format: 'esm',
      platform: 'node',
      target: 'node20',
      logLevel: 'warning',
    });
    const built = (name: string) => join(this.#code, `${name}.mjs`);
    return { child: built('child'), tools: { client: built('client') }, more: more && built('more') };
  }

  /** A name for a new directory; the child makes it. */
  directory(name: string): string {
    return join(this.#data, name);
  }

  remove(path: string): void {
    rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  }

  [Symbol.dispose](): void {
    this.remove(this.#code);
    this.remove(this.#data);
  }
}

export interface Compiled {
  readonly child: string;
  readonly tools: Tools;
  readonly more: string | undefined;
}
