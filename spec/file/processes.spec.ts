import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { SessionData } from 'express-session';
import { FileBackend, FileStore } from '../../lib/backends/file.js';
import { nodeFiles } from '../../lib/internal/files.js';
import { formatOwner, newOwner, type Owner, parseOwner } from '../../lib/internal/owner.js';
import { Writer } from '../../lib/internal/writer.js';
import { Writers } from '../../lib/internal/writers.js';
import { namesIn, watched } from '../support/folder.js';
import { type Answer, Child } from './process-orders.js';

/** Rounds of the gate times this; `npm run torture` sets it. */
const factor = Number(process.env['TORTURE_FACTOR'] ?? 1);

describe('FileStore in several processes', function () {
  this.timeout(120_000 * factor);
  let dir: string;
  let children: Child[];

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'sessile-processes-'));
    children = [];
  });

  afterEach(async () => {
    await Promise.all(children.map((child) => (child.process.exitCode === null ? child.kill() : undefined)));
    rmSync(dir, { recursive: true, force: true });
  });

  async function start(count: number, prefix: string[] = []): Promise<Child[]> {
    children.push(...(await Promise.all(Array.from({ length: count }, () => Child.start(prefix)))));
    return children;
  }

  async function counted(): Promise<number> {
    const store = new FileStore(dir);
    let sum = 0;
    for await (const [, { count = 0 }] of store.entries()) sum += count;
    await store.closeAsync();
    return sum;
  }

  function leftovers(): string[] {
    return namesIn(dir).filter((name) => !name.endsWith('.json'));
  }

  it('goes on at once when an owner is killed inside its update, and nothing of it is left', async () => {
    const rounds = 20 * factor;
    const options = { lockStaleAge: 60_000, lockTimeout: 30_000 };
    const store = new FileStore(dir, options);
    const waited: number[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const child = await Child.start();
      child.send({ do: 'stay', dir, options, until: join(dir, 'never') });
      await child.inside();
      const began = performance.now();
      const waiting = store.updateAsync('counter-0', oneMore);
      await child.kill();
      expect((await waiting)?.count).to.equal(round);
      waited.push(performance.now() - began);
    }
    await store.closeAsync();
    expect(leftovers()).to.deep.equal([]);
    // The owner could not have been taken for dead by its age, which would have taken a minute.
    expect(Math.max(...waited)).to.be.lessThan(30_000);
    const median = waited.sort((a, b) => a - b)[waited.length >> 1];
    console.log(`      recovered after ${median?.toFixed(1)} ms (median), ${waited.at(-1)?.toFixed(1)} ms (longest)`);
  });

  it('refuses what a paused owner wants to write when it wakes up after its lock was taken', async () => {
    const rounds = 200 * factor;
    const options = { lockStaleAge: 40, lockTimeout: 10_000 };
    const [owner] = await start(1);
    const store = new FileStore(dir, options);
    // A writer that is alone has no lock that could be taken, and has to write again when another one comes.
    const other = new Writer(nodeFiles, dir);
    other.seat();
    await store.setAsync('counter-0', { cookie: { originalMaxAge: null, expires: null } } as never);
    for (let round = 1; round <= rounds; round += 1) {
      const until = join(tmpdir(), `${basename(dir)}-${round}`);
      owner?.send({ do: 'stay', dir, options, until });
      await owner?.inside();
      owner?.process.kill('SIGSTOP');
      await store.updateAsync('counter-0', () => ({ cookie: { originalMaxAge: null, expires: null }, count: round }));
      writeFileSync(until, '');
      owner?.process.kill('SIGCONT');
      expect(await owner?.answer()).to.deep.equal({ counted: 0, codes: ['SESSILE_LOCK_LOST'] });
      rmSync(until);
      expect(await counted()).to.equal(round);
    }
    await store.closeAsync();
    other.leave();
    expect(leftovers()).to.deep.equal([]);
  });

  it('counts every acknowledged increment, and no other, while owners are stopped at random moments', async () => {
    const options = { lockStaleAge: 30, lockTimeout: 60_000 };
    const all = await start(3);
    const order = { do: 'add' as const, dir, options, times: Number.MAX_SAFE_INTEGER, bytes: 9_000, ids: 1 };
    const answers = all.map((child) => child.ask({ ...order, ms: 10_000 * factor }));
    const results = await Promise.all([stopAtRandom(all, 180 * factor), ...answers]);
    const outcomes = results.slice(1) as Answer[];
    const acknowledged = outcomes.reduce((sum, { counted }) => sum + counted, 0);
    const codes = new Set(outcomes.flatMap(({ codes }) => codes));
    expect(await counted()).to.equal(acknowledged);
    expect([...codes].filter((code) => code !== 'SESSILE_LOCK_LOST')).to.deep.equal([]);
  });

  it('takes over at once from one that was alone, wherever that is stopped, and nothing of it comes after', async () => {
    const rounds = 100 * factor;
    const [child] = (await start(1)) as [Child];
    const order = {
      do: 'add' as const,
      dir,
      options: {},
      times: Number.MAX_SAFE_INTEGER,
      ms: 40,
      bytes: 5_000,
      ids: 1,
    };
    let acknowledged = 0;
    for (let round = 0; round < rounds; round += 1) {
      const answer = child.ask(order);
      await sleep(10 + Math.random() * 20);
      child.process.kill('SIGSTOP');
      const store = new FileStore(dir);
      await store.updateAsync('counter-0', oneMore);
      await store.closeAsync();
      child.process.kill('SIGCONT');
      const { counted: more, codes } = await answer;
      expect(codes).to.deep.equal([]);
      acknowledged += 1 + more;
    }
    expect(await counted()).to.equal(acknowledged);
    expect(readdirSync(dir)).to.deep.equal(namesIn(dir));
  });

  it('reads every session as it was saved, while one that is alone writes the files of others anew', async () => {
    const ids = 20;
    const [child] = (await start(1)) as [Child];
    const order = {
      do: 'add' as const,
      dir,
      options: {},
      times: Number.MAX_SAFE_INTEGER,
      ms: 3_000 * factor,
      bytes: 900,
      ids,
    };
    let running = true;
    const adding = child.ask(order).finally(() => {
      running = false;
    });
    const store = new FileStore(dir);
    const problems: string[] = [];
    store.on('error', (error: Error) => problems.push(String(error)));
    const last = new Map<string, number>();
    let looks = 0;
    for (; running; looks += 1) {
      const sid = `counter-${looks % ids}`;
      const { whose = sid, count = 0 } = (await store.getAsync(sid)) ?? {};
      if (whose !== sid) problems.push(`${sid} is ${whose}`);
      if (count < (last.get(sid) ?? 0)) problems.push(`${sid} was ${last.get(sid)} and is ${count}`);
      last.set(sid, count);
      if (looks % 100 === 0) await sleep(1);
    }
    expect(problems).to.deep.equal([]);
    expect(looks).to.be.greaterThan(1_000);
    expect((await adding).counted).to.be.greaterThan(100);
    expect(readdirSync(dir), 'a reader is no writer').to.not.include('.writers');
    await store.closeAsync();
  });

  for (const isRevoked of [false, true])
    it(`writes files of others anew beside one that touches${isRevoked ? ' and is revoked meanwhile' : ''}, and none that this one is about to touch`, async () => {
      const ids = 40;
      const [child] = (await start(1)) as [Child];
      const files = watched();
      const backend = new FileBackend(dir, {}, { files });
      const problems: string[] = [];
      backend.report = (error) => problems.push(error.message);
      const write = (n: number, data: string) =>
        backend.update(`counter-${n}`, () => ({ cookie: '{}', data, expires: Date.now() + 60_000 }));
      await Promise.all(Array.from({ length: ids }, (_, n) => write(n, '{}')));
      const writers = new Writers(nodeFiles, dir);
      const revoke = () => {
        for (const name of readdirSync(join(dir, '.writers'))) {
          const owner = parseOwner(name);
          if (owner?.pid === child.process.pid) writers.revoke(owner as Owner);
        }
      };
      const revoking = isRevoked ? setInterval(revoke, 15) : undefined;
      let running = true;
      const touching = child.ask({ do: 'touch', dir, ids, ms: 3_000 * factor }).finally(() => {
        running = false;
      });
      const last: string[] = [];
      const writing = Array.from({ length: 8 }, async (_, first) => {
        for (let n = first; running; n = (n + 8) % ids) {
          const data = JSON.stringify({ whose: n, at: performance.now(), filler: 'x'.repeat(100 + n) });
          last[n] = data;
          await write(n, data);
        }
      });
      await Promise.all(writing);
      clearInterval(revoking);
      const { counted: touches, codes } = await touching;
      for (let n = 0; n < ids; n += 1) expect((await backend.read(`counter-${n}`))?.data).to.equal(last[n]);
      backend.close();
      expect([problems, codes]).to.deep.equal([[], []]);
      const anew = files.calls.filter((call) => call === 'refillSync').length;
      console.log(`      ${touches} touches, ${anew} files written anew`);
      expect(touches).to.be.greaterThan(20);
      expect(anew).to.be.greaterThan(20);
    });

  it('never lets two breakers of one dead lock in, however slowly they look', async () => {
    const rounds = 500 * factor;
    const all = await start(3);
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    // Nobody of them is ever alone, and so none is taken for alone for a moment: that would end what it has.
    const other = new Writer(nodeFiles, dir);
    other.seat();
    for (let round = 0; round < rounds; round += 1) {
      const stem = join(dir, String(round));
      symlinkSync(formatOwner({ ...newOwner(), pid: dead, turn: '1' }), `${stem}.lock`);
      const answers = await Promise.all(all.map((child) => child.ask({ do: 'hold', stem })));
      expect(answers).to.deep.equal(all.map(() => ({ counted: 1, codes: [] })));
    }
    other.leave();
    expect(namesIn(dir)).to.deep.equal([]);
  });

  it('shares a directory between PID namespaces in which everybody is pid 1', async function () {
    const unshare = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'];
    const probe = spawnSync('unshare', [...unshare.slice(1), 'true']);
    if (probe.status !== 0) {
      const reason = String(probe.error ?? probe.stderr).trim();
      if (process.env['CI'] === 'true') throw new Error(`unshare is needed: ${reason}`);
      console.log(`      skipped: unshare is not allowed here: ${reason}`);
      this.skip();
    }
    const times = 10_000 * factor;
    this.timeout(600_000 * factor);
    await start(2, unshare);
    const store = new FileStore(dir);
    const problems: string[] = [];
    store.on('error', (error: Error) => problems.push(String(error)));
    let running = true;
    const reader = (async () => {
      for (; running; await sleep(1)) {
        for await (const [, { filler }] of store.entries()) if (filler?.length !== 9_000) problems.push('a torn read');
      }
    })();
    const answers = await Promise.all(
      children.map((child) => child.ask({ do: 'add', dir, options: {}, times, ms: 3_600_000, bytes: 9_000, ids: 50 })),
    );
    running = false;
    await reader;
    await store.closeAsync();
    expect(problems).to.deep.equal([]);
    expect(answers).to.deep.equal(children.map(() => ({ counted: times, codes: [] })));
    expect(await counted()).to.equal(2 * times);
  });
});

function oneMore(session: SessionData | undefined): SessionData {
  return { cookie: { originalMaxAge: null, expires: null } as SessionData['cookie'], count: (session?.count ?? 0) + 1 };
}

async function stopAtRandom(children: Child[], times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    const child = children[time % children.length] as Child;
    await sleep(Math.random() * 5);
    child.process.kill('SIGSTOP');
    await sleep(50);
    child.process.kill('SIGCONT');
  }
}
