import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import {
  abandon,
  formatOwner,
  isDead,
  isNear,
  newOwner,
  newTurn,
  type Owner,
  parseOwner,
} from '../../lib/internal/owner.js';

describe('owner', () => {
  const me = newOwner();
  const linux = process.platform === 'linux';

  it('is another one each time, of one process, start and place', () => {
    const owners = Array.from({ length: 1_000 }, newOwner);
    expect(new Set(owners.map(({ nonce }) => nonce)).size).to.equal(1_000);
    for (const { pid, start, place } of owners) {
      expect({ pid, start, place }).to.deep.equal({ pid: process.pid, start: me.start, place: me.place });
    }
    expect(me.place).to.match(/^[\da-f]{12}$/);
    if (linux) expect(Number(me.start)).to.be.greaterThan(0);
  });

  it('has turns, each another one, that are its own', () => {
    const turns = Array.from({ length: 1_000 }, () => newTurn(me));
    expect(new Set(turns.map(({ turn }) => turn)).size).to.equal(1_000);
    for (const { turn, ...owner } of turns) {
      expect(owner).to.deep.equal(me);
      expect(turn).to.match(/^[\da-z]+$/);
    }
    expect(newTurn(turns[0] as Owner).turn).to.not.equal(turns[0]?.turn);
  });

  it('is a text of at most 59 bytes that can be a name in any file system, and back', () => {
    const longest: Owner = { nonce: 'z'.repeat(14), pid: 4_194_304, start: '9'.repeat(12), place: 'f'.repeat(12) };
    const turn = 'z'.repeat(9);
    for (const owner of [
      me,
      newTurn(me),
      longest,
      { ...longest, turn },
      { ...me, start: '' },
      { ...me, start: '', turn },
    ]) {
      const text = formatOwner(owner);
      expect(parseOwner(text)).to.deep.equal(owner);
      expect(text.length).to.be.at.most(59);
      expect(text).to.match(/^[\da-z-]+$/);
    }
  });

  it('is not made of any other text', () => {
    const good = formatOwner(me);
    expect(parseOwner(good)).to.not.equal(undefined);
    const others = [
      '',
      'x',
      '/etc/passwd',
      '../x',
      good.slice(0, -1),
      good.slice(1).slice(14),
      `${good}0`,
      `${good}-`,
      `${good}-A`,
      `${good}-1-1`,
      `${good}.revoked`,
      ` ${good}`,
      `${good}\n`,
    ];
    for (const text of [...others, good.toUpperCase(), good.replaceAll('-', ':'), good.replace(/-\d+-/, '-x-')]) {
      expect(parseOwner(text), JSON.stringify(text)).to.equal(undefined);
    }
  });

  it('is not dead as long as its process lives', () => {
    expect(isDead(newOwner())).to.equal(false);
    expect(isDead({ ...me, start: '' })).to.equal(false);
  });

  it('of process 1, whoever that belongs to, is not dead', function () {
    if (!linux) {
      console.log('      skipped: needs /proc');
      this.skip();
    }
    const stat = readFileSync('/proc/1/stat', 'latin1');
    const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] as string;
    expect(isDead({ ...me, pid: 1, start })).to.equal(false);
  });

  it('is dead when its process has ended', async () => {
    const child = spawn(process.execPath, ['--eval', '']);
    const owner = { ...me, pid: child.pid as number, start: '' };
    await once(child, 'exit');
    expect(isDead(owner)).to.equal(true);
  });

  it('is dead when another process has its pid', function () {
    if (!linux) {
      console.log('      skipped: needs /proc to know when a process began');
      this.skip();
    }
    expect(isDead({ ...me, start: String(Number(me.start) - 1) })).to.equal(true);
  });

  it('is dead when its process has ended and its parent does not care', async function () {
    if (!linux) {
      console.log('      skipped: needs /proc');
      this.skip();
    }
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      const [printed] = (await once(parent.stdout, 'data')) as [Buffer];
      const pid = Number(printed);
      const state = () => readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /s, '')[0];
      while (state() !== 'Z') await sleep(5);
      expect(isDead({ ...me, pid, start: '1' })).to.equal(true);
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] as string;
      expect(isDead({ ...me, pid, start })).to.equal(true);
    } finally {
      parent.kill('SIGKILL');
    }
  });

  it('of another place is not known to be dead, whatever its pid', () => {
    for (const pid of [process.pid, 1, 2 ** 31 - 2, 9_999_999_999]) {
      expect(isDead({ ...me, pid, start: '1', place: '0123456789ab' })).to.equal(false);
    }
  });

  it('with a pid that cannot be is not known to be dead, and nothing is thrown', () => {
    for (const pid of [0, 9_999_999_999]) expect(isDead({ ...me, pid, start: '' })).to.equal(false);
  });

  it('whose lock this process has abandoned counts as dead for that lock, and for no other', () => {
    const [one, other] = [newTurn(me), newTurn(me)];
    abandon(one);
    expect([one, { ...one }, other, me].map((owner) => isDead(owner))).to.deep.equal([true, true, false, false]);
  });

  it('is near where its pid means something here', () => {
    expect([me, { ...newTurn(me), pid: 1 }].map(isNear)).to.deep.equal([true, true]);
    expect(isNear({ ...me, place: '0123456789ab' })).to.equal(false);
  });

  it('has a place that a pid namespace of its own changes', function () {
    if (!linux) {
      console.log('      skipped: needs /proc');
      this.skip();
    }
    const source = `import { newOwner } from ${JSON.stringify(import.meta.resolve('../../lib/internal/owner.ts'))};
      console.log(newOwner().place);`;
    const node = [process.execPath, '--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', source];
    const { status, stdout, stderr } = spawnSync('unshare', ['--pid', '--fork', '--mount-proc', ...node], {
      encoding: 'utf8',
    });
    if (status !== 0 && /permitted|denied|ENOENT/.test(stderr ?? 'ENOENT')) {
      console.log('      skipped: a pid namespace cannot be made here');
      this.skip();
    }
    expect(stdout, stderr).to.match(/^[\da-f]{12}\n$/);
    expect(stdout.trim()).to.not.equal(me.place);
  });
});
