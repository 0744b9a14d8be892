import { closing, errnoOf, type Files, flags } from './files.js';
import { ShortWrite } from './io-error.js';

/** What Windows answers to a rename while a virus scanner or a reader has the target open. */
const BUSY = new Set<unknown>(['EPERM', 'EACCES', 'EBUSY']);
/** Pauses in ms between tries of a refused rename: 2 s together. */
const PAUSES = [10, 20, 40, 80, 150, 300, 600, 800];

export interface Commit {
  /** Where the content is prepared; nobody else's, and on the same file system. */
  temporary: string;
  /** Throws where the content must not be put in place any more. */
  check: () => void;
}

/**
 * Puts whole files in place: a reader finds the former content or the new one, never a part. A short write is a failure;
 * after a failure of any kind the target is as it was and the temporary file is gone.
 */
export class AtomicWriter {
  readonly #files: Files;
  readonly #durable: boolean;

  /** @param durable also wait until the content is on the disk, before it gets its name */
  constructor(files: Files, durable: boolean) {
    this.#files = files;
    this.#durable = durable;
  }

  async write(target: string, text: string, { temporary, check }: Commit): Promise<void> {
    try {
      await this.#fill(temporary, Buffer.from(text));
      await this.#rename(temporary, target, check);
    } catch (error) {
      await this.#files.unlink(temporary).catch(() => {});
      throw error;
    }
  }

  /** No error where it is gone already. */
  async remove(target: string): Promise<void> {
    try {
      await this.#files.unlink(target);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }

  /** After a failed fsync the kernel takes the lost pages for written, so the same file is never synced again. */
  async #fill(path: string, bytes: Buffer): Promise<void> {
    const fd = await this.#files.open(path, flags.create, 0o600);
    await closing(this.#files, fd, async () => {
      const written = await this.#files.write(fd, bytes);
      if (written !== bytes.length) throw new ShortWrite(written, bytes.length);
      if (this.#durable) await this.#files.fsync(fd);
    });
  }

  async #rename(from: string, to: string, check: () => void): Promise<void> {
    for (const pause of [...PAUSES, undefined]) {
      check();
      try {
        return await this.#files.rename(from, to);
      } catch (error) {
        if (pause === undefined || !BUSY.has(errnoOf(error))) throw error;
        await this.#files.pause(pause);
      }
    }
  }
}
