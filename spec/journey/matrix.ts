import { readFileSync, writeFileSync } from 'node:fs';
import { journeyCases } from '../conformance/journey/cases.js';
import type { Face } from '../conformance/journey/face.js';
import type { Kind } from './stores.js';

const readme = new URL('../../README.md', import.meta.url);
const BLOCK = /(<!-- matrix: .* -->\n)([\s\S]*?)(<!-- \/matrix -->)/;

/** Which journeys passed, by framework and store: what README shows, and nothing that did not run. */
export class Matrix {
  readonly #faces: readonly Face[];
  readonly #kinds: readonly Kind[];
  readonly #passed = new Map<string, number>();

  constructor(faces: readonly Face[], kinds: readonly Kind[]) {
    this.#faces = faces;
    this.#kinds = kinds;
  }

  passed(face: Face, kind: Kind): void {
    const cell = cellOf(face, kind);
    this.#passed.set(cell, (this.#passed.get(cell) ?? 0) + 1);
  }

  toMarkdown(): string {
    const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
    const notes: string[] = [];
    const rows = this.#faces.map((face) => {
      const mark = face.cannot ? ` (${notes.push(noteOf(face.cannot))})` : '';
      const cells = this.#kinds.map((kind) => this.#passed.get(cellOf(face, kind)) ?? 0);
      return row([`${face.name}${mark}`, ...cells.map((passed) => `${passed} of ${journeyCases.length}`)]);
    });
    const head = row(['framework', ...this.#kinds.map(({ name }) => name)]);
    const rule = row(['framework', ...this.#kinds].map(() => '---'));
    const list = notes.map((note, at) => `${at === 0 ? '\n' : ''}${at + 1}. ${note}\n`);
    return [head, rule, ...rows, ...list].join('');
  }
}

function cellOf(face: Face, kind: Kind): string {
  return JSON.stringify([face.name, kind.name]);
}

/** The cases that a framework leaves out, by reason. */
function noteOf(cannot: NonNullable<Face['cannot']>): string {
  const byReason = new Map<string, string[]>();
  for (const [id, reason] of Object.entries(cannot)) {
    const name = id.slice(id.indexOf('/') + 1).replaceAll('-', ' ');
    byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
  }
  return `Not ${[...byReason].map(([reason, names]) => `${names.join(', ')}: ${reason}`).join('; ')}.`;
}

/** What README shows between its two markers. */
export function shownMatrix(): string {
  const shown = BLOCK.exec(readFileSync(readme, 'utf8'))?.[2];
  if (shown === undefined) throw new Error('README.md lacks the markers of the matrix');
  return shown;
}

export function writeMatrix(text: string): void {
  const before = readFileSync(readme, 'utf8');
  writeFileSync(
    readme,
    before.replace(BLOCK, (_, start: string, _shown: string, end: string) => start + text + end),
  );
}
