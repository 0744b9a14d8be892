import { sep } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Desk } from './desk.js';
import { attempt, type Files, removeSync } from './files.js';
import { coded, expectDirectory } from './io-error.js';
import { LockTokens } from './lock-tokens.js';
import { newOwner, type Owner } from './owner.js';
import { TouchSign } from './touch-sign.js';
import { Writers } from './writers.js';

/** For so many ms after it met others a writer does not look whether they are gone. */
const PATIENCE = 10_000;
/** One that is alone looks so often, in ms, whether others have come. */
const ALONE = 1_000;

/** What a writer has in the directory as long as nobody takes it away. */
export interface Seat {
  readonly owner: Owner;
  readonly desk: Desk;
  readonly tokens: LockTokens;
  readonly sign: TouchSign;
}

/**
 * One writer of a directory. It comes in when it first writes, and again after its folder was taken away. All calls are
 * synchronous, so that nothing of this process comes between two looks.
 */
export class Writer {
  readonly #files: Files;
  readonly #inside: string;
  readonly #writers: Writers;
  #seat: Seat | undefined;
  /** Its records before it was revoked, as long as anything is left of their folders. */
  #former: Owner[] = [];
  #lookAt = 0;

  constructor(files: Files, dir: string) {
    this.#files = files;
    this.#inside = `${dir}${sep}.`;
    this.#writers = new Writers(files, dir);
  }

  get writers(): Writers {
    return this.#writers;
  }

  /** @throws SessileError `SESSILE_IO`, `SESSILE_BAD_PATH` */
  seat(): Seat {
    return coded('Preparing to write', () => {
      if (this.#seat?.desk.isSole && performance.now() >= this.#lookAt) this.#lookAround();
      this.#seat ??= this.#enter();
      const { desk, sign } = this.#seat;
      if (!desk.isSole && performance.now() >= this.#lookAt) this.#tryAlone(this.#seat);
      if (!desk.isSole) attempt(() => sign.make());
      return this.#seat;
    });
  }

  /** For a seat that was found to be revoked. */
  lost(seat: Seat): void {
    if (this.#seat !== seat) return;
    this.#former.push(seat.owner);
    this.#seat = undefined;
  }

  /** Now and then: gives up a seat that is lost, and files of sessions that others have ended since. */
  tidy(now: number): void {
    this.#expectSeat();
    this.#clear();
    for (const spare of this.#seat?.desk.takeSpares() ?? []) attempt(() => removeSync(this.#files, spare));
    this.#writers.tidy(now);
  }

  /** When nothing is under way any more. What cannot be removed now is somebody else's to remove later. */
  leave(): void {
    if (this.#seat !== undefined) this.#former.push(this.#seat.owner);
    this.#seat = undefined;
    this.#clear();
    attempt(() => this.#writers.tidy(0));
  }

  /** One that only touches would not find out, and others would go on to write around what it may be about to do. */
  #lookAround(): void {
    this.#lookAt = performance.now() + ALONE;
    this.#expectSeat();
  }

  #expectSeat(): void {
    if (this.#seat !== undefined && !this.#writers.isIn(this.#seat.owner)) this.lost(this.#seat);
  }

  #enter(): Seat {
    expectDirectory(this.#files, this.#inside, undefined);
    const owner = newOwner();
    try {
      this.#writers.open(owner);
      this.#clear();
      if (this.#writers.hasOthers(owner)) this.#lookAt = performance.now() + PATIENCE;
    } catch (error) {
      this.#former.push(owner);
      throw error;
    }
    const folder = this.#writers.folderOf(owner);
    return {
      owner,
      desk: new Desk(folder, () => this.#writers.signs(owner)),
      tokens: new LockTokens(this.#files, folder),
      sign: new TouchSign(this.#files, folder),
    };
  }

  /** Before a look at others: one's own mark of before counts as one of them. */
  #clear(): void {
    for (const owner of this.#former.splice(0)) {
      try {
        this.#writers.leave(owner);
      } catch {
        this.#former.push(owner);
      }
    }
  }

  #tryAlone({ owner, desk }: Seat): void {
    this.#lookAt = performance.now() + PATIENCE;
    this.#clear();
    if (this.#writers.hasOthers(owner)) return;
    try {
      desk.isSole = this.#writers.claim(owner) && !this.#writers.hasOthers(owner);
    } finally {
      if (desk.isSole) this.#lookAt = performance.now() + ALONE;
      else attempt(() => this.#writers.unclaim(owner));
    }
  }
}
