import { lstatSync, mkdirSync, readdirSync, rmSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { expect } from 'chai';
import { SessileError } from '../../lib/errors.js';
import { Desk, Revoked } from '../../lib/internal/desk.js';
import { type Files, nodeFiles } from '../../lib/internal/files.js';
import { LockTokens } from '../../lib/internal/lock-tokens.js';
import { formatOwner, newOwner, newTurn, type Owner } from '../../lib/internal/owner.js';
import { type HeldLock, PathLock } from '../../lib/internal/path-lock.js';
import { TouchSign } from '../../lib/internal/touch-sign.js';
import type { Seat } from '../../lib/internal/writer.js';
import { Writers } from '../../lib/internal/writers.js';
import { failureOf, systemError, watched } from '../support/folder.js';
import { lockPlace } from '../support/locks.js';

const HOUR = 3_600_000;

interface Settings {
  timeout: number;
  staleAge: number;
  files: Files;
}

describe('PathLock', () => {
  let dir: string;
  let stem: string;
  const place = lockPlace();
  const { come, dead, foreign, names, put } = place;

  beforeEach(() => {
    ({ dir, stem } = place);
  });

  /** One writer's, who has come in. */
  function open({ timeout = 5_000, staleAge = 4_000, files = nodeFiles }: Partial<Settings> = {}) {
    const owner = come();
    const folder = place.writers.folderOf(owner);
    const [tokens, sign] = [new LockTokens(files, folder), new TouchSign(files, folder)];
    const by: Seat = { owner, desk: new Desk(folder), tokens, sign };
    const locks = new PathLock({ files, writers: new Writers(files, dir) }, { timeout, staleAge });
    return { by, locks, take: (path = stem) => locks.tryAcquire(path, by) };
  }

  /** Waits its turn as a writer does until it has the lock. */
  async function acquire({ locks, take }: ReturnType<typeof open>): Promise<HeldLock> {
    const waiter = locks.waiter(stem);
    for (;;) {
      const lock = await take();
      if (lock !== undefined) return lock;
      await waiter.turn();
    }
  }

  function expectCode(error: Error, code: string): void {
    expect(error).to.be.instanceOf(SessileError).with.property('code', code);
  }

  function holder(): string {
    return nodeFiles.readLockSync(`${stem}.lock`);
  }

  describe('a lock', () => {
    it('is had by one at a time, says who that is, and can be had again when it was released', async () => {
      const [one, other] = [open(), open()];
      const lock = (await one.take()) as HeldLock;
      expect(names()).to.deep.equal(['X.lock']);
      expect(holder().startsWith(`${formatOwner(one.by.owner)}-`)).to.equal(true);
      expect(await other.take()).to.equal(undefined);
      expect(await one.take()).to.equal(undefined);
      await lock.release();
      expect(names()).to.deep.equal([]);
      expect(await other.take()).to.not.equal(undefined);
    });

    it('guards one path', async () => {
      const one = open();
      expect(await one.take()).to.not.equal(undefined);
      expect(await one.take(join(dir, 'b'.repeat(64)))).to.not.equal(undefined);
    });

    it('is another one each time that its writer has it', async () => {
      const one = open();
      const seen = new Set<string>();
      for (let round = 0; round < 5; round += 1) {
        const lock = (await one.take()) as HeldLock;
        seen.add(holder());
        await lock.release();
      }
      expect(seen.size).to.equal(5);
    });

    it('goes to its writer’s folder when it is released, so that whoever takes that away ends the release', async () => {
      const paths: unknown[] = [];
      const rename: Files['rename'] = async (from, to) => {
        paths.push(from, to);
        await nodeFiles.rename(from, to);
      };
      const one = open({ files: watched({ rename }) });
      await ((await one.take()) as HeldLock).release();
      expect(paths).to.deep.equal([`${stem}.lock`, join(one.by.desk.path, 'lock-1-released')]);
    });

    it('is a second name of a file that says who has it, for its owner alone', async () => {
      const one = open();
      await one.take();
      expect(lstatSync(`${stem}.lock`)).to.include({
        nlink: 2,
        ino: lstatSync(join(one.by.desk.path, 'lock-1-0')).ino,
      });
      expect(lstatSync(`${stem}.lock`).mode & 0o777).to.equal(0o600);
    });

    it('is gone each time that it is released, though its files are few', async () => {
      const one = open();
      for (let round = 0; round < 5; round += 1) {
        const both = [await one.take(), await one.take(join(dir, 'b'))] as HeldLock[];
        expect(names()).to.deep.equal(['X.lock', 'b.lock']);
        if (round % 2 === 0) both.reverse();
        for (const lock of both) await lock.release();
        expect(names()).to.deep.equal([]);
      }
      expect(readdirSync(one.by.desk.path)).to.have.length(6);
    });

    it('that somebody has costs no new file however often it is tried', async () => {
      put(newTurn(come()));
      const one = open();
      for (let round = 0; round < 5; round += 1) expect(await one.take()).to.equal(undefined);
      expect(readdirSync(one.by.desk.path)).to.deep.equal(['lock-1-0']);
    });

    it('that could not be released says the same whatever its owner does next', async () => {
      let refuse = true;
      const rename: Files['rename'] = async (from, to) => {
        if (refuse) throw systemError('EBUSY', 'rename');
        await nodeFiles.rename(from, to);
      };
      const one = open({ files: watched({ rename }) });
      const lock = (await one.take()) as HeldLock;
      await failureOf(() => lock.release());
      const left = holder();
      refuse = false;
      for (let round = 0; round < 4; round += 1) await ((await one.take(join(dir, 'b'))) as HeldLock).release();
      expect(holder()).to.equal(left);
    });

    it('leaves no files behind each time that its file cannot be written', async () => {
      let refuse = true;
      const writeSync: Files['writeSync'] = (...args) => {
        if (refuse) throw systemError('EIO', 'write');
        return nodeFiles.writeSync(...args);
      };
      const one = open({ files: watched({ writeSync }) });
      for (let round = 0; round < 5; round += 1) expectCode(await failureOf(() => one.take()), 'SESSILE_IO');
      expect(readdirSync(one.by.desk.path)).to.deep.equal(['lock-1-0']);
      refuse = false;
      await ((await one.take()) as HeldLock).release();
      expect(names()).to.deep.equal([]);
    });

    for (const call of ['writeSync', 'link'] as const) {
      it(`is a symbolic link as long as there is no room for ${call}, and a file again afterwards`, async () => {
        let isFull = true;
        const full: Pick<Files, typeof call> = {
          writeSync: (...args: Parameters<Files['writeSync']>) => {
            if (isFull) throw systemError('ENOSPC', 'write');
            return nodeFiles.writeSync(...args);
          },
          link: async (from: string, to: string) => {
            if (isFull) throw systemError('EDQUOT', 'link');
            await nodeFiles.link(from, to);
          },
        };
        const one = open({ files: watched({ [call]: full[call] }) });
        for (const isLink of [true, true, false, false, true]) {
          isFull = isLink;
          const lock = (await one.take()) as HeldLock;
          expect(lstatSync(`${stem}.lock`).isSymbolicLink()).to.equal(isLink);
          expect(holder().startsWith(`${formatOwner(one.by.owner)}-`)).to.equal(true);
          await lock.release();
          expect(names()).to.deep.equal([]);
        }
        expect(one.by.desk.canKeep).to.equal(true);
      });
    }

    it('is borrowed from what it guards where there is no room for any, and waited for by age', async () => {
      const { locks } = open();
      writeFileSync(`${stem}.json`, '{"expires":');
      const borrowed = await locks.tryBorrow(stem, `${stem}.json`);
      expect(lstatSync(`${stem}.lock`).ino).to.equal(lstatSync(`${stem}.json`).ino);
      expect(await locks.tryBorrow(stem, `${stem}.json`)).to.equal(undefined);
      expect(await open().take()).to.equal(undefined);
      expectCode(await failureOf(() => acquire(open({ timeout: 30, staleAge: 1e9 }))), 'SESSILE_LOCK_TIMEOUT');
      await borrowed?.release();
      await borrowed?.release();
      expect(names()).to.deep.equal(['X.json']);
      await locks.tryBorrow(stem, `${stem}.json`);
      await (await acquire(open({ staleAge: 30 }))).release();
      expect(names()).to.deep.equal(['X.json']);
    });

    it('guards nothing where there is nothing to borrow it from, or no room for a name', async () => {
      const nothing = await open().locks.tryBorrow(stem, `${stem}.json`);
      await nothing?.release();
      const link = async () => {
        throw systemError('ENOSPC', 'link');
      };
      writeFileSync(`${stem}.json`, 'x');
      const lock = (await open().take()) as HeldLock;
      await lock.release();
      const full = await open({ files: watched({ link }) }).locks.tryBorrow(stem, `${stem}.json`);
      await full?.release();
      const [next] = [(await open().take()) as HeldLock];
      await full?.release();
      expect(names()).to.deep.equal(['X.json', 'X.lock']);
      await next.release();
    });

    it('that is borrowed is never had where somebody has one, whatever the system says', async () => {
      const link = async () => {
        throw systemError('EPERM', 'link');
      };
      const lock = (await open().take()) as HeldLock;
      for (const files of [nodeFiles, watched({ link })])
        expect(await open({ files }).locks.tryBorrow(stem, `${stem}.json`)).to.equal(undefined);
      await lock.release();
    });

    it('that was borrowed and is another’s now is not released', async () => {
      writeFileSync(`${stem}.json`, '{"expires":');
      const borrowed = await open().locks.tryBorrow(stem, `${stem}.json`);
      unlinkSync(`${stem}.lock`);
      const lock = (await open().take()) as HeldLock;
      await borrowed?.release();
      expect(names()).to.deep.equal(['X.json', 'X.lock']);
      await lock.release();
    });

    it('that was borrowed grows old also where its session is touched meanwhile, and from when it was made', async () => {
      const { locks } = open();
      writeFileSync(`${stem}.json`, '{"expires":');
      const past = new Date(Date.now() - 2 * HOUR);
      utimesSync(`${stem}.json`, past, past);
      await locks.tryBorrow(stem, `${stem}.json`);
      locks.tidy(dir, basename(`${stem}.lock`), Date.now());
      expect(names()).to.deep.equal(['X.json', 'X.lock']);
      let touches = 0;
      const touching = setInterval(() => writeFileSync(`${stem}.json`, `{"expires":${++touches}`), 2);
      await (await acquire(open({ staleAge: 50 }))).release();
      clearInterval(touching);
      expect(names()).to.deep.equal(['X.json']);
    });

    it('that cannot be made by any means leaves one file behind, however often it is tried', async () => {
      const full = async () => {
        throw systemError('ENOSPC');
      };
      const one = open({ files: watched({ link: full, lock: full }) });
      for (let round = 0; round < 5; round += 1) expectCode(await failureOf(() => one.take()), 'SESSILE_IO');
      expect(readdirSync(one.by.desk.path)).to.deep.equal(['lock-1-0']);
    });

    it('cannot be made by one who was revoked', async () => {
      for (const isPaused of [false, true]) {
        const link: Files['link'] = async (from, to) => {
          if (isPaused) place.writers.revoke(one.by.owner);
          await nodeFiles.link(from, to);
        };
        const one = open({ files: watched({ link }) });
        if (!isPaused) place.writers.revoke(one.by.owner);
        expect(await failureOf(() => one.take())).to.be.instanceOf(Revoked);
        expect(names()).to.deep.equal([]);
      }
    });

    for (const code of ['EPERM', 'ENOSYS', 'ENOTSUP']) {
      it(`is a symbolic link where files have one name only: ${code}`, async () => {
        const link = async () => {
          throw systemError(code, 'link');
        };
        const files = watched({ link });
        const [one, other] = [open({ files }), open()];
        for (let round = 0; round < 3; round += 1) {
          const lock = (await one.take()) as HeldLock;
          expect(lstatSync(`${stem}.lock`).isSymbolicLink()).to.equal(true);
          expect(holder().startsWith(`${formatOwner(one.by.owner)}-`)).to.equal(true);
          expect(await other.take()).to.equal(undefined);
          expect(await one.take()).to.equal(undefined);
          await lock.release();
          expect(names()).to.deep.equal([]);
        }
        expect(files.calls.filter((call) => call === 'link')).to.have.length(1);
      });
    }

    it('that another one took is not released', async () => {
      const one = open();
      const lock = (await one.take()) as HeldLock;
      place.writers.revoke(one.by.owner);
      unlinkSync(`${stem}.lock`);
      const next = put(newTurn(come()));
      await lock.release();
      expect(holder()).to.equal(next);
      expect(names()).to.deep.equal(['X.lock']);
    });

    it('that another one takes at the moment of the release stays his', async () => {
      let next: string | undefined;
      const rename: Files['rename'] = async (from, to) => {
        if (next === undefined) {
          place.writers.revoke(one.by.owner);
          unlinkSync(`${stem}.lock`);
          next = put(newTurn(come()));
        }
        await nodeFiles.rename(from, to);
      };
      const one = open({ files: watched({ rename }) });
      await ((await one.take()) as HeldLock).release();
      expect(holder()).to.equal(next);
    });

    it('of a writer that was revoked, which nobody took yet, does not stay behind', async () => {
      const one = open();
      const lock = (await one.take()) as HeldLock;
      place.writers.revoke(one.by.owner);
      await lock.release();
      expect(names()).to.deep.equal([]);
    });

    it('whose directory is gone is a coded error, and so is one that the system refuses', async () => {
      const one = open();
      const lock = (await one.take()) as HeldLock;
      const refused = async () => {
        throw systemError('EIO', 'link');
      };
      expectCode(await failureOf(() => open({ files: watched({ link: refused }) }).take()), 'SESSILE_IO');
      expectCode(await failureOf(() => open({ files: watched({ writeSync: () => 3 }) }).take()), 'SESSILE_IO');
      rmSync(dir, { recursive: true });
      expectCode(await failureOf(() => one.take()), 'SESSILE_BAD_PATH');
      await lock.release();
      mkdirSync(dir);
    });

    it('that cannot be removed is a coded error, and no other of this process waits for it', async () => {
      let refuse = true;
      const rename: Files['rename'] = async (from, to) => {
        if (refuse) throw systemError('EBUSY', 'rename');
        await nodeFiles.rename(from, to);
      };
      const lock = (await open({ files: watched({ rename }) }).take()) as HeldLock;
      expectCode(await failureOf(() => lock.release()), 'SESSILE_IO');
      refuse = false;
      await (await acquire(open({ timeout: 30_000, staleAge: 1e9 }))).release();
      expect(names()).to.deep.equal([]);
    });

    it('is released at the second try where the first is refused', async () => {
      let refusals = 1;
      const rename: Files['rename'] = async (from, to) => {
        refusals -= 1;
        if (refusals >= 0) throw systemError('EBUSY', 'rename');
        await nodeFiles.rename(from, to);
      };
      await ((await open({ files: watched({ rename }) }).take()) as HeldLock).release();
      expect(names()).to.deep.equal([]);
    });
  });

  describe('a waiter', () => {
    it('gets the lock when it is released', async () => {
      const lock = (await open().take()) as HeldLock;
      const next = open();
      const waiting = acquire(next);
      setImmediate(() => lock.release());
      await waiting;
      expect(holder()).to.include(next.by.owner.nonce);
    });

    it('gives up after the timeout with a coded error, and leaves the lock', async () => {
      for (const owner of [newTurn(come()), newTurn(come(foreign())), 'garbage']) {
        put(owner);
        expectCode(await failureOf(() => acquire(open({ timeout: 20 }))), 'SESSILE_LOCK_TIMEOUT');
        expect(names()).to.deep.equal(['X.lock']);
        unlinkSync(`${stem}.lock`);
      }
    });

    for (const [title, owner] of Object.entries<() => Owner>({
      'is dead': () => newTurn(come(dead())),
      'has no folder any more': () => newTurn(foreign()),
    })) {
      it(`takes the lock from one who ${title} long before it is old`, async () => {
        const former = owner();
        put(former);
        const next = open({ timeout: 30_000, staleAge: 1e9 });
        await acquire(next);
        expect(holder()).to.include(next.by.owner.nonce);
        expect(place.writers.isIn(former)).to.equal(false);
        expect(names()).to.deep.equal(['X.lock']);
      });
    }

    for (const [title, owner] of Object.entries<() => Owner | string>({
      'lives and is paused': () => newTurn(come()),
      'is in another place': () => newTurn(come(foreign())),
      'says nothing that is known': (): string => 'garbage',
    })) {
      it(`takes the lock from one who ${title} only when it has seen it for the stale age`, async () => {
        const former = owner();
        put(former);
        expectCode(await failureOf(() => acquire(open({ timeout: 30, staleAge: 1e9 }))), 'SESSILE_LOCK_TIMEOUT');
        if (typeof former !== 'string') expect(place.writers.isIn(former)).to.equal(true);
        const next = open({ staleAge: 30 });
        const lock = await acquire(next);
        expect(holder()).to.include(next.by.owner.nonce);
        if (typeof former !== 'string') expect(place.writers.isIn(former)).to.equal(false);
        expect(names()).to.deep.equal(['X.lock']);
        await lock.release();
      });
    }

    it('does not count the time of one owner to the next one’s', async () => {
      const waiter = open({ staleAge: 20, timeout: 150 }).locks.waiter(stem);
      const owner = come();
      const failure = await failureOf(async () => {
        for (;;) {
          const next = put(newTurn(owner));
          await waiter.turn();
          expect(holder()).to.equal(next);
          unlinkSync(`${stem}.lock`);
        }
      });
      expectCode(failure, 'SESSILE_LOCK_TIMEOUT');
    });

    it('meets a coded error where the system refuses a look', async () => {
      put(newOwner());
      const readLockSync = () => {
        throw systemError('EIO', 'readlink');
      };
      expectCode(await failureOf(() => acquire(open({ files: watched({ readLockSync }) }))), 'SESSILE_IO');
    });

    it('shares a lock with many others so that never two have it', async () => {
      let holders = 0;
      let count = 0;
      const worker = async () => {
        const one = open({ timeout: 60_000, staleAge: 50_000 });
        for (let round = 0; round < 10; round += 1) {
          await one.locks.giveWay(stem);
          const lock = await acquire(one);
          holders += 1;
          expect(holders).to.equal(1);
          await new Promise((resolve) => setImmediate(resolve));
          expect(holder()).to.include(one.by.owner.nonce);
          count += 1;
          holders -= 1;
          await lock.release();
        }
      };
      await Promise.all(Array.from({ length: 5 }, worker));
      expect(count).to.equal(50);
      expect(names()).to.deep.equal([]);
    });

    it('robs one owner once, whoever else tries at the same time', async () => {
      for (let round = 0; round < 20; round += 1) {
        put(newTurn(come(dead())));
        let holders = 0;
        await Promise.all(
          Array.from({ length: 4 }, async () => {
            const one = open({ timeout: 60_000, staleAge: 50_000 });
            const lock = await acquire(one);
            holders += 1;
            expect(holders).to.equal(1);
            await new Promise((resolve) => setImmediate(resolve));
            expect(holder()).to.include(one.by.owner.nonce);
            holders -= 1;
            await lock.release();
            place.writers.leave(one.by.owner);
          }),
        );
      }
      expect(names()).to.deep.equal([]);
    });

    it('leaves others a gap afterwards, and does so for half a second', async () => {
      const one = open();
      const isHeldUp = async () => {
        let isThrough = false;
        void one.locks.giveWay(stem).then(() => {
          isThrough = true;
        });
        for (let tick = 0; tick < 10; tick += 1) await Promise.resolve();
        return !isThrough;
      };
      expect(await isHeldUp()).to.equal(false);
      one.locks.waiter(stem);
      expect(await isHeldUp()).to.equal(true);
      const now = performance.now.bind(performance);
      performance.now = () => now() + 500;
      try {
        expect(await isHeldUp()).to.equal(false);
      } finally {
        Reflect.deleteProperty(performance, 'now');
      }
    });
  });

  describe('tidy', () => {
    const tidy = (now = Date.now()) => {
      const { locks, by } = open();
      place.writers.leave(by.owner);
      for (const name of readdirSync(dir)) locks.tidy(dir, name, now);
    };

    it('removes locks and break files of the dead and of the revoked, and none of the living', () => {
      put(newTurn(come(dead())));
      put(dead(), `${stem}.abcdefghij1.break`);
      const revoked = newTurn(come());
      place.writers.revoke(revoked);
      put(revoked, join(dir, `${'c'.repeat(64)}.lock`));
      const [kept, keptBreak] = ['b', 'b'].map((sign, at) =>
        join(dir, sign.repeat(64) + (at === 0 ? '.lock' : '.abcdefghij1-1.break')),
      ) as [string, string];
      put(newTurn(come()), kept);
      put(newOwner(), keptBreak);
      for (let round = 0; round < 2; round += 1) tidy(Date.now() + 1_000 * HOUR);
      expect(names().map((name) => join(dir, name))).to.have.members([kept, keptBreak]);
    });

    it('judges by age what is of another place or says nothing: an hour', () => {
      const far = newTurn(come(foreign()));
      put(far);
      put(foreign(), `${stem}.abcdefghij1.break`);
      put('garbage', join(dir, `${'b'.repeat(64)}.lock`));
      put('garbage', join(dir, `${'b'.repeat(64)}.unknown.break`));
      writeFileSync(join(dir, `${'c'.repeat(64)}.unknown.break`), '');
      tidy(Date.now() + 0.9 * HOUR);
      expect(names()).to.have.length(5);
      for (let round = 0; round < 3; round += 1) tidy(Date.now() + 1.1 * HOUR);
      expect(names()).to.deep.equal([]);
      expect(place.writers.isIn(far)).to.equal(false);
    });

    it('leaves everything else', () => {
      const others = ['README', 'X.json', 'a.lock', 'a.x.tmp', `${'a'.repeat(64)}.json`, `${'a'.repeat(64)}.corrupt`];
      others.push(
        `${'A'.repeat(64)}.lock`,
        `${'a'.repeat(65)}.lock`,
        `${'a'.repeat(64)}.x.y.break`,
        `${'a'.repeat(64)}.X.break`,
        `${'a'.repeat(64)}.x.tmp`,
      );
      for (const name of others) writeFileSync(join(dir, name), '');
      tidy(Date.now() + 1_000 * HOUR);
      expect(names()).to.have.length(others.length);
      for (const name of others) expect(readdirSync(dir)).to.include(name);
    });

    it('has no error for what goes away meanwhile', () => {
      const name = `${basename(stem)}.lock`;
      put(foreign());
      const readLockSync: Files['readLockSync'] = (path) => {
        const record = nodeFiles.readLockSync(path);
        unlinkSync(path);
        return record;
      };
      open({ files: watched({ readLockSync }) }).locks.tidy(dir, name, Date.now() + 2 * HOUR);
      open().locks.tidy(dir, name, Date.now());
    });

    it('passes on what the system refuses', () => {
      put(newTurn(dead()));
      const unlinkSync_ = () => {
        throw systemError('EACCES', 'unlink');
      };
      const { locks } = open({ files: watched({ unlinkSync: unlinkSync_ }) });
      expect(() => locks.tidy(dir, `${basename(stem)}.lock`, Date.now()))
        .to.throw()
        .with.property('syscall', 'unlink');
    });
  });
});
