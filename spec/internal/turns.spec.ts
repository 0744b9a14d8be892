import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setImmediate as later } from 'node:timers/promises';
import { expect } from 'chai';
import { AtomicWriter } from '../../lib/internal/atomic-write.js';
import { type Desk, NoRoom, Revoked } from '../../lib/internal/desk.js';
import { type Files, nodeFiles } from '../../lib/internal/files.js';
import { newTurn, type Owner, parseOwner } from '../../lib/internal/owner.js';
import { type Ground, Turns } from '../../lib/internal/turns.js';
import { failureOf, systemError, watched } from '../support/folder.js';
import { lockPlace } from '../support/locks.js';

interface Settings {
  changes: Partial<Files>;
  timeout: number;
  staleAge: number;
}

const guarded = (stem: string) => ({ stem, path: `${stem}.json` });

describe('Turns', () => {
  const place = lockPlace();
  const { come, dead, foreign, inside, names, put } = place;
  let reports: (Error & { code?: string })[];

  beforeEach(() => {
    reports = [];
  });

  function open({ changes = {}, timeout = 5_000, staleAge = 4_000 }: Partial<Settings> = {}) {
    const files = watched(changes);
    const report = (error: Error) => void reports.push(error);
    const turns = new Turns({ files, dir: place.dir, locks: { timeout, staleAge }, report });
    return { files, turns, take: (act: (ground: Ground) => Promise<void>) => turns.take(guarded(place.stem), act) };
  }

  const ownerOf = (ground: Ground) => parseOwner(basename((ground as Desk).path)) as Owner;
  const nothing = async () => {};
  const codes = () => reports.map(({ code }) => code);

  it('makes no lock where nobody else writes', async () => {
    const { files, take } = open();
    let seen: unknown;
    await take(async (ground) => {
      seen = [(ground as Desk).isSole, place.writers.isIn(ownerOf(ground)), names()];
    });
    expect(seen).to.deep.equal([true, true, []]);
    expect(files.calls).to.not.include('link');
  });

  it('makes one beside others, of the writer whose desk it is, and lets go of it', async () => {
    come();
    const { take } = open();
    let seen: unknown;
    await take(async (ground) => {
      const { turn, ...owner } = parseOwner(nodeFiles.readLockSync(`${place.stem}.lock`)) as Owner;
      expect(turn).to.be.a('string');
      expect(owner).to.deep.equal(ownerOf(ground));
      seen = [(ground as Desk).isSole, names()];
    });
    expect(seen).to.deep.equal([false, ['X.lock']]);
    expect(names()).to.deep.equal([]);
  });

  it('lets go of it where the act throws, and passes that on', async () => {
    come();
    const failure = await failureOf(() =>
      open().take(async () => {
        throw new Error('mine');
      }),
    );
    expect(failure.message).to.equal('mine');
    expect([names(), reports]).to.deep.equal([[], []]);
  });

  it('is one at a time, whoever has writers of its own', async () => {
    const target = join(place.dir, 'count');
    writeFileSync(target, '0');
    const writer = new AtomicWriter(nodeFiles);
    const all = Array.from({ length: 4 }, () => open({ timeout: 60_000, staleAge: 50_000 }));
    const count = async (ground: Ground) => {
      const n = Number(readFileSync(target, 'utf8'));
      await later();
      await writer.write(target, `${n + 1}`, ground);
    };
    // Each comes while others are at work: who is alone is revoked in the middle.
    await Promise.all(
      all.map(async ({ turns, take }, at) => {
        for (let round = 0; round < at; round += 1) await later();
        for (let round = 0; round < 10; round += 1) await take(count);
        turns.close();
      }),
    );
    expect(readFileSync(target, 'utf8')).to.equal('40');
    expect([names(), inside(), reports]).to.deep.equal([['count'], undefined, []]);
  });

  it('that another process ended is taken once more, from a new desk', async () => {
    for (const others of [0, 1]) {
      for (let n = 0; n < others; n += 1) come();
      const seen: Owner[] = [];
      const { files, take } = open();
      await take(async (ground) => {
        seen.push(ownerOf(ground));
        if (seen.length > 1 + others) return;
        place.writers.revoke(ownerOf(ground));
        throw new Revoked();
      });
      expect(new Set(seen.map(({ nonce }) => nonce)).size).to.equal(2 + others);
      if (others === 0) expect(files.calls).to.not.include('readLockSync');
      expect(names()).to.deep.equal([]);
    }
    expect(reports).to.deep.equal([]);
  });

  it('that was held until others could take it for lost is lost, and nothing is done again', async () => {
    const { take, turns } = open({ staleAge: 20 });
    let calls = 0;
    const failure = await failureOf(() =>
      take(async (ground) => {
        calls += 1;
        place.writers.revoke(ownerOf(ground));
        const end = performance.now() + 20;
        while (performance.now() < end) await later();
        throw new Revoked();
      }),
    );
    expect(failure).to.have.property('code', 'SESSILE_LOCK_LOST');
    expect(calls).to.equal(1);
    await take(nothing);
    turns.close();
    expect(inside()).to.equal(undefined);
  });

  it('waits while another one has the lock, and is refused in the end', async () => {
    const lock = put(newTurn(come(foreign())));
    expect(await failureOf(() => open({ timeout: 20 }).take(nothing))).to.have.property('code', 'SESSILE_LOCK_TIMEOUT');
    expect(nodeFiles.readLockSync(`${place.stem}.lock`)).to.equal(lock);
    let isIn = false;
    const waiting = open().take(async () => {
      isIn = true;
    });
    for (let round = 0; round < 20; round += 1) await later();
    expect(isIn).to.equal(false);
    nodeFiles.unlinkSync(`${place.stem}.lock`);
    await waiting;
    expect(isIn).to.equal(true);
  });

  it('leaves others a gap where it had to wait lately, for that path alone', async () => {
    put(newTurn(come()));
    const { turns, files, take } = open();
    const waiting = take(nothing);
    while (!files.calls.includes('readLockSync')) await later();
    nodeFiles.unlinkSync(`${place.stem}.lock`);
    await waiting;
    for (const [stem, isHeldUp] of [
      [place.stem, true],
      [join(place.dir, 'b'.repeat(64)), false],
    ] as const) {
      files.calls.length = 0;
      const taken = turns.take(guarded(stem), nothing);
      for (let tick = 0; tick < 10; tick += 1) await Promise.resolve();
      expect(files.calls.length === 0).to.equal(isHeldUp);
      await taken;
    }
  });

  it('does not wait for those who are gone', async () => {
    for (const owner of [come(dead()), foreign()]) {
      put(newTurn(owner));
      come();
      await open({ timeout: 30_000, staleAge: 1e9 }).take(nothing);
      expect(names()).to.deep.equal([]);
    }
  });

  for (const code of ['ENOSPC', 'EDQUOT']) {
    it(`has no desk where there is no room for one or for a lock: ${code}`, async () => {
      const refused = systemError(code);
      const refuse = () => {
        throw refused;
      };
      const full = async () => refuse();
      for (const changes of [{ mkdirSync: refuse }, { link: full, lock: full }] as Partial<Files>[]) {
        come();
        const grounds: Ground[] = [];
        await open({ changes }).take(async (ground) => void grounds.push(ground));
        expect(grounds).to.have.length(1);
        expect(grounds[0]).to.be.instanceOf(NoRoom).with.property('refused').that.has.property('cause', refused);
      }
      expect(names()).to.deep.equal([]);
    });
  }

  it('keeps others out where there is no room for a lock of its own', async () => {
    come();
    writeFileSync(`${place.stem}.json`, '{}');
    const full = async () => {
      throw systemError('ENOSPC');
    };
    const one = open();
    const seen: unknown[] = [];
    const openSync = () => {
      throw systemError('ENOSPC');
    };
    const poor = open({ changes: { lock: full, openSync } });
    let isInside = false;
    const removing = poor.take(async (ground) => {
      isInside = true;
      seen.push(ground instanceof NoRoom, names());
      for (let round = 0; round < 20; round += 1) await later();
      expect(names()).to.include('X.lock');
      isInside = false;
    });
    while (!isInside) await later();
    await one.take(async () => {
      expect(isInside).to.equal(false);
    });
    await removing;
    expect(seen).to.deep.equal([true, ['X.json', 'X.lock']]);
    expect([names(), reports]).to.deep.equal([['X.json'], []]);
  });

  it('is not taken where the system refuses anything else, or the directory is gone', async () => {
    come();
    const refuse = () => {
      throw systemError('EIO');
    };
    const act = async () => {
      throw new Error('It should not be called');
    };
    for (const changes of [{ mkdirSync: refuse }, { link: async () => refuse() }] as Partial<Files>[])
      expect(await failureOf(() => open({ changes }).take(act))).to.have.property('code', 'SESSILE_IO');
    for (const name of inside() ?? []) rmSync(join(place.dir, '.writers', name), { recursive: true });
    const { take } = open();
    await take(async (ground) => {
      expect((ground as Desk).isSole).to.equal(true);
    });
    rmSync(place.dir, { recursive: true });
    for (const one of [take, open().take])
      expect(await failureOf(() => one(act))).to.have.property('code', 'SESSILE_BAD_PATH');
    mkdirSync(place.dir);
  });

  it('is done whatever becomes of the lock: that is reported, and holds up nobody of this process', async () => {
    come();
    let isRefused = true;
    const rename: Files['rename'] = async (from, to) => {
      if (isRefused) throw systemError('EIO', 'rename');
      await nodeFiles.rename(from, to);
    };
    const { take } = open({ changes: { rename }, timeout: 30_000, staleAge: 1e9 });
    let calls = 0;
    const act = async () => {
      calls += 1;
    };
    await take(act);
    expect([calls, codes(), names()]).to.deep.equal([1, ['SESSILE_IO'], ['X.lock']]);
    isRefused = false;
    await take(act);
    expect([calls, codes(), names()]).to.deep.equal([2, ['SESSILE_IO'], []]);
  });

  it('are many at the same time, and no more than keep the thread pool busy', async () => {
    const { turns } = open();
    let [now, most] = [0, 0];
    const act = async () => {
      now += 1;
      most = Math.max(most, now);
      for (let round = 0; round < 5; round += 1) await later();
      now -= 1;
    };
    const stems = Array.from({ length: 100 }, (_, at) => join(place.dir, `${at}`.padStart(64, '0')));
    await Promise.all(stems.map((stem) => turns.take(guarded(stem), act)));
    expect(most).to.be.within(4, 32);
  });

  it('that another process ended while its lock was made is taken once more, from a new desk', async () => {
    come();
    const seen: Owner[] = [];
    const link: Files['link'] = async (from, to) => {
      if (seen.length === 0) {
        const owner = parseOwner(basename(dirname(from))) as Owner;
        seen.push(owner);
        place.writers.revoke(owner);
      }
      await nodeFiles.link(from, to);
    };
    await open({ changes: { link } }).take(async (ground) => void seen.push(ownerOf(ground)));
    expect(seen).to.have.length(2);
    expect(seen[1]).to.not.deep.equal(seen[0]);
    expect([names(), reports]).to.deep.equal([[], []]);
  });

  it('touch tells others that this process writes, and is refused where the directory is gone', async () => {
    const { turns: first } = open();
    const { turns: second, files } = open();
    expect(first.touch(() => 'done')).to.equal('done');
    const [sole] = inside() ?? [];
    second.touch(() => undefined);
    expect(inside()).to.include(`${sole}.revoked`).and.not.include(sole);
    files.calls.length = 0;
    second.touchTogether(() => {
      for (let touches = 0; touches < 10; touches += 1) second.touch(() => undefined);
    });
    expect(files.calls).to.deep.equal(['openSync', 'writeSync', 'writeSync', 'closeSync']);
    rmSync(place.dir, { recursive: true });
    expect(await failureOf(() => open().turns.touch(() => undefined))).to.have.property('code', 'SESSILE_BAD_PATH');
    mkdirSync(place.dir);
  });

  describe('tidy', () => {
    it('removes what the dead left, between the sessions and beside them, and nothing of the living', () => {
      put(newTurn(come(dead())));
      const kept = newTurn(come());
      put(kept, join(place.dir, `${'b'.repeat(64)}.lock`));
      const { turns } = open();
      for (const name of readdirSync(place.dir)) turns.tidy(name, Date.now());
      turns.tidyWriters(Date.now());
      expect(names()).to.deep.equal([`${'b'.repeat(64)}.lock`]);
      expect(inside()).to.deep.equal([basename(place.writers.folderOf(kept))]);
      expect(reports).to.deep.equal([]);
    });

    it('reports what cannot be removed', () => {
      put(newTurn(dead()));
      const lstat = () => {
        throw systemError('EIO', 'lstat');
      };
      const { turns } = open({ changes: { lstatSync: lstat } });
      turns.tidy(basename(`${place.stem}.lock`), 0);
      expect(codes()).to.deep.equal(['SESSILE_IO']);
      come(dead());
      turns.tidyWriters(0);
      expect(codes()).to.deep.equal(['SESSILE_IO', 'SESSILE_IO']);
      expect(names()).to.deep.equal(['X.lock']);
    });
  });

  it('leaves nothing when it is closed, and nothing where no turn was taken', async () => {
    open().turns.close();
    const { turns, take } = open();
    await take(nothing);
    turns.close();
    expect([names(), inside(), reports]).to.deep.equal([[], undefined, []]);
  });
});
