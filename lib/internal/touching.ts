import { unless } from './files.js';
import { coded } from './io-error.js';
import type { TouchSign } from './touch-sign.js';
import type { Writer } from './writer.js';

/** Touches by one writer, which raises its sign for them where it is not alone. All calls are synchronous. */
export class Touching {
  readonly #writer: Writer;
  #isTogether = false;
  #raised: TouchSign | undefined;

  constructor(writer: Writer) {
    this.#writer = writer;
  }

  /** The sign is raised once for all that is touched in `act`. */
  together(act: () => void): void {
    this.#isTogether = true;
    try {
      act();
    } finally {
      this.#isTogether = false;
      this.#lower();
    }
  }

  /** @throws SessileError `SESSILE_IO`, `SESSILE_BAD_PATH`; what `act` throws */
  one<T>(act: () => T): T {
    this.#raise();
    try {
      return act();
    } finally {
      if (!this.#isTogether) this.#lower();
    }
  }

  #raise(): void {
    for (;;) {
      const seat = this.#writer.seat();
      if (seat.desk.isSole || seat.sign === this.#raised) return;
      this.#lower();
      this.#raised = coded('Touching', () => unless('ENOENT', () => raised(seat.sign)));
      if (this.#raised !== undefined) return;
      this.#writer.lost(seat);
    }
  }

  #lower(): void {
    this.#raised?.lower();
    this.#raised = undefined;
  }
}

function raised(sign: TouchSign): TouchSign {
  sign.raise();
  return sign;
}
