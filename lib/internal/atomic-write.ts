import { CORRUPT, type Desk, NoRoom, reasonOf } from './desk.js';
import { closing, errnoOf, type Files, flags, NO_LINKS } from './files.js';
import { expectDirectory, ShortWrite } from './io-error.js';

/** What Windows answers to a rename while a virus scanner or a reader has the target open. */
const BUSY = new Set<unknown>(['EPERM', 'EACCES', 'EBUSY']);
/** Pauses in ms between tries of a refused rename: 2 s together. */
const PAUSES = [10, 20, 40, 80, 150, 300, 600, 800];
/** So many bytes are written at once; more would hold the event loop. */
const MOST_AT_ONCE = 65_536;
/** A regular file of mode 0600. */
const OWN_KIND = 0o100600;
const ALL_BITS = 0o177777;

interface Ways {
  /** Also wait until the content is on the disk, before it gets its name. */
  durable?: boolean;
  /**
   * Write files anew that others replaced. Another process may have one open that it is about to read, so this is for
   * files that say whose they are, and whether they are whole.
   */
  reuses?: boolean;
}

/**
 * Puts whole files in place and removes them: a reader finds the former content or the new one, never a part. A short
 * write is a failure; after a failure of any kind the target is as it was and what was prepared is gone.
 *
 * All methods throw Revoked where the desk was taken away; nothing was done then.
 */
export class AtomicWriter {
  readonly #files: Files;
  readonly #durable: boolean;
  readonly #reuses: boolean;

  constructor(files: Files, { durable = false, reuses = false }: Ways = {}) {
    this.#files = files;
    this.#durable = durable;
    this.#reuses = reuses;
  }

  /** @param replaces whether there is a file that this takes the place of, as far as the caller knows */
  async write(target: string, text: string, desk: Desk | NoRoom, replaces = true): Promise<void> {
    if (desk instanceof NoRoom) throw desk.refused;
    const bytes = Buffer.from(text);
    const spare = this.#reuses && bytes.length <= MOST_AT_ONCE ? desk.takeSpare(target) : undefined;
    const draft = spare ?? desk.draft();
    const former = this.#reuses && replaces && desk.wantsSpares ? await this.#keep(target, desk) : undefined;
    try {
      if (spare === undefined || !(await this.#refill(draft, bytes))) await this.#fill(draft, bytes);
      await this.#rename(draft, target);
    } catch (error) {
      for (const path of [draft, former]) if (path !== undefined) await this.#files.unlink(path).catch(() => {});
      throw reasonOf(this.#files, error, { target, desk });
    }
    if (former !== undefined) desk.addSpare(former, target);
  }

  /** No error where it is gone already. */
  async remove(target: string, desk: Desk | NoRoom): Promise<void> {
    if (desk instanceof NoRoom) return this.#unlink(target);
    for (const spare of desk.takeSpares(target)) await this.#unlink(spare);
    const removed = desk.draft();
    if (await this.#take(target, removed, desk)) await this.#unlink(removed).catch(() => this.#unlink(removed));
  }

  /**
   * Moves whatever has the name `target` to the first of the names `asides` that it can have.
   * @returns that name; undefined where nothing has the name `target`
   */
  async setAside(target: string, asides: readonly string[], desk: Desk | NoRoom): Promise<string | undefined> {
    const from = desk instanceof NoRoom ? target : desk.draft(CORRUPT);
    if (!(desk instanceof NoRoom) && !(await this.#take(target, from, desk))) return undefined;
    let failure: unknown;
    for (const aside of asides) {
      try {
        await this.#files.rename(from, aside);
        return aside;
      } catch (error) {
        failure ??= error;
      }
    }
    if (desk instanceof NoRoom) {
      if (errnoOf(failure) !== 'ENOENT' || this.#files.lstatSync(target) !== undefined) throw failure;
      return expectDirectory(this.#files, target, failure) as undefined;
    }
    await this.#files.rename(from, target).catch(() => {});
    throw reasonOf(this.#files, failure, { target, desk });
  }

  /** Gives what is replaced a second name. It is one file the less to make later; where it fails nothing is lost. */
  async #keep(target: string, desk: Desk): Promise<string | undefined> {
    const former = desk.draft();
    try {
      await this.#files.link(target, former);
      return former;
    } catch (error) {
      if (NO_LINKS.has(errnoOf(error))) desk.canKeep = false;
      return undefined;
    }
  }

  /**
   * Writes a file anew, synchronously, as a touch is written: no name is made and the blocks are there. False, and it is
   * gone, where somebody else has a name for it or may read it.
   */
  async #refill(path: string, bytes: Buffer): Promise<boolean> {
    const fd = this.#files.openSync(path, flags.refill);
    let isOurs = false;
    await closing(this.#files, fd, async () => {
      const { nlink, mode, size } = this.#files.fstatSync(fd);
      isOurs = nlink === 1 && (mode & ALL_BITS) === OWN_KIND;
      if (!isOurs) return;
      if (size > bytes.length) this.#files.ftruncateSync(fd, bytes.length);
      expectWhole(this.#files.refillSync(fd, bytes), bytes);
      if (this.#durable) await this.#files.fdatasync(fd);
    });
    if (!isOurs) await this.#files.unlink(path);
    return isOurs;
  }

  /** After a failed fsync the kernel takes the lost pages for written, so the same file is never synced again. */
  async #fill(path: string, bytes: Buffer): Promise<void> {
    const fd = await this.#files.open(path, flags.create, 0o600);
    await closing(this.#files, fd, async () => {
      expectWhole(await this.#files.write(fd, bytes), bytes);
      if (this.#durable) await this.#files.fsync(fd);
    });
  }

  /** Moves `target` to the desk; false where it is gone. */
  async #take(target: string, to: string, desk: Desk): Promise<boolean> {
    try {
      await this.#rename(target, to);
      return true;
    } catch (error) {
      const reason = reasonOf(this.#files, error, { target, desk });
      if (errnoOf(reason) === 'ENOENT') return false;
      throw reason;
    }
  }

  async #unlink(path: string): Promise<void> {
    try {
      await this.#files.unlink(path);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }

  async #rename(from: string, to: string): Promise<void> {
    for (const pause of [...PAUSES, undefined]) {
      try {
        return await this.#files.rename(from, to);
      } catch (error) {
        if (pause === undefined || !BUSY.has(errnoOf(error))) throw error;
        await this.#files.pause(pause);
      }
    }
  }
}

function expectWhole(written: number, bytes: Buffer): void {
  if (written !== bytes.length) throw new ShortWrite(written, bytes.length);
}
