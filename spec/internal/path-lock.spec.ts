import { mkdirSync, readdirSync, readlinkSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { SessileError } from '../../lib/errors.js';
import { type Files, nodeFiles } from '../../lib/internal/files.js';
import { formatOwner, newOwner, type Owner } from '../../lib/internal/owner.js';
import { type HeldLock, PathLock } from '../../lib/internal/path-lock.js';
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
  const { dead, foreign, names, put } = place;

  beforeEach(() => {
    ({ dir, stem } = place);
  });

  function open({ timeout = 5_000, staleAge = 4_000, files = nodeFiles }: Partial<Settings> = {}): PathLock {
    return new PathLock(files, { timeout, staleAge });
  }

  /** Waits its turn as a writer does until it has the lock. */
  async function acquire(locks: PathLock): Promise<HeldLock> {
    const waiter = locks.waiter(stem);
    for (;;) {
      const lock = await locks.tryAcquire(stem);
      if (lock !== undefined) return lock;
      await waiter.turn();
    }
  }

  function expectCode(error: Error, code: string): void {
    expect(error).to.be.instanceOf(SessileError).with.property('code', code);
  }

  describe('a lock', () => {
    it('is had by one at a time, says who that is, and can be had again when it was released', async () => {
      const [one, other] = [open(), open()];
      const lock = (await one.tryAcquire(stem)) as HeldLock;
      expect(names()).to.deep.equal(['X.lock']);
      expect(readlinkSync(`${stem}.lock`)).to.include(`:${process.pid}:`);
      expect(await other.tryAcquire(stem)).to.equal(undefined);
      expect(await one.tryAcquire(stem)).to.equal(undefined);
      lock.check();
      await lock.release();
      expect(names()).to.deep.equal([]);
      expect(await other.tryAcquire(stem)).to.not.equal(undefined);
    });

    it('guards one path', async () => {
      expect(await open().tryAcquire(stem)).to.not.equal(undefined);
      expect(await open().tryAcquire(join(dir, 'b'.repeat(64)))).to.not.equal(undefined);
    });

    it('has a place of its own for what its owner prepares, on the same file system', async () => {
      const locks = open();
      const first = (await locks.tryAcquire(stem)) as HeldLock;
      await first.release();
      const second = (await locks.tryAcquire(stem)) as HeldLock;
      expect(first.spoils).to.not.equal(second.spoils);
      for (const { spoils } of [first, second]) {
        expect(spoils.startsWith(`${stem}.`)).to.equal(true);
        expect(spoils).to.match(/\.tmp$/);
      }
    });

    it('that another one took is not released, and noticed', async () => {
      const lock = (await open().tryAcquire(stem)) as HeldLock;
      unlinkSync(`${stem}.lock`);
      expect(() => lock.check())
        .to.throw(SessileError)
        .with.property('code', 'SESSILE_LOCK_LOST');
      put(foreign());
      expect(() => lock.check())
        .to.throw(SessileError)
        .with.property('code', 'SESSILE_LOCK_LOST');
      await lock.release();
      expect(names()).to.deep.equal(['X.lock']);
    });

    it('whose directory is gone is a coded error, and so is one that the system refuses', async () => {
      const lock = (await open().tryAcquire(stem)) as HeldLock;
      rmSync(dir, { recursive: true });
      expectCode(await failureOf(() => open().tryAcquire(stem)), 'SESSILE_BAD_PATH');
      expect(() => lock.check())
        .to.throw(SessileError)
        .with.property('code', 'SESSILE_BAD_PATH');
      await lock.release();
      const refused = async () => {
        throw systemError('EIO', 'symlink');
      };
      expectCode(await failureOf(() => open({ files: watched({ lock: refused }) }).tryAcquire(stem)), 'SESSILE_IO');
    });

    it('that cannot be removed is a coded error, and no other of this process waits for it', async () => {
      let refuse = true;
      const unlink: Files['unlink'] = async (path) => {
        if (refuse) throw systemError('EBUSY', 'unlink');
        await nodeFiles.unlink(path);
      };
      const locks = open({ files: watched({ unlink }) });
      const lock = (await locks.tryAcquire(stem)) as HeldLock;
      expectCode(await failureOf(() => lock.release()), 'SESSILE_IO');
      refuse = false;
      await (await acquire(locks)).release();
      expect(names()).to.deep.equal([]);
    });

    it('is released at the second try where the first is refused', async () => {
      let refusals = 1;
      const unlink: Files['unlink'] = async (path) => {
        refusals -= 1;
        if (refusals >= 0) throw systemError('EBUSY', 'unlink');
        await nodeFiles.unlink(path);
      };
      const lock = (await open({ files: watched({ unlink }) }).tryAcquire(stem)) as HeldLock;
      await lock.release();
      expect(names()).to.deep.equal([]);
    });
  });

  describe('a waiter', () => {
    it('gets the lock when it is released', async () => {
      const locks = open();
      const lock = (await locks.tryAcquire(stem)) as HeldLock;
      const waiting = acquire(locks);
      setImmediate(() => lock.release());
      (await waiting).check();
    });

    it('gives up after the timeout with a coded error, and leaves the lock', async () => {
      for (const owner of [newOwner(), foreign(), 'garbage']) {
        put(owner);
        expectCode(await failureOf(() => acquire(open({ timeout: 20 }))), 'SESSILE_LOCK_TIMEOUT');
        expect(names()).to.deep.equal(['X.lock']);
        unlinkSync(`${stem}.lock`);
      }
    });

    it('takes the lock from a dead owner, with what that one had prepared, long before it is old', async () => {
      const owner = dead();
      put(owner);
      writeFileSync(`${stem}.${owner.nonce}.tmp`, 'half of it');
      const lock = await acquire(open({ staleAge: 1e9 }));
      lock.check();
      expect(names()).to.deep.equal(['X.lock']);
    });

    for (const [title, owner] of Object.entries<() => Owner | string>({
      'lives and is paused': () => newOwner(),
      'is in another place': foreign,
      'says nothing that is known': (): string => 'garbage',
    })) {
      it(`takes the lock from one who ${title} only when it has seen it for the stale age`, async () => {
        const record = owner();
        put(record);
        if (typeof record !== 'string') writeFileSync(`${stem}.${record.nonce}.tmp`, 'half of it');
        expectCode(await failureOf(() => acquire(open({ timeout: 30, staleAge: 1e9 }))), 'SESSILE_LOCK_TIMEOUT');
        const lock = await acquire(open({ staleAge: 30 }));
        lock.check();
        expect(names()).to.deep.equal(['X.lock']);
        await lock.release();
      });
    }

    it('does not count the time of one owner to the next one’s', async () => {
      const waiter = open({ staleAge: 20, timeout: 150 }).waiter(stem);
      const failure = await failureOf(async () => {
        for (;;) {
          const next = formatOwner(newOwner());
          put(next);
          await waiter.turn();
          expect(readlinkSync(`${stem}.lock`)).to.equal(next);
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
        const locks = open();
        for (let round = 0; round < 10; round += 1) {
          await locks.giveWay(stem);
          const lock = await acquire(locks);
          holders += 1;
          expect(holders).to.equal(1);
          await new Promise((resolve) => setImmediate(resolve));
          lock.check();
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
        put(dead());
        let holders = 0;
        await Promise.all(
          Array.from({ length: 4 }, async () => {
            const lock = await acquire(open());
            holders += 1;
            expect(holders).to.equal(1);
            await new Promise((resolve) => setImmediate(resolve));
            lock.check();
            holders -= 1;
            await lock.release();
          }),
        );
      }
      expect(names()).to.deep.equal([]);
    });
  });

  describe('tidy', () => {
    const tidy = (now = Date.now()) => {
      for (const name of readdirSync(dir)) open().tidy(`${dir}/`, name, now);
    };

    it('removes the temporary files of those who do not have the lock', () => {
      const owner = newOwner();
      put(owner);
      writeFileSync(`${stem}.${owner.nonce}.tmp`, 'somebody is writing this');
      writeFileSync(`${stem}.abcdefghij1.tmp`, 'left over');
      writeFileSync(join(dir, `${'b'.repeat(64)}.abcdefghij1.tmp`), 'left over');
      tidy();
      expect(names().sort()).to.deep.equal([`X.${owner.nonce}.tmp`, 'X.lock'].sort());
    });

    it('removes locks and break files of the dead, with their temporary files, and none of the living', () => {
      const owner = dead();
      put(owner);
      writeFileSync(`${stem}.${owner.nonce}.tmp`, 'left over');
      put(dead(), `${stem}.abcdefghij1.break`);
      const [kept, keptBreak] = [join(dir, `${'b'.repeat(64)}.lock`), join(dir, `${'b'.repeat(64)}.abcdefghij1.break`)];
      put(newOwner(), kept);
      put(newOwner(), keptBreak);
      for (let round = 0; round < 2; round += 1) tidy(Date.now() + 1_000 * HOUR);
      expect(names().map((name) => join(dir, name))).to.have.members([kept, keptBreak]);
    });

    it('judges by age what is of another place or says nothing: an hour', () => {
      put(foreign());
      put(foreign(), `${stem}.abcdefghij1.break`);
      put('garbage', join(dir, `${'b'.repeat(64)}.lock`));
      put('garbage', join(dir, `${'b'.repeat(64)}.unknown.break`));
      writeFileSync(join(dir, `${'c'.repeat(64)}.unknown.break`), '');
      tidy(Date.now() + 0.9 * HOUR);
      expect(names()).to.have.length(5);
      for (let round = 0; round < 3; round += 1) tidy(Date.now() + 1.1 * HOUR);
      expect(names()).to.deep.equal([]);
    });

    it('leaves everything else', () => {
      const others = ['README', 'X.json', 'a.lock', 'a.x.tmp', `${'a'.repeat(64)}.json`, `${'a'.repeat(64)}.corrupt`];
      others.push(
        `${'A'.repeat(64)}.lock`,
        `${'a'.repeat(65)}.lock`,
        `${'a'.repeat(64)}.x.y.tmp`,
        `${'a'.repeat(64)}.X.tmp`,
      );
      for (const name of others) writeFileSync(join(dir, name), '');
      tidy(Date.now() + 1_000 * HOUR);
      expect(readdirSync(dir).sort()).to.deep.equal(others.sort());
    });

    it('has no error for what goes away meanwhile', () => {
      put(foreign());
      const readLockSync: Files['readLockSync'] = (path) => {
        const record = nodeFiles.readLockSync(path);
        unlinkSync(path);
        return record;
      };
      open({ files: watched({ readLockSync }) }).tidy(`${dir}/`, `${'a'.repeat(64)}.lock`, Date.now() + 2 * HOUR);
      open().tidy(`${dir}/`, `${'a'.repeat(64)}.lock`, Date.now());
      open().tidy(`${dir}/`, `${'a'.repeat(64)}.x.tmp`, Date.now());
    });

    it('passes on what the system refuses', () => {
      mkdirSync(`${stem}.x.tmp`);
      expect(() => tidy())
        .to.throw()
        .with.property('syscall', 'unlink');
    });
  });
});
