import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

/** Makes `path` a folder in which every package of this repository is installed, and sessile itself, by links. */
export function workplace(path: string): string {
  const modules = join(path, 'node_modules');
  mkdirSync(modules);
  symlinkSync(root, join(modules, 'sessile'));
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!name.startsWith('.') && name !== 'sessile') symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
  return path;
}
