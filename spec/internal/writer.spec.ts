import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { performance } from 'node:perf_hooks';
import { expect } from 'chai';
import { type Files, nodeFiles } from '../../lib/internal/files.js';
import { newOwner } from '../../lib/internal/owner.js';
import { type Seat, Writer } from '../../lib/internal/writer.js';
import { failureOf, folders, systemError, watched } from '../support/folder.js';
import { lockPlace } from '../support/locks.js';

const STEPS = ['lstatSync', 'mkdirSync', 'rmdirSync', 'renameSync', 'unlinkSync', 'namesSync', 'lockSync'] as const;

describe('Writer', () => {
  const elsewhere = folders();
  const place = lockPlace();
  const { come, dead, foreign, inside, names } = place;
  /** Added to the time. */
  let later = 0;

  beforeEach(() => {
    later = 0;
    const now = performance.now.bind(performance);
    performance.now = () => now() + later;
  });

  // What it has of its own hides what it inherits.
  afterEach(() => void Reflect.deleteProperty(performance, 'now'));

  const open = (changes: Partial<Files> = {}) => new Writer(watched(changes), place.dir);
  const nameOf = ({ desk }: Seat) => basename(desk.path);
  const isIn = ({ owner }: Seat) => place.writers.isIn(owner);

  /** Each call of all kinds that name a path goes through `step` with its number. */
  function stepping(step: (at: number, path: string) => void): Partial<Files> {
    let calls = 0;
    const made = STEPS.map((name) => [
      name,
      (...args: never[]) => {
        step(calls++, args[0] as unknown as string);
        return (nodeFiles[name] as (...args: never[]) => unknown)(...args);
      },
    ]);
    return Object.fromEntries(made) as Partial<Files>;
  }

  it('is alone where nobody else is, and stays in its place', () => {
    const writer = open();
    const one = writer.seat();
    expect(one.desk.isSole).to.equal(true);
    expect(isIn(one)).to.equal(true);
    expect(one.desk.path).to.equal(place.writers.folderOf(one.owner));
    expect(readdirSync(one.desk.path)).to.deep.equal(['sole']);
    later = 60_000;
    expect(writer.seat()).to.equal(one);
  });

  it('makes nothing before it writes', () => {
    open();
    expect(inside()).to.equal(undefined);
  });

  it('is alone beside the dead, whose folders it removes', () => {
    come(dead());
    const one = open().seat();
    expect(one.desk.isSole).to.equal(true);
    expect(inside()).to.deep.equal([nameOf(one)]);
  });

  it('is not alone beside others, in this process or in another place', () => {
    for (const make of [newOwner, foreign]) {
      const other = come(make());
      const files = watched();
      const writer = new Writer(files, place.dir);
      const one = writer.seat();
      expect(one.desk.isSole).to.equal(false);
      expect(files.calls.filter((call) => call === 'namesSync')).to.have.length(1);
      expect(readdirSync(one.desk.path)).to.deep.equal(['touching']);
      expect(place.writers.isIn(other)).to.equal(true);
      writer.leave();
      place.writers.leave(other);
    }
  });

  it('that was alone is revoked when another one comes, and comes in again beside it without its mark', () => {
    const [first, second] = [open(), open()];
    const former = first.seat();
    const other = second.seat();
    expect([isIn(former), isIn(other), other.desk.isSole]).to.deep.equal([false, true, false]);
    expect(inside()).to.deep.equal([`${nameOf(former)}.revoked`, nameOf(other)].sort());
    expect(first.seat()).to.equal(former);
    first.lost(former);
    const next = first.seat();
    expect(next.owner.nonce).to.not.equal(former.owner.nonce);
    expect([next.desk.isSole, isIn(next), isIn(other)]).to.deep.equal([false, true, true]);
    expect(inside()).to.deep.equal([next, other].map(nameOf).sort());
    first.lost(former);
    expect(first.seat()).to.equal(next);
  });

  it('is never alone while another one is in, wherever two who come at the same time interleave', () => {
    for (let at = 0; ; at += 1) {
      let other: Seat | undefined;
      const second = open();
      const first = open(
        stepping((call) => {
          if (call === at) other = second.seat();
        }),
      );
      const one = first.seat();
      if (other === undefined) {
        expect(at).to.be.greaterThan(8);
        return;
      }
      const [a, b] = [
        { sole: one.desk.isSole, in: isIn(one) },
        { sole: other.desk.isSole, in: isIn(other) },
      ];
      const both = a.in && b.in;
      expect(both && (a.sole || b.sole), `before call ${at}: ${JSON.stringify([a, b])}`).to.equal(false);
      expect(a.in || b.in, `before call ${at}`).to.equal(true);
      for (const writer of [first, second]) writer.leave();
      expect(inside(), `before call ${at}`).to.equal(undefined);
    }
  });

  it('is never alone while another one is in, wherever one comes while it looks again', () => {
    for (let at = 0; ; at += 1) {
      let other = undefined as Seat | undefined;
      let calls = Number.NEGATIVE_INFINITY;
      const [second, before] = [open(), come()];
      const first = open(
        stepping(() => {
          if (calls++ === at) other = second.seat();
        }),
      );
      first.seat();
      place.writers.leave(before);
      later += 10_001;
      calls = 0;
      const one = first.seat();
      if (other === undefined) {
        expect(at).to.be.greaterThan(4);
        expect(one.desk.isSole).to.equal(true);
        return;
      }
      expect(isIn(one) && one.desk.isSole, `before call ${at}`).to.equal(false);
      expect(other.desk.isSole, `before call ${at}`).to.equal(false);
      for (const writer of [first, second]) writer.leave();
    }
  });

  it('looks whether the others are gone ten seconds after it met them, and not before', () => {
    const other = come();
    const files = watched();
    const writer = new Writer(files, place.dir);
    const one = writer.seat();
    place.writers.leave(other);
    files.calls.length = 0;
    later = 9_000;
    expect(writer.seat().desk.isSole).to.equal(false);
    expect(files.calls).to.deep.equal([]);
    later = 10_001;
    expect(writer.seat()).to.equal(one);
    expect(one.desk.isSole).to.equal(true);
    expect(readdirSync(one.desk.path)).to.include('sole');
  });

  it('that was alone finds out within a second that others came, and leaves no mark then', () => {
    const writer = open();
    const former = writer.seat();
    place.writers.revoke(former.owner);
    later = 900;
    expect(writer.seat()).to.equal(former);
    later = 1_001;
    const next = writer.seat();
    expect(next).to.not.equal(former);
    expect(inside()).to.deep.equal([nameOf(next)]);
  });

  it('that is idle finds out when it tidies, and does not come in for that', () => {
    const writer = open();
    const former = writer.seat();
    writer.tidy(0);
    expect(writer.seat()).to.equal(former);
    place.writers.revoke(former.owner);
    expect(inside()).to.deep.equal([`${nameOf(former)}.revoked`]);
    writer.tidy(0);
    expect(inside()).to.equal(undefined);
  });

  it('drops what it could write anew when it tidies: others may have ended those sessions', () => {
    const writer = open();
    const { desk } = writer.seat();
    const spare = desk.draft();
    writeFileSync(spare, 'what another process ended');
    desk.addSpare(spare, 'x');
    writer.tidy(0);
    expect(existsSync(spare)).to.equal(false);
    expect(desk.takeSpare('y')).to.equal(undefined);
  });

  it('has a sign that others see, as soon as it is not alone', () => {
    const other = come();
    const { owner, sign } = open().seat();
    expect([...place.writers.signs(other)]).to.deep.equal([]);
    sign.raise();
    expect([...place.writers.signs(other)].map(([name]) => name)).to.deep.equal([
      basename(place.writers.folderOf(owner)),
    ]);
    sign.lower();
    expect([...place.writers.signs(other)]).to.deep.equal([]);
  });

  it('is not alone, but comes in, where there is no room for its sign', () => {
    come();
    const openSync = () => {
      throw systemError('ENOSPC');
    };
    expect(open({ openSync }).seat().desk.isSole).to.equal(false);
  });

  it('looks once in ten seconds where the others stay', () => {
    come();
    const files = watched();
    const writer = new Writer(files, place.dir);
    const one = writer.seat();
    later = 10_001;
    files.calls.length = 0;
    writer.seat();
    expect(files.calls).to.include('namesSync').and.not.include('lockSync');
    files.calls.length = 0;
    later = 19_000;
    writer.seat();
    expect(files.calls).to.deep.equal([]);
    expect([one.desk.isSole, isIn(one)]).to.deep.equal([false, true]);
  });

  it('does not say that it is alone where that cannot be said', () => {
    const one = open({ lockSync: () => false }).seat();
    expect(one.desk.isSole).to.equal(false);
    const lockSync = () => {
      throw systemError('ENOSPC', 'symlink');
    };
    later = 20_000;
    expect(open({ lockSync }).seat().desk.isSole).to.equal(false);
  });

  it('that fails in the middle of coming is alone later, and leaves nothing', () => {
    for (let at = 0; ; at += 1) {
      let calls = 0;
      const writer = open(
        stepping(() => {
          if (calls++ === at) throw systemError('EIO', 'made up');
        }),
      );
      const gone = come(dead());
      let failure: unknown;
      try {
        writer.seat();
      } catch (error) {
        failure = error;
        expect(error, `at ${at}`).to.have.property('code', 'SESSILE_IO');
      }
      if (calls <= at) {
        expect(at).to.be.greaterThan(8);
        expect(failure).to.equal(undefined);
        return;
      }
      later += 10_001;
      const one = writer.seat();
      expect(one.desk.isSole, `failed at ${at}`).to.equal(true);
      expect(inside(), `failed at ${at}`).to.deep.equal([nameOf(one)]);
      expect(place.writers.isIn(gone)).to.equal(false);
      writer.leave();
      expect(inside(), `failed at ${at}`).to.equal(undefined);
    }
  });

  it('whose mark cannot be removed when it comes again removes it later, or nobody would ever be alone', () => {
    let isRefused = false;
    const rmdirSync: Files['rmdirSync'] = (path) => {
      if (isRefused && path.endsWith('.revoked')) throw systemError('EIO', 'rmdir');
      nodeFiles.rmdirSync(path);
    };
    const [first, second] = [open({ rmdirSync }), open()];
    const former = first.seat();
    second.seat();
    second.leave();
    expect(inside()).to.deep.equal([`${nameOf(former)}.revoked`]);
    first.lost(former);
    isRefused = true;
    const next = first.seat();
    expect(next.desk.isSole).to.equal(false);
    isRefused = false;
    later = 10_001;
    expect(first.seat()).to.equal(next);
    expect(next.desk.isSole).to.equal(true);
    expect(inside()).to.deep.equal([nameOf(next)]);
  });

  it('that cannot take its word back is revoked by whoever comes, and nothing is lost', () => {
    const other = come();
    let isOther = false;
    const unlinkSync: Files['unlinkSync'] = (path) => {
      if (path.endsWith('sole')) throw systemError('EIO', 'unlink');
      nodeFiles.unlinkSync(path);
    };
    const lockSync: Files['lockSync'] = (path, record) => {
      if (isOther) come(other);
      return nodeFiles.lockSync(path, record);
    };
    const writer = open({ unlinkSync, lockSync });
    const one = writer.seat();
    place.writers.leave(other);
    isOther = true;
    later = 10_001;
    expect(writer.seat().desk.isSole).to.equal(false);
    expect(open().seat().desk.isSole).to.equal(false);
    expect(isIn(one)).to.equal(false);
  });

  describe('leave', () => {
    it('removes all that is its own, and the folder of all with the last one', () => {
      const [first, second] = [open(), open()];
      const former = first.seat();
      second.seat();
      first.lost(former);
      first.seat();
      first.leave();
      expect(inside()).to.deep.equal([nameOf(second.seat())]);
      second.leave();
      expect(inside()).to.equal(undefined);
      expect(names()).to.deep.equal([]);
      second.leave();
    });

    it('removes what is left of a place that was revoked, whether that was noticed or not', () => {
      for (const isNoticed of [false, true]) {
        const [first, second] = [open(), open()];
        const former = first.seat();
        second.seat();
        if (isNoticed) first.lost(former);
        first.leave();
        expect(inside()).to.deep.equal([nameOf(second.seat())]);
        second.leave();
      }
    });

    it('is not the end: who writes after it comes in again', () => {
      const writer = open();
      const former = writer.seat();
      writer.leave();
      later = 10_001;
      const next = writer.seat();
      expect([isIn(former), isIn(next), next.desk.isSole]).to.deep.equal([false, true, true]);
    });

    it('has no error where something cannot be removed', () => {
      let isRefused = true;
      const rmdirSync: Files['rmdirSync'] = (path) => {
        if (isRefused) throw systemError('EIO', 'rmdir');
        nodeFiles.rmdirSync(path);
      };
      const namesSync: Files['namesSync'] = (path) => {
        if (isRefused && path.endsWith('.writers')) throw systemError('EIO', 'scandir');
        return nodeFiles.namesSync(path);
      };
      const writer = open({ rmdirSync, namesSync });
      isRefused = false;
      const one = writer.seat();
      isRefused = true;
      writer.leave();
      expect(isIn(one)).to.equal(true);
      isRefused = false;
      writer.leave();
      expect(inside()).to.equal(undefined);
    });

    it('has no error where the directory is gone', () => {
      const writer = open();
      writer.seat();
      rmSync(place.dir, { recursive: true });
      writer.leave();
      expect(existsSync(place.dir)).to.equal(false);
      mkdirSync(place.dir);
    });
  });

  it('does not come into a directory that is gone, or where a link has its name', async () => {
    const outside = elsewhere();
    rmSync(place.dir, { recursive: true });
    expect(await failureOf(() => open().seat())).to.have.property('code', 'SESSILE_BAD_PATH');
    expect(existsSync(place.dir)).to.equal(false);
    symlinkSync(outside, place.dir);
    expect(await failureOf(() => open().seat())).to.have.property('code', 'SESSILE_BAD_PATH');
    expect(readdirSync(outside)).to.deep.equal([]);
  });
});
