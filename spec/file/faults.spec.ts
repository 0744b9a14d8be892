import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { expect } from 'chai';
import type { Entry } from '../../lib/backend.js';
import { FileBackend } from '../../lib/backends/file.js';
import { SessileError } from '../../lib/errors.js';
import { type Files, nodeFiles } from '../../lib/internal/files.js';
import { namesIn } from '../support/folder.js';
import { type Fault, FaultyFiles, faults, openFiles, type Plan, systemError } from './faulty-files.js';

const NOW = 1_700_000_000_000;
const OLD: Entry = { data: `{"who":"old ${'o'.repeat(9_000)}"}`, cookie: '{"path":"/"}', expires: NOW + 1_000 };
const NEW: Entry = { data: '{"who":"new"}', cookie: '{"path":"/"}', expires: NOW + 2_000 };
const DEAD: Entry = { data: '{"who":"dead"}', cookie: '', expires: NOW - 1 };
const OTHER_COOKIE = '{"path":"/other"}';
/** Much less than the age at which a lock is taken for stale. */
const AT_ONCE = 30_000;
const UNHURRIED = { lockStaleAge: 60_000, lockTimeout: 120_000 };

type State = Record<string, Entry | undefined>;

interface Operation {
  run: (backend: FileBackend) => unknown;
  /** What is stored afterwards, beginning with {@link START}. */
  after: State;
  answer?: unknown;
}

const START: State = { mine: OLD, other: OLD, dead: DEAD, absent: undefined };
const touchTo = { expires: NEW.expires, cookie: OLD.cookie };

const operations: Record<string, Operation> = {
  'set of a new session': { run: (it) => it.update('absent', () => NEW), after: { ...START, absent: NEW } },
  'set over a session': { run: (it) => it.update('mine', () => NEW), after: { ...START, mine: NEW } },
  'touch in place': {
    run: (it) => it.touch('mine', touchTo, NOW),
    after: { ...START, mine: { ...OLD, expires: NEW.expires } },
  },
  'touch with another cookie': {
    run: (it) => it.touch('mine', { expires: NEW.expires, cookie: OTHER_COOKIE }, NOW),
    after: { ...START, mine: { ...OLD, expires: NEW.expires, cookie: OTHER_COOKIE } },
  },
  'touch of nothing': { run: (it) => it.touch('absent', touchTo, NOW), after: START },
  destroy: { run: (it) => it.update('mine', () => undefined), after: { ...START, mine: undefined } },
  'destroy of nothing': { run: (it) => it.update('absent', () => undefined), after: START },
  'update that changes': {
    run: (it) => it.update('mine', (entry) => entry && { ...entry, data: NEW.data }),
    after: { ...START, mine: { ...OLD, data: NEW.data } },
  },
  'update that leaves things': { run: (it) => it.update('mine', (entry) => entry), after: START },
  get: { run: async (it) => plain(await it.read('mine')), after: START, answer: OLD },
  'get of nothing': { run: (it) => it.read('absent'), after: START, answer: undefined },
  prune: { run: (it) => it.prune(NOW), after: { ...START, dead: undefined }, answer: 1 },
  length: { run: (it) => it.count(NOW), after: START, answer: 2 },
  entries: {
    run: async (it) => {
      const sids: string[] = [];
      for await (const [sid] of it.entries()) sids.push(sid);
      return sids.sort();
    },
    after: START,
    answer: ['dead', 'mine', 'other'],
  },
  clear: { run: (it) => it.clear(), after: { mine: undefined, other: undefined, dead: undefined, absent: undefined } },
};

/** Calls whose failure must not be taken for a success, even though everything looks right afterwards. */
const TELLING = new Set([
  'fsync',
  'fdatasync',
  'closeSync',
  'open',
  'write',
  'lock',
  'findSync',
  'openSync',
  'readSync',
  'opendir',
  'readdir',
]);

/** Who writes, and what it meets where there is no time for every fault. */
const writers: Record<string, readonly Fault[]> = {
  new: ['EIO'],
  // It has replaced a file, which it writes anew.
  alone: faults,
  'beside another one': ['ENOSPC', 'EIO'],
};

describe('FileBackend with a faulty disk', function () {
  this.timeout(300_000);
  let dir: string;
  /** The files of {@link START}. */
  const start = new Map<string, Buffer>();
  before(async () => {
    dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sessile-faults-'));
    const backend = new FileBackend(dir);
    for (const [sid, entry] of Object.entries(START)) await backend.update(sid, () => entry);
    for (const name of namesIn(dir)) start.set(join(dir, name), readFileSync(join(dir, name)));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  const all = Number(process.env['TORTURE_FACTOR'] ?? 1) > 1;
  const modes = { once: 1, 'for good': Number.POSITIVE_INFINITY, ...(all && { twice: 2 }) };
  for (const [name, operation] of Object.entries(operations)) {
    for (const [mode, times] of Object.entries(modes)) {
      for (const [writer, few] of Object.entries(writers)) {
        it(`${name}, ${writer}: any call fails ${mode}`, async () => {
          for (const fault of all ? faults : few) {
            await everyCall({ dir, start, operation, writer, fsync: false }, fault, times);
          }
        });
      }

      it(`${name} with fsync: any call fails ${mode}`, async () => {
        const some: readonly Fault[] = all ? faults : ['EIO'];
        for (const fault of some)
          await everyCall({ dir, start, operation, writer: 'alone', fsync: true }, fault, times);
      });
    }
  }

  it('tries a refused rename again, as Windows refuses it while somebody has the file open', async () => {
    for (const fault of ['EPERM', 'EACCES', 'EBUSY'] as const) {
      let refusals = 4;
      const pauses: number[] = [];
      const files: Files = {
        ...nodeFiles,
        rename: async (from, to) => {
          refusals -= 1;
          if (refusals >= 0) throw systemError(fault, 'rename');
          await nodeFiles.rename(from, to);
        },
        pause: async (ms: number) => {
          pauses.push(ms);
        },
      };
      const backend = new FileBackend(dir, {}, { files });
      await backend.update('mine', () => NEW);
      expect(plain(await backend.read('mine')), fault).to.deep.equal(NEW);
      expect(pauses, fault).to.have.lengthOf(4);

      refusals = Number.POSITIVE_INFINITY;
      checkError(await backend.update('mine', () => OLD).catch((error: unknown) => error), fault, fault);
      expect(pauses.reduce((sum, ms) => sum + ms) / 1_000, 'seconds').to.be.within(2, 5);
      expect(plain(await backend.read('mine')), fault).to.deep.equal(NEW);
    }
  });

  it('says so where the directory is deleted, for every operation, and goes on when it is there again', async () => {
    const gone = join(dir, 'gone');
    for (const fsync of [false, true]) {
      const backend = new FileBackend(gone, { fsync });
      for (const [name, { run }] of Object.entries(operations)) {
        rmSync(gone, { recursive: true });
        const outcome = await settle(() => run(backend));
        expect(outcome, name).to.have.property('error').that.is.instanceOf(SessileError);
        expect(outcome, name).to.have.nested.property('error.code', 'SESSILE_BAD_PATH');
        writeFileSync(gone, '');
        expect(await settle(() => run(backend)), name).to.have.nested.property('error.code', 'SESSILE_BAD_PATH');
        rmSync(gone);
        mkdirSync(gone);
        await backend.update('mine', () => NEW);
        expect(plain(await backend.read('mine')), name).to.deep.equal(NEW);
      }
    }
    rmSync(gone, { recursive: true });
  });

  it('says so where the directory is deleted in the middle of a write', async () => {
    const gone = join(dir, 'gone');
    for (const call of ['open', 'write', 'closeSync', 'rename'] as const) {
      const faulty = new FaultyFiles();
      const backend = new FileBackend(gone, {}, { files: faulty.files });
      faulty.before = (next) => next === call && rmSync(gone, { recursive: true, force: true });
      const outcome = await settle(() => backend.update('mine', () => NEW));
      expect(outcome, call).to.have.nested.property('error.code', 'SESSILE_BAD_PATH');
    }
  });
});

interface Bench {
  dir: string;
  start: Map<string, Buffer>;
  operation: Operation;
  writer: string;
  fsync: boolean;
}

/** Fails call 1, 2, ... until the operation ends before the fault was due. */
async function everyCall(bench: Bench, fault: Fault, times: number): Promise<void> {
  for (let at = 1; ; at += 1) {
    const failed = await oneFault(bench, { fault, at, times });
    if (!failed) return expect(at).to.be.greaterThan(1) as unknown as undefined;
  }
}

async function oneFault({ dir, start, operation, writer, fsync }: Bench, plan: Plan): Promise<boolean> {
  const faulty = new FaultyFiles();
  const backend = new FileBackend(dir, { fsync, ...UNHURRIED }, { files: faulty.files });
  const reported: Error[] = [];
  backend.report = (error) => reported.push(error);
  for (const name of readdirSync(dir)) rmSync(join(dir, name), { recursive: true });
  for (const [path, content] of start) writeFileSync(path, content);
  if (writer !== 'new') await backend.update('other', () => ({ ...OLD }));
  if (writer === 'beside another one') {
    await new FileBackend(dir).update('other', () => ({ ...OLD }));
    await backend.update('other', () => ({ ...OLD }));
  }
  faulty.arm(plan);
  const outcome = await settle(() => operation.run(backend));
  const { calls, failed, failedAt } = faulty;
  faulty.disarm();

  const where = `${plan.fault} x ${plan.times} at ${plan.at} of ${calls}`;
  expect(openFiles(dir), `open files, ${where}`).to.equal(0);
  for (const error of reported) checkError(error, plan.fault, `reported, ${where}`);
  await checkOutcome(outcome, {
    dir,
    operation,
    plan,
    failed,
    untold: untold({ calls, failedAt, operation, plan }),
    where,
  });
  if (plan.times === 1) expect(leftovers(dir), where).to.deep.equal([]);
  await checkRecovery(backend, { dir, where, sids: ['mine', ...changedBy(operation)] });
  backend.close();
  expect(openFiles(dir), `open files once it works again, ${where}`).to.equal(0);
  return calls.length >= plan.at;
}

type Outcome = { error: unknown } | { answer: unknown };

async function settle(run: () => unknown): Promise<Outcome> {
  try {
    return { answer: await run() };
  } catch (error) {
    return { error };
  }
}

interface Case {
  dir: string;
  operation: Operation;
  plan: Plan;
  failed: string[];
  /** Those of the telling ones of which nobody need be told. */
  untold: string[];
  where: string;
}

async function checkOutcome(outcome: Outcome, { dir, operation, plan, failed, untold, where }: Case): Promise<void> {
  const present = await stored(dir);
  if ('error' in outcome) {
    checkError(outcome.error, plan.fault, where);
    expect(failed, where).to.not.deep.equal([]);
    for (const sid of Object.keys(START)) {
      expect(present[sid], `${sid} after an error, ${where}`).to.be.deep.oneOf([START[sid], operation.after[sid]]);
    }
  } else {
    const telling = failed.filter((call) => TELLING.has(call));
    if (plan.fault !== 'short') expect(telling, `no error in spite of these, ${where}`).to.deep.equal(untold);
    expect(outcome.answer, where).to.deep.equal(operation.answer);
    expect(present, `after success, ${where}`).to.deep.equal(operation.after);
  }
}

function changedBy({ after }: Operation): string[] {
  return Object.keys(START).filter((sid) => after[sid] !== START[sid]);
}

interface Calls {
  calls: string[];
  failedAt: number[];
  operation: Operation;
  plan: Plan;
}

/** Telling calls that failed where what was asked for is done all the same. */
function untold({ calls, failedAt, operation, plan }: Calls): string[] {
  const isUntold = (at: number) =>
    isLowering(calls, at) ||
    (isLocking(calls, at) && (plan.times === 1 || isRemoval(operation, plan)) && plan.fault === 'ENOSPC') ||
    (calls[at] === 'lock' && HAS_OTHER_WAY.has(plan.fault));
  return failedAt
    .filter(isUntold)
    .map((at) => calls[at] as string)
    .filter((call) => TELLING.has(call));
}

/** A lock that cannot be a second name of a file is a link, as it is where there is no room for another file. */
const HAS_OTHER_WAY = new Set<Fault>(['EPERM', 'EACCES']);

/** A sign that stays up costs others some new files. It is lowered after the session's file was closed, or not found. */
function isLowering(calls: string[], at: number): boolean {
  if (calls[at] === 'closeSync') return at > 0 && isLowering(calls, at - 1);
  return calls[at] === 'writeSync' && ['closeSync', 'lstatSync'].includes(calls[at - 1] ?? '');
}

/** What makes the file of a lock, and the lock. */
function isLocking(calls: string[], at: number): boolean {
  if (calls[at] === 'writeSync' || calls[at] === 'closeSync') return at > 0 && isLocking(calls, at - 1);
  return calls[at] === 'openSync' || calls[at] === 'lock';
}

/** What only removes does so without a lock where the disk is too full for one. */
function isRemoval(operation: Operation, { fault }: Plan): boolean {
  return fault === 'ENOSPC' && changedBy(operation).every((sid) => operation.after[sid] === undefined);
}

function checkError(error: unknown, fault: Fault, where: string): void {
  expect(error, where).to.be.instanceOf(SessileError);
  const { code, cause } = error as SessileError;
  expect(code, where).to.equal('SESSILE_IO');
  if (fault === 'short') expect(cause, where).to.be.instanceOf(Error);
  else expect(cause, where).to.include({ code: fault });
}

/** The fault is gone: the same store writes the same sessions at once, and what it could not tidy up goes away. */
async function checkRecovery(
  backend: FileBackend,
  { dir, where, sids }: { dir: string; where: string; sids: string[] },
): Promise<void> {
  const began = performance.now();
  for (const sid of sids) await backend.update(sid, () => NEW);
  expect(performance.now() - began, `ms until it works again, ${where}`).to.be.lessThan(AT_ONCE);
  for (const sid of sids) expect(plain(await backend.read(sid)), where).to.deep.equal(NEW);
  if (leftovers(dir).length > 0) await backend.prune(NOW);
  expect(leftovers(dir), `after prune, ${where}`).to.deep.equal([]);
}

async function stored(dir: string): Promise<State> {
  const healthy = new FileBackend(dir);
  const state: State = {};
  for (const sid of Object.keys(START)) state[sid] = plain(await healthy.read(sid));
  healthy.close();
  return state;
}

function plain(entry: Entry | undefined): Entry | undefined {
  return entry && { data: entry.data, cookie: entry.cookie, expires: entry.expires };
}

function leftovers(dir: string): string[] {
  return namesIn(dir).filter((name) => !/^[\da-f]{64}\.json$/.test(name));
}
