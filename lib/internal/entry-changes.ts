import { extname } from 'node:path';
import type { Change } from '../backend.js';
import type { FoundEntry } from './entry-files.js';
import type { EntryFolder, Place } from './entry-folder.js';
import type { Ground, Turns } from './turns.js';

/**
 * Changes entries, each by one process at a time. Within a process whoever calls has the turn of that path.
 *
 * All methods throw SessileError `SESSILE_IO`, `SESSILE_FORMAT`, `SESSILE_BAD_PATH`, `SESSILE_LOCK_TIMEOUT`,
 * `SESSILE_LOCK_LOST`, and what the change throws.
 */
export class EntryChanges {
  readonly #folder: EntryFolder;
  readonly #turns: Turns;

  constructor(folder: EntryFolder, turns: Turns) {
    this.#folder = folder;
    this.#turns = turns;
  }

  /**
   * As {@link look}, and waits until it lasts: also where nothing was changed, as what was found may be another's that
   * does not last yet.
   */
  async make(place: Place, change: Change): Promise<void> {
    await this.look(place, change);
    await this.#folder.lasting();
  }

  /** Read, change, write, in one turn. What was written need not last yet: for a look that puts something in order. */
  look(place: Place, change: Change): Promise<void> {
    const stem = place.path.slice(0, -extname(place.path).length);
    return this.#turns.take({ stem, path: place.path }, (ground) => this.#commit(place, change, ground));
  }

  async #commit(place: Place, change: Change, ground: Ground): Promise<void> {
    const current = await this.#folder.settle(place, ground);
    const next = change(current);
    if (next === current) return;
    const sid = place.sid ?? (current as FoundEntry).sid;
    if (next === undefined) await this.#folder.remove(place.path, sid, ground);
    else await this.#folder.write(place.path, { ...next, sid }, { ground, replaces: current !== undefined });
  }
}
