import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { Entry } from '../../lib/backend.js';
import { FileBackend } from '../../lib/backends/file.js';
import { bundle } from '../support/bundle.js';
import { namesIn } from '../support/folder.js';
import { DEAD, MARK_BEGIN, MARK_END, NEW, OLD, operations } from './disk-orders.js';
import { parseTrace, type Traced } from './trace.js';

/** What the operations make of the file system; `write` is also how threads of Node wake each other. */
const CALLS = [
  'mkdir',
  'rmdir',
  'symlink',
  'readlink',
  'openat',
  'read',
  'pread64',
  'write',
  'pwrite64',
  'ftruncate',
  'fsync',
  'fdatasync',
  'link',
  'rename',
  'unlink',
  'close',
];
/** Those before which a kill leaves something new behind; the others are added by `npm run torture`. */
const CHANGING = CALLS.filter((call) => !/read|dir|sync|truncate/.test(call));
/** What is also done beside another writer where there is no time for all. */
const BRIEFLY = /^(set|destroy)$/;
const torture = Number(process.env['TORTURE_FACTOR'] ?? 1) > 1;
/** Much less than the age at which a lock is taken for stale. */
const AT_ONCE = 30_000;
const UNHURRIED = { lockStaleAge: 60_000, lockTimeout: 120_000 };

describe('FileBackend under strace', function () {
  this.timeout(300_000);
  let child: string;
  let dir: string;

  before(async function () {
    const { error, stderr, status } = spawnSync('strace', ['-o', '/dev/null', 'true'], { encoding: 'utf8' });
    if (status !== 0) {
      const reason = `strace cannot be used here: ${error?.message ?? stderr.trim()}`;
      if (process.env['CI'] === 'true') throw new Error(reason);
      console.log(`    skipped: ${reason}`);
      this.skip();
    }
    child = await bundle(new URL('disk-child.ts', import.meta.url));
  });
  after(() => child && rmSync(child, { force: true }));
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'sessile-strace-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  /** What happens between the call of `set` and that of its callback. */
  async function traceOf(mode: 'fsync' | 'plain'): Promise<Traced[]> {
    const out = join(dir, 'trace');
    const which = `trace=${CALLS.join()},access,renameat,renameat2`;
    const args = ['-f', '-y', '-qq', '-o', out, '-s', '64', '-e', which, process.execPath, child, 'traced', dir, mode];
    await promisify(execFile)('strace', args);
    const calls = parseTrace(readFileSync(out, 'utf8'));
    const [begin, end] = [MARK_BEGIN, MARK_END].map((path) => calls.findIndex(({ text }) => text.includes(path)));
    expect(begin).to.be.greaterThan(-1);
    expect(end).to.be.greaterThan(begin as number);
    return calls.slice(begin, (end as number) + 1);
  }

  it('syncs the content before the rename and the directory before the callback, with fsync', async () => {
    const calls = await traceOf('fsync');
    const steps = [
      /^openat\(.*\.tmp", O_WRONLY\|O_CREAT\|O_EXCL\|O_NOFOLLOW/,
      /^write\(\d+<.*\.tmp>, "\{\\"expires\\":/,
      /^fsync\(\d+<.*\.tmp>\) += 0/,
      /^rename\(".*\.tmp", ".*\.json"\) += 0/,
      new RegExp(`^fsync\\(\\d+<${dir}>\\) += 0`),
      new RegExp(`^access\\("${MARK_END}"`),
    ];
    let last: Traced | undefined;
    for (const step of steps) {
      const found = calls.filter(({ text }) => step.test(text));
      expect(found, `${step} in ${calls.map(({ text }) => text).join('\n')}`).to.have.lengthOf(1);
      if (last !== undefined) expect(found[0]?.begin, String(step)).to.be.greaterThan(last.end);
      last = found[0];
    }
  });

  it('writes whole and renames without waiting for the disk, without fsync', async () => {
    const calls = await traceOf('plain');
    expect(calls.filter(({ text }) => /^rename\(".*\.tmp", ".*\.json"\) += 0/.test(text))).to.have.lengthOf(1);
    expect(calls.filter(({ text }) => /^f(data)?sync\(/.test(text))).to.deep.equal([]);
  });

  const all = Object.entries(operations);
  for (const [name, isAlone, { sid, next, needs, needsBeside }] of [
    ...all.map(([name, operation]) => [name, true, operation] as const),
    ...all
      .map(([name, operation]) => [name, false, operation] as const)
      .filter(([name]) => torture || BRIEFLY.test(name)),
  ]) {
    it(`${name}, ${isAlone ? 'alone' : 'beside another writer'}: killed at each system call it leaves the former session or the next one`, async function () {
      if (!(await canAttach())) this.skip();
      const other = new FileBackend(dir);
      const killedAt: string[] = [];
      for (const thread of ['main', 'pool'] as const) {
        for (const call of torture ? CALLS : CHANGING) {
          for (let at = 1; ; at += 1) {
            await fill();
            if (!isAlone) await other.update('mine', () => OLD);
            if (!(await killed({ name, thread, call, at }))) break;
            killedAt.push(call);
            if (killedAt.length % 2 === 0) await checkSwept(`${thread} ${call} ${at}`);
            await checkAfter(`${thread} ${call} ${at}`, sid, next);
          }
        }
      }
      expect(killedAt).to.include.members(isAlone ? needs : needsBeside);
    });
  }

  async function fill(): Promise<void> {
    for (const file of namesIn(dir)) rmSync(join(dir, file));
    const backend = new FileBackend(dir);
    for (const [sid, entry] of [
      ['mine', OLD],
      ['dead', DEAD],
    ] as const)
      await backend.update(sid, () => entry);
    await backend.close();
  }

  async function checkAfter(where: string, sid: string, next: Entry | undefined): Promise<void> {
    const former = { mine: OLD, dead: DEAD, absent: undefined }[sid];
    const backend = new FileBackend(dir, UNHURRIED);
    expect(plain(await backend.read(sid)), where).to.be.deep.oneOf([former, next]);
    const began = performance.now();
    await backend.update(sid, () => NEW);
    expect(performance.now() - began, `ms of the next operation, ${where}`).to.be.lessThan(AT_ONCE);
    expect(plain(await backend.read(sid)), where).to.deep.equal(NEW);
    await backend.close();
    await checkSwept(where);
  }

  async function checkSwept(where: string): Promise<void> {
    await new FileBackend(dir).prune(0);
    expect(
      namesIn(dir).filter((file) => !/^[\da-f]{64}\.json$/.test(file)),
      where,
    ).to.deep.equal([]);
  }

  interface Kill {
    name: string;
    thread: 'main' | 'pool';
    call: string;
    at: number;
  }

  /** Whether the operation was killed at call number `at` of one kind and thread; if not, it was done before. */
  async function killed({ name, thread, call, at }: Kill): Promise<boolean> {
    // One thread in the pool, so that the calls of an operation are always those of the same thread.
    const env = { ...process.env, UV_THREADPOOL_SIZE: '1', NODE_V8_COVERAGE: '' };
    const process_ = spawn(process.execPath, [child, 'once', dir, name], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(process_, 'close');
    await heard(process_.stdout, 'ready');
    const tid = String(thread === 'main' ? process_.pid : newestThread(process_));
    const inject = `inject=${call}:signal=KILL:when=${at}`;
    const args = ['-p', tid, '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject];
    const strace = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const detached = once(strace, 'close');
    await heard(strace.stderr, 'attached');
    process_.stdin.write('\n');
    let said = '';
    process_.stdout.on('data', (chunk) => {
      said += chunk;
    });
    const [, signal] = await ended;
    await detached;
    if (said.includes('done')) return false;
    expect(signal, `${name} ${thread} ${call} ${at}`).to.equal('SIGKILL');
    return true;
  }

  /** Tracing one's own descendants may be allowed where attaching to a running process is not. */
  async function canAttach(): Promise<boolean> {
    const sleeper = spawn('sleep', ['60']);
    const strace = spawn('strace', ['-p', String(sleeper.pid), '-o', '/dev/null'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const said = await Promise.race([heard(strace.stderr, 'attached'), once(strace, 'close').then(() => undefined)]);
    sleeper.kill('SIGKILL');
    if (said !== undefined) return true;
    if (process.env['CI'] === 'true') throw new Error('strace may not attach to a process here');
    console.log('      skipped: strace may not attach to a process here');
    return false;
  }
});

/** The thread of libuv's pool: the one that was started last, as it is made at the first call that needs it. */
function newestThread({ pid }: ChildProcess): number {
  const threads = readdirSync(`/proc/${pid}/task`).map((tid) => {
    const stat = readFileSync(`/proc/${pid}/task/${tid}/stat`, 'latin1');
    return { tid: Number(tid), start: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]) };
  });
  return threads.sort((a, b) => a.start - b.start || a.tid - b.tid).at(-1)?.tid as number;
}

async function heard(stream: NodeJS.ReadableStream, word: string): Promise<true> {
  let said = '';
  for (;;) {
    const [chunk] = (await once(stream, 'data')) as [Buffer];
    said += chunk;
    if (said.includes(word)) return true;
  }
}

function plain(entry: Entry | undefined): Entry | undefined {
  return entry && { data: entry.data, cookie: entry.cookie, expires: entry.expires };
}
