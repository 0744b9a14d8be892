import { expect } from 'chai';
import fc from 'fast-check';
import {
  type Addition,
  checkAdditions,
  checkLinearizable,
  type Held,
  type SessionOperation,
  sessionObject,
} from './checker.js';
import { Random } from './random.js';

const clean = { ok: true, duplicates: [], gaps: [], strays: [], lost: 0, realTime: [] };

/** `start-end` of an addition, with `?` for one that nobody knows the outcome of. */
function add(process: number, times: `${number}-${number}` | `${number}-?`, returned = -1): Addition {
  const [start, end] = times.split('-');
  if (end === '?')
    return { process, start: Number(start), end: Number.POSITIVE_INFINITY, outcome: 'unknown', returned };
  return { process, start: Number(start), end: Number(end), outcome: 'ok', returned };
}

describe('the checker of additions', () => {
  it('passes what overlaps, in any order of return', () => {
    const history = [add(1, '0-10', 1), add(2, '0-10', 0), add(1, '11-20', 2)];
    expect(checkAdditions(history, 0, 3)).to.deep.equal(clean);
  });

  it('finds a value that was returned twice, and the increment that it lost', () => {
    const history = [add(1, '0-10', 0), add(2, '0-10', 0), add(1, '11-20', 1)];
    const verdict = checkAdditions(history, 0, 2);
    expect(verdict).to.include({ ok: false, lost: 1 });
    expect(verdict.duplicates).to.deep.equal([0]);
  });

  it('finds a gap', () => {
    const verdict = checkAdditions([add(1, '0-10', 0), add(2, '0-10', 2)], 0, 3);
    expect(verdict.gaps).to.deep.equal([1]);
    expect(verdict.ok).to.equal(false);
  });

  it('finds increments that the last value does not count', () => {
    const verdict = checkAdditions([add(1, '0-1', 0), add(1, '2-3', 1)], 0, 1);
    expect(verdict).to.deep.include({ ok: false, lost: 1, strays: [1] });
  });

  it('finds increments that nobody made', () => {
    expect(checkAdditions([add(1, '0-1', 0)], 0, 3).gaps).to.deep.equal([1, 2]);
  });

  it('finds an addition that went before one that had ended when it started', () => {
    const [late, early] = [add(1, '20-30', 0), add(2, '0-10', 1)];
    expect(checkAdditions([late, early], 0, 2).realTime).to.deep.equal([[late, early]]);
  });

  it('counts from any first value', () => {
    expect(checkAdditions([add(1, '0-1', 7), add(1, '2-3', 8)], 7, 9)).to.deep.equal(clean);
    expect(checkAdditions([add(1, '0-1', 6), add(1, '2-3', 7)], 7, 9).strays).to.deep.equal([6]);
  });

  it('lets an unknown one have happened, or not, or much later', () => {
    const killed = add(9, '5-?');
    expect(checkAdditions([add(1, '0-10', 0), killed, add(1, '11-20', 2)], 0, 3)).to.deep.equal(clean);
    expect(checkAdditions([add(1, '0-10', 0), killed, add(1, '11-20', 1)], 0, 2)).to.deep.equal(clean);
    expect(checkAdditions([add(1, '0-10', 0), killed, add(1, '11-20', 1)], 0, 3)).to.deep.equal(clean);
  });

  it('lets an unknown one fill a single gap, and none before it started', () => {
    const killed = add(9, '5-?');
    expect(checkAdditions([killed, add(1, '0-10', 2)], 0, 3).gaps).to.deep.equal([1]);
    expect(checkAdditions([add(1, '0-1', 0), add(1, '2-3', 2), killed], 0, 3).gaps).to.deep.equal([1]);
  });

  it('matches unknown ones with gaps however they lie', () => {
    const history = [add(8, '25-?'), add(9, '5-?'), add(1, '0-10', 1), add(1, '20-30', 3)];
    expect(checkAdditions(history, 0, 4)).to.deep.equal(clean);
  });

  it('passes every history of a true counter, and finds what was changed in it', () => {
    fc.assert(
      fc.property(fc.nat(), fc.boolean(), (seed, killed) => {
        const random = new Random(seed);
        const history = recordAdditions(random, { processes: 4, length: 40, killed });
        expect(checkAdditions(history, 0, history.length)).to.deep.equal(clean);
        if (killed) return;
        const one = random.below(history.length);
        const { returned } = history[one] as Addition;
        const change = (changes: Partial<Addition>) => history.map((it, i) => (i === one ? { ...it, ...changes } : it));
        const verdict = (changed: Addition[]) => checkAdditions(changed, 0, history.length).ok;
        expect(verdict(change({ returned: returned + 1 }))).to.equal(false);
        expect(verdict(history.filter((_, i) => i !== one))).to.equal(false);
        expect(verdict(change({ start: 1e9, end: 1e9 + 1 }))).to.equal(returned === history.length - 1);
      }),
      { numRuns: 300 },
    );
  });
});

type Body = SessionOperation extends infer Op
  ? Op extends unknown
    ? Omit<Op, 'process' | 'start' | 'end' | 'outcome'>
    : never
  : never;

function op(process: number, times: `${number}-${number}` | `${number}-?`, body: Body): SessionOperation {
  const { returned: _, ...operation } = add(process, times);
  return { ...operation, ...body } as SessionOperation;
}

const set = (value: string, expires = 1_000): Body => ({ kind: 'set', value, expires });
const get = (value?: string, expires = 1_000): Body => ({
  kind: 'get',
  found: value === undefined ? undefined : { value, expires },
});
const touch = (expires: number): Body => ({ kind: 'touch', expires });
const destroy: Body = { kind: 'destroy' };

const good: Record<string, SessionOperation[]> = {
  'nothing at all': [],
  'a get of nothing': [op(1, '0-1', get())],
  'write, read, end, read': [
    op(1, '0-1', set('a')),
    op(1, '2-3', get('a')),
    op(1, '4-5', destroy),
    op(1, '6-7', get()),
  ],
  'two readers in a slow write, one before it and one after': [
    op(1, '0-100', set('a')),
    op(2, '10-20', get()),
    op(3, '30-40', get('a')),
  ],
  'two writers at once, either first': [op(1, '0-10', set('a')), op(2, '0-10', set('b')), op(3, '11-12', get('a'))],
  'a touch that moves the deadline': [
    op(1, '0-1', set('a', 50)),
    op(1, '2-3', touch(90)),
    op(1, '60-61', get('a', 90)),
    op(1, '90-91', get()),
  ],
  'an expiry in the middle of a get, seen or not': [
    op(1, '0-1', set('a', 50)),
    op(2, '45-55', get('a', 50)),
    op(3, '45-55', get()),
  ],
  'a touch in the last moment, too late': [
    op(1, '0-1', set('a', 50)),
    op(1, '45-55', touch(90)),
    op(1, '60-61', get()),
  ],
  'a killed write that is seen much later': [
    op(9, '0-?', set('a')),
    op(1, '1-2', get()),
    op(1, '20-21', get('a')),
    op(1, '22-23', get('a')),
  ],
  'a killed write that never happened': [op(9, '0-?', set('a')), op(1, '1-2', get()), op(1, '20-21', get())],
  'a killed end that happened': [op(1, '0-1', set('a')), op(9, '2-?', destroy), op(1, '5-6', get())],
  'a get whose answer nobody heard': [op(1, '0-1', set('a')), op(9, '2-?', get('z')), op(1, '5-6', get('a'))],
};

const bad: Record<string, SessionOperation[]> = {
  'a read of what was never written': [op(1, '0-1', get('a'))],
  'a write that vanished': [op(1, '0-1', set('a')), op(2, '2-3', get())],
  'a stale read': [op(1, '0-1', set('a')), op(1, '2-3', set('b')), op(2, '4-5', get('a'))],
  'two readers that disagree on the order of two writes': [
    op(1, '0-100', set('a')),
    op(2, '0-100', set('b')),
    op(3, '10-11', get('a')),
    op(3, '12-13', get('b')),
    op(4, '14-15', get('a')),
  ],
  'a session back from the dead': [
    op(1, '0-1', set('a')),
    op(2, '2-3', destroy),
    op(1, '2-9', touch(99)),
    op(3, '10-11', get('a', 99)),
  ],
  'a session found at its deadline': [op(1, '0-1', set('a', 50)), op(1, '50-51', get('a', 50))],
  'a session gone before its deadline': [op(1, '0-1', set('a', 50)), op(1, '48-49', get())],
  'a touch that revives': [op(1, '0-1', set('a', 50)), op(1, '60-61', touch(90)), op(1, '62-63', get('a', 90))],
  'a touch that is forgotten': [op(1, '0-1', set('a', 50)), op(1, '2-3', touch(90)), op(1, '4-5', get('a', 50))],
  'a touch that creates': [op(1, '0-1', touch(90)), op(1, '2-3', get('a', 90))],
  'time that runs backwards between two gets': [
    op(1, '0-1', set('a', 50)),
    op(2, '45-55', get()),
    op(2, '56-57', get('a', 50)),
  ],
  'a killed write that comes and goes': [op(9, '0-?', set('a')), op(1, '1-2', get('a')), op(1, '3-4', get())],
  'a killed write that was seen before it started': [op(1, '0-1', get('a')), op(9, '2-?', set('a'))],
};

describe('the search for a linear order', () => {
  for (const [what, history] of Object.entries(good)) {
    it(`passes ${what}`, () => expect(checkLinearizable(history, sessionObject).ok).to.equal(true));
  }

  for (const [what, history] of Object.entries(bad)) {
    it(`finds ${what}`, () => expect(checkLinearizable(history, sessionObject).ok).to.equal(false));
  }

  it('tells how far it came, and what did not fit', () => {
    const history = bad['a write that vanished'] as SessionOperation[];
    expect(checkLinearizable(history, sessionObject)).to.deep.equal({ ok: false, placed: 1, stuck: [history[1]] });
  });

  it('passes every history of an object that is linear, and finds what was changed in it', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 8 }), (seed, processes) => {
        const history = record(new Random(seed), { processes, length: 60, lifetime: seed % 2 ? 40 : 1e6 });
        expect(checkLinearizable(history, sessionObject).ok).to.equal(true);
        for (const changed of [invented(new Random(seed), history), stale(history)]) {
          if (changed !== undefined) expect(checkLinearizable(changed, sessionObject).ok).to.equal(false);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('takes 200 operations of 8 processes on one id, and a wrong last one', () => {
    const history = record(new Random(1), { processes: 8, length: 200, lifetime: 40 });
    expect(checkLinearizable(history, sessionObject).ok).to.equal(true);
    const last: SessionOperation = op(99, '1000000-1000001', get('never'));
    expect(checkLinearizable([...history, last], sessionObject).ok).to.equal(false);
  });
});

/**
 * Runs processes that each do one thing after the other on one true object: an operation starts, takes effect at some
 * later step, and ends later still. Every step is one unit of time. A process may be killed in the middle.
 */
interface Recording {
  processes: number;
  length: number;
  lifetime: number;
}

function record(random: Random, { processes, length, lifetime }: Recording): SessionOperation[] {
  const history: SessionOperation[] = [];
  const busy = new Map<number, { operation: SessionOperation; effective: boolean }>();
  const dead = new Set<number>();
  let held: Held | undefined;
  let started = 0;
  for (let now = 0; started < length || busy.size > 0; now += 1) {
    if (dead.size === processes) break;
    const process = random.below(processes);
    const mine = busy.get(process);
    if (dead.has(process)) continue;
    if (mine === undefined) {
      if (started >= length) continue;
      const operation = {
        ...op(process, '0-0', randomBody(random, started, now + random.below(lifetime))),
        start: now,
      };
      busy.set(process, { operation, effective: false });
      started += 1;
    } else if (random.below(60) === 0) {
      history.push({ ...mine.operation, outcome: 'unknown', end: Number.POSITIVE_INFINITY });
      busy.delete(process);
      dead.add(process);
    } else if (!mine.effective) {
      const alive = held !== undefined && now < held.expires ? held : undefined;
      if (mine.operation.kind === 'get') mine.operation = { ...mine.operation, found: alive };
      held = effect(mine.operation, alive);
      mine.effective = true;
    } else {
      history.push({ ...mine.operation, end: now });
      busy.delete(process);
    }
  }
  return history;
}

function randomBody(random: Random, serial: number, expires: number): Body {
  switch (random.below(6)) {
    case 0:
      return touch(expires);
    case 1:
      return destroy;
    case 2:
    case 3:
      return set(`v${serial}`, expires);
    default:
      return get();
  }
}

function effect(operation: SessionOperation, held: Held | undefined): Held | undefined {
  switch (operation.kind) {
    case 'set':
      return { value: operation.value, expires: operation.expires };
    case 'touch':
      return held && { value: held.value, expires: operation.expires };
    case 'destroy':
      return undefined;
    case 'get':
      return held;
  }
}

/** One get finds what nobody wrote. */
function invented(random: Random, history: SessionOperation[]): SessionOperation[] | undefined {
  const gets = history.filter(({ kind, outcome }) => kind === 'get' && outcome === 'ok');
  if (gets.length === 0) return undefined;
  const chosen = random.pick(gets);
  const found = { value: 'nobody', expires: chosen.end + 1 };
  return history.map((operation) => (operation === chosen ? { ...chosen, kind: 'get', found } : operation));
}

/** A last get finds what had been written before another write began that ended well. */
function stale(history: SessionOperation[]): SessionOperation[] | undefined {
  const sets = history.filter(({ kind, outcome }) => kind === 'set' && outcome === 'ok');
  const old = sets.find((early) => sets.some((late) => early.end < late.start));
  if (old?.kind !== 'set') return undefined;
  const { value, expires } = old;
  return [...history, { ...op(99, '1000000-1000001', get(value, expires)) }];
}

/** The counter counts one for each that took effect; where `killed`, the last of some processes are not heard of. */
function recordAdditions(
  random: Random,
  { processes, length, killed }: { processes: number; length: number; killed: boolean },
): Addition[] {
  const history: Addition[] = [];
  const busy = new Map<number, { start: number; returned: number | undefined }>();
  let counter = 0;
  for (let now = 0; history.length < length || (!killed && busy.size > 0); now += 1) {
    const process = random.below(processes);
    const mine = busy.get(process);
    if (mine === undefined && history.length < length) busy.set(process, { start: now, returned: undefined });
    else if (mine !== undefined && mine.returned === undefined) {
      mine.returned = counter;
      counter += 1;
    } else if (mine?.returned !== undefined) {
      history.push({ process, start: mine.start, end: now, returned: mine.returned, outcome: 'ok' });
      busy.delete(process);
    }
  }
  for (const [process, { start, returned }] of busy) {
    if (returned !== undefined) history.push({ process, start, end: start, returned: -1, outcome: 'unknown' });
  }
  return history;
}
