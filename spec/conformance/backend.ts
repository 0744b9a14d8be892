import { deepEqual, equal, ok } from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Awaitable, Backend, Entry } from '../../lib/backend.js';
import { hostileIds, newSeed, randomIds } from './samples.js';
import { type Case, type Runner, register, type Selection } from './suite.js';

export interface BackendSuiteOptions extends Runner, Selection {
  /** What the tests are headed by. Default: `'Backend'`. */
  readonly title?: string;
  /** A fresh, empty backend. */
  readonly create: () => Awaitable<Backend>;
  /** Closes it and removes what it left. */
  readonly destroy: (backend: Backend) => Awaitable<unknown>;
  /** How many entries the cases about many entries write. Default: 2 500. */
  readonly many?: number;
  /** How many random ids are tried. Default: 500. */
  readonly randomIds?: number;
}

interface Context {
  readonly backend: Backend;
  readonly many: number;
  readonly randomIds: number;
}

/** Checks every sentence of the contract in `lib/backend.ts`. */
export function backendSuite(options: BackendSuiteOptions): void {
  const { title = 'Backend', create, destroy, many = 2_500, randomIds = 500 } = options;
  register({
    ...options,
    title: `${title} (backend contract)`,
    cases: backendCases,
    missing: () => undefined,
    within: async (run) => {
      const backend = await create();
      try {
        await run({ backend, many, randomIds });
      } finally {
        await destroy(backend);
      }
    },
  });
}

const NOW = 1_700_000_000_000;
const LATER = NOW + 60_000;

function entryOf(value: unknown, expires = LATER, cookie = '{"originalMaxAge":60000}'): Entry {
  return { data: JSON.stringify({ value }), cookie, expires };
}

function held(entry: Entry | undefined): unknown {
  return entry && (JSON.parse(entry.data) as { value: unknown }).value;
}

/** An entry's three fields, whatever else a backend's own object may be. */
function fieldsOf(entry: Entry | undefined): Entry | undefined {
  return entry && { data: entry.data, cookie: entry.cookie, expires: entry.expires };
}

async function put(backend: Backend, sid: string, entry: Entry): Promise<void> {
  await backend.update(sid, () => entry);
}

/** A backend that has no `write` says that `update` does the same. */
function write(backend: Backend, sid: string, entry: Entry | undefined): Awaitable<void> {
  return backend.write ? backend.write(sid, entry) : backend.update(sid, () => entry);
}

async function read(backend: Backend, sid: string): Promise<Entry | undefined> {
  return fieldsOf(await backend.read(sid));
}

/** What `update` throws or rejects with. */
async function failureOf(act: () => Awaitable<unknown>): Promise<unknown> {
  try {
    await act();
  } catch (error) {
    return error;
  }
  throw new Error('It should have failed');
}

async function allOf(backend: Backend): Promise<(readonly [string, Entry])[]> {
  const pairs: (readonly [string, Entry])[] = [];
  for await (const pair of backend.entries()) pairs.push(pair);
  return pairs;
}

async function sidsOf(backend: Backend): Promise<string[]> {
  return (await allOf(backend)).map(([sid]) => sid).sort();
}

async function fill(backend: Backend, count: number, make: (n: number) => Entry): Promise<string[]> {
  const sids = Array.from({ length: count }, (_, n) => `sid-${n}`);
  await Promise.all(sids.map((sid, n) => put(backend, sid, make(n))));
  return sids;
}

async function keepsApart(backend: Backend, ids: readonly string[], note = ''): Promise<void> {
  await Promise.all(ids.map((sid, n) => put(backend, sid, entryOf(n))));
  const wrong: string[] = [];
  for (const [n, sid] of ids.entries()) if (held(await backend.read(sid)) !== n) wrong.push(JSON.stringify(sid));
  deepEqual(wrong, [], `ids that answer somebody else's entry or none ${note}`);
  deepEqual(await sidsOf(backend), [...ids].sort(), `ids that entries() spells in another way ${note}`);
}

type BackendCase = Case<Context>;
const contract = (because: string) => ({ ground: 'choice', because }) as const;

const reading: BackendCase[] = [
  {
    id: 'read/absent',
    title: 'answers undefined for an absent id',
    ...contract('absent: undefined, no error'),
    run: async ({ backend }) => equal(await backend.read('absent'), undefined),
  },
  {
    id: 'read/dead',
    title: 'answers a dead entry that is still there',
    ...contract('it never judges age'),
    run: async ({ backend }) => {
      await put(backend, 'a', entryOf(1, 0));
      deepEqual(await read(backend, 'a'), entryOf(1, 0));
    },
  },
  {
    id: 'read/round-trip',
    title: 'answers data, cookie and deadline unchanged',
    ...contract('an entry is text and a deadline'),
    run: async ({ backend }) => {
      const entries = [
        entryOf('plain'),
        entryOf('', 0, ''),
        entryOf('é😀\u0000\u2028"\\', 8.64e15, '{"path":"/é😀"}'),
        entryOf('x'.repeat(100_000), NOW + 1),
        { data: '"text of a custom serializer"', cookie: '{}', expires: LATER },
        { data: '{"__proto__":{"polluted":true}}', cookie: '', expires: LATER },
      ];
      for (const [n, entry] of entries.entries()) await put(backend, `sid-${n}`, entry);
      for (const [n, entry] of entries.entries()) deepEqual(await read(backend, `sid-${n}`), entry);
    },
  },
  {
    id: 'read/twice',
    title: 'answers the same twice',
    ...contract('reading changes nothing'),
    run: async ({ backend }) => {
      await put(backend, 'a', entryOf(1));
      deepEqual(await read(backend, 'a'), await read(backend, 'a'));
    },
  },
];

const updating: BackendCase[] = [
  {
    id: 'update/absent',
    title: 'gives undefined for an absent entry and creates what it is answered',
    ...contract('absent: change is given undefined, and what it answers is created'),
    run: async ({ backend }) => {
      const seen: unknown[] = [];
      await backend.update('a', (current) => {
        seen.push(current);
        return entryOf(1);
      });
      ok(seen.length > 0 && seen.every((current) => current === undefined));
      deepEqual(await read(backend, 'a'), entryOf(1));
    },
  },
  {
    id: 'update/present',
    title: 'gives the present entry and stores the next',
    ...contract('change is given the current entry'),
    run: async ({ backend }) => {
      await put(backend, 'a', entryOf(1));
      let seen: Entry | undefined;
      await backend.update('a', (current) => {
        seen = fieldsOf(current);
        return entryOf(2, LATER + 1, '');
      });
      deepEqual(seen, entryOf(1));
      deepEqual(await read(backend, 'a'), entryOf(2, LATER + 1, ''));
    },
  },
  {
    id: 'update/dead',
    title: 'gives a dead entry like a living one',
    ...contract('dead: change is given the dead entry like a living one'),
    run: async ({ backend }) => {
      await put(backend, 'a', entryOf(1, 1));
      let seen: Entry | undefined;
      await backend.update('a', (current) => {
        seen = fieldsOf(current);
        return current;
      });
      deepEqual(seen, entryOf(1, 1));
      deepEqual(await read(backend, 'a'), entryOf(1, 1));
    },
  },
  {
    id: 'update/remove',
    title: 'removes the entry when change answers undefined',
    ...contract('change answers undefined: the entry is removed'),
    run: async ({ backend }) => {
      await put(backend, 'a', entryOf(1));
      await put(backend, 'b', entryOf(2));
      await backend.update('a', () => undefined);
      equal(await backend.read('a'), undefined);
      deepEqual(await sidsOf(backend), ['b']);
    },
  },
  {
    id: 'update/remove-absent',
    title: 'removes nothing without an error, twice as well',
    ...contract('it is no error if there was none'),
    run: async ({ backend }) => {
      await backend.update('a', () => undefined);
      await put(backend, 'a', entryOf(1));
      await Promise.all([backend.update('a', () => undefined), backend.update('a', () => undefined)]);
      equal(await backend.read('a'), undefined);
    },
  },
  {
    id: 'update/same',
    title: 'leaves things as they are when change answers what it was given',
    ...contract('change answers the very object it was given: nothing is written'),
    run: async ({ backend }) => {
      await put(backend, 'a', entryOf(1));
      await backend.update('a', (current) => current);
      deepEqual(await read(backend, 'a'), entryOf(1));
      deepEqual(await sidsOf(backend), ['a']);
    },
  },
  {
    id: 'update/throws',
    title: 'writes nothing when change throws, and fails with the very same error',
    ...contract('change throws: nothing is written, and what it threw is what update throws or rejects with'),
    run: async ({ backend }) => {
      await put(backend, 'a', entryOf(1));
      for (const thrown of [new Error('of the caller'), 'no error at all']) {
        for (const sid of ['a', 'absent']) {
          const failure = await failureOf(() =>
            backend.update(sid, () => {
              throw thrown;
            }),
          );
          equal(failure, thrown);
        }
      }
      deepEqual(await read(backend, 'a'), entryOf(1));
      equal(await backend.read('absent'), undefined);
    },
  },
  {
    id: 'update/after-throw',
    title: 'goes on after a change that threw',
    ...contract('a failed call holds nothing back'),
    run: async ({ backend }) => {
      const failing = failureOf(() =>
        backend.update('a', () => {
          throw new Error('of the caller');
        }),
      );
      await Promise.all([failing, backend.update('a', () => entryOf(2))]);
      deepEqual(await read(backend, 'a'), entryOf(2));
    },
  },
  {
    id: 'update/atomic',
    title: 'loses none of 1 000 parallel increments',
    ...contract('no other writer comes between what change was given and what it answered'),
    run: async ({ backend }) => {
      const increment = () => backend.update('a', (current) => entryOf(((held(current) as number) ?? 0) + 1));
      await Promise.all(Array.from({ length: 1_000 }, increment));
      equal(held(await backend.read('a')), 1_000);
    },
  },
  {
    id: 'update/atomic-across-turns',
    title: 'loses no increment of writers that start in different turns of the event loop',
    ...contract('no other writer comes between what change was given and what it answered'),
    run: async ({ backend }) => {
      const writer = async (turns: number) => {
        for (let round = 0; round < 20; round += 1) {
          for (let turn = 0; turn < turns; turn += 1) await nextTurn();
          await backend.update('a', (current) => entryOf(((held(current) as number) ?? 0) + 1));
        }
      };
      await Promise.all([0, 0, 1, 1, 2, 3].map(writer));
      equal(held(await backend.read('a')), 120);
    },
  },
  {
    id: 'update/independent',
    title: 'keeps parallel writers of different ids apart',
    ...contract('an update concerns one id'),
    run: async ({ backend }) => {
      const sids = await fill(backend, 100, (n) => entryOf(n));
      await Promise.all(sids.map((sid, n) => backend.update(sid, (now) => entryOf((held(now) as number) + n))));
      for (const [n, sid] of sids.entries()) equal(held(await backend.read(sid)), 2 * n);
    },
  },
];

const writing: BackendCase[] = [
  {
    id: 'write/absent',
    title: 'creates what is not there, also where something was removed',
    ...contract('update(sid, () => entry): what it answers is created'),
    run: async ({ backend }) => {
      for (let time = 0; time < 2; time += 1) {
        await write(backend, 'a', entryOf(1));
        deepEqual(await read(backend, 'a'), entryOf(1));
        deepEqual(await sidsOf(backend), ['a']);
        await backend.update('a', () => undefined);
      }
    },
  },
  {
    id: 'write/present',
    title: 'overwrites data, cookie and deadline, be they later or earlier',
    ...contract('what is there is overwritten'),
    run: async ({ backend }) => {
      await put(backend, 'b', entryOf('other'));
      for (const entry of [entryOf(1), entryOf(2, LATER + 1, ''), entryOf('three', NOW + 1, '{"path":"/"}')]) {
        await write(backend, 'a', entry);
        deepEqual(await read(backend, 'a'), entry);
      }
      deepEqual(await sidsOf(backend), ['a', 'b']);
      deepEqual(await read(backend, 'b'), entryOf('other'));
    },
  },
  {
    id: 'write/dead',
    title: 'overwrites the dead, and keeps a dead entry that it is given',
    ...contract('a backend never judges age'),
    run: async ({ backend }) => {
      for (const entry of [entryOf(1, 1), entryOf(2), entryOf(3, 0)]) {
        await write(backend, 'a', entry);
        deepEqual(await read(backend, 'a'), entry);
      }
    },
  },
  {
    id: 'write/nothing',
    title: 'removes what is there for undefined, and nothing else; none there is no error',
    ...contract('what is there is removed for undefined'),
    run: async ({ backend }) => {
      await put(backend, 'b', entryOf('other'));
      await put(backend, 'a', entryOf(1));
      for (let time = 0; time < 2; time += 1) {
        await write(backend, 'a', undefined);
        equal(await read(backend, 'a'), undefined);
        deepEqual(await sidsOf(backend), ['b']);
      }
    },
  },
  {
    id: 'write/order',
    title: 'takes its turn among the other calls for its id',
    ...contract('the later call sees what the earlier one did, whether or not its promise has settled'),
    run: async ({ backend }) => {
      const seen: unknown[] = [];
      const see = (next: unknown) =>
        backend.update('a', (current) => {
          seen.push(held(current));
          return entryOf(next);
        });
      const calls = [
        see(1),
        write(backend, 'a', entryOf(2)),
        see(3),
        backend.update('a', () => undefined),
        write(backend, 'a', entryOf(4)),
        backend.touch('a', { expires: LATER + 5, cookie: '{"path":"/5"}' }, NOW),
      ];
      const touched = backend.read('a');
      const last = write(backend, 'a', entryOf(6));
      const found = backend.read('a');
      await Promise.all([...calls, last]);
      deepEqual(seen, [undefined, 2]);
      deepEqual(fieldsOf(await touched), entryOf(4, LATER + 5, '{"path":"/5"}'));
      deepEqual(fieldsOf(await found), entryOf(6));
    },
  },
  {
    id: 'write/ids',
    title: 'keeps awkward ids apart',
    ...contract('ids are any JavaScript string; two ids that differ in one code unit are two ids'),
    run: async ({ backend }) => {
      await Promise.all(hostileIds.map((sid, n) => write(backend, sid, entryOf(n))));
      for (const [n, sid] of hostileIds.entries()) equal(held(await backend.read(sid)), n);
      deepEqual(await sidsOf(backend), [...hostileIds].sort());
    },
  },
];

const ordering: BackendCase[] = [
  {
    id: 'order/later-sees-earlier',
    title: 'lets a later call see an earlier one that has not settled',
    ...contract('the later call sees what the earlier one did, whether or not its promise has settled'),
    run: async ({ backend }) => {
      const first = backend.update('a', () => entryOf(1));
      let seen: unknown;
      const second = backend.update('a', (current) => {
        seen = held(current);
        return entryOf(2);
      });
      const found = backend.read('a');
      await Promise.all([first, second]);
      equal(seen, 1);
      equal(held(await found), 2);
    },
  },
  {
    id: 'order/removed-stays-removed',
    title: 'does not revive by a touch what was removed just before',
    ...contract('the later call sees what the earlier one did'),
    run: async ({ backend }) => {
      await put(backend, 'a', entryOf(1));
      const removed = backend.update('a', () => undefined);
      const touched = backend.touch('a', { expires: LATER + 1, cookie: '' }, NOW);
      await Promise.all([removed, touched]);
      equal(await backend.read('a'), undefined);
    },
  },
  {
    id: 'order/touch-keeps-update',
    title: 'does not undo by a touch what was written just before',
    ...contract('the later call sees what the earlier one did'),
    run: async ({ backend }) => {
      await put(backend, 'a', entryOf(1));
      const written = backend.update('a', () => entryOf(2));
      const touched = backend.touch('a', { expires: LATER + 5, cookie: '{}' }, NOW);
      await Promise.all([written, touched]);
      deepEqual(await read(backend, 'a'), entryOf(2, LATER + 5, '{}'));
    },
  },
  {
    id: 'order/update-sees-touch',
    title: 'lets an update see the touch before it',
    ...contract('the later call sees what the earlier one did'),
    run: async ({ backend }) => {
      await put(backend, 'a', entryOf(1));
      const touched = backend.touch('a', { expires: LATER + 5, cookie: '{}' }, NOW);
      let seen: Entry | undefined;
      const updated = backend.update('a', (current) => {
        seen = fieldsOf(current);
        return current;
      });
      await Promise.all([touched, updated]);
      deepEqual(seen, entryOf(1, LATER + 5, '{}'));
    },
  },
];

const touching: BackendCase[] = [
  {
    id: 'touch/moves',
    title: 'moves deadline and cookie of a living entry, later or earlier, and leaves the data',
    ...contract('moves the deadline of a living entry and gives it a new cookie text'),
    run: async ({ backend }) => {
      await put(backend, 'a', entryOf(1));
      await put(backend, 'b', entryOf(2));
      await backend.touch('a', { expires: LATER + 1_000, cookie: '{"path":"/é"}' }, NOW);
      deepEqual(await read(backend, 'a'), entryOf(1, LATER + 1_000, '{"path":"/é"}'));
      await backend.touch('a', { expires: NOW + 1, cookie: '' }, NOW);
      deepEqual(await read(backend, 'a'), entryOf(1, NOW + 1, ''));
      deepEqual(await read(backend, 'b'), entryOf(2));
    },
  },
  {
    id: 'touch/absent',
    title: 'creates nothing for an absent id, without an error',
    ...contract('absent: nothing happens and nothing is created; no error'),
    run: async ({ backend }) => {
      await backend.touch('a', { expires: LATER, cookie: '' }, NOW);
      equal(await backend.read('a'), undefined);
      deepEqual(await sidsOf(backend), []);
    },
  },
  {
    id: 'touch/dead',
    title: 'revives nothing that is dead, at the very deadline as well',
    ...contract('dead at now: nothing happens'),
    run: async ({ backend }) => {
      await put(backend, 'at', entryOf(1, NOW));
      await put(backend, 'before', entryOf(2, NOW - 1));
      await put(backend, 'after', entryOf(3, NOW + 1));
      for (const sid of ['at', 'before', 'after']) await backend.touch(sid, { expires: LATER, cookie: '{}' }, NOW);
      const [at, before, after] = await Promise.all(['at', 'before', 'after'].map((sid) => read(backend, sid)));
      ok(at === undefined || at.expires === NOW, 'an entry at its deadline is dead');
      ok(before === undefined || before.expires === NOW - 1, 'an entry past its deadline is dead');
      deepEqual(after, entryOf(3, LATER, '{}'));
    },
  },
  {
    id: 'touch/expected',
    title: 'happens where the cookie is the expected one',
    ...contract('expected: the cookie text that must still be there for the touch to happen'),
    run: async ({ backend }) => {
      await put(backend, 'a', entryOf(1, LATER, '{"é":1}'));
      await backend.touch('a', { expires: LATER + 1, cookie: '{"é":2}', expected: '{"é":1}' }, NOW);
      deepEqual(await read(backend, 'a'), entryOf(1, LATER + 1, '{"é":2}'));
      await put(backend, 'b', entryOf(2, LATER, ''));
      await backend.touch('b', { expires: LATER + 1, cookie: '', expected: '' }, NOW);
      deepEqual(await read(backend, 'b'), entryOf(2, LATER + 1, ''));
    },
  },
  {
    id: 'touch/unexpected',
    title: 'does nothing where somebody changed the cookie meanwhile',
    ...contract("the entry's cookie text is another: theirs stand, nothing happens"),
    run: async ({ backend }) => {
      await put(backend, 'a', entryOf(1, LATER, '{"now":1}'));
      await backend.touch('a', { expires: LATER + 1, cookie: '{"was":1}', expected: '{"was":1}' }, NOW);
      await backend.touch('a', { expires: LATER + 1, cookie: '', expected: '' }, NOW);
      deepEqual(await read(backend, 'a'), entryOf(1, LATER, '{"now":1}'));
    },
  },
  {
    id: 'touch/parallel',
    title: 'loses no parallel update and no last touch',
    ...contract('touch is atomic'),
    run: async ({ backend }) => {
      await put(backend, 'a', entryOf(0));
      const acts = Array.from({ length: 100 }, (_, n) => [
        backend.update('a', (current) => current && { ...fieldsOf(current as Entry), ...bump(current) }),
        backend.touch('a', { expires: LATER + n, cookie: '{}' }, NOW),
      ]);
      await Promise.all(acts.flat());
      deepEqual(await read(backend, 'a'), entryOf(100, LATER + 99, '{}'));
    },
  },
];

function bump(entry: Entry): Entry {
  return { ...entryOf((held(entry) as number) + 1), cookie: entry.cookie, expires: entry.expires };
}

const walking: BackendCase[] = [
  {
    id: 'entries/all',
    title: 'yields everything exactly once, the dead included',
    ...contract('everything there is, the dead included'),
    run: async ({ backend, many }) => {
      deepEqual(await sidsOf(backend), []);
      const sids = await fill(backend, many, (n) => entryOf(n, n % 2 === 0 ? 1 : LATER));
      const pairs = await allOf(backend);
      deepEqual(pairs.map(([sid]) => sid).sort(), sids.sort());
      for (const [sid, entry] of pairs) equal(sid, `sid-${held(entry)}`);
    },
  },
  {
    id: 'entries/fields',
    title: 'yields entries as read answers them',
    ...contract('yields [sid, entry]'),
    run: async ({ backend }) => {
      await put(backend, 'a', entryOf('é', NOW, '{"x":1}'));
      const [pair] = await allOf(backend);
      deepEqual(pair && [pair[0], fieldsOf(pair[1])], ['a', entryOf('é', NOW, '{"x":1}')]);
    },
  },
  {
    id: 'entries/changing',
    title: 'yields what stays exactly once while others come, change and go',
    ...contract('an entry that is there from the first to the last step is yielded exactly once'),
    run: async ({ backend, many }) => {
      const sids = await fill(backend, many, (n) => entryOf(n));
      const stays = new Set(sids.filter((_, n) => n % 3 === 0));
      const seen: string[] = [];
      let step = 0;
      for await (const [sid] of backend.entries()) {
        if (stays.has(sid)) seen.push(sid);
        step += 1;
        if (step % 50 !== 0) continue;
        const base = step - (step % 3);
        for (const gone of [base + 1, base - 2, base - 5]) await backend.update(`sid-${gone}`, () => undefined);
        await backend.update(`sid-${base + 2}`, (current) => current && entryOf('changed'));
        await backend.update(`new-${step}`, () => entryOf(step));
      }
      deepEqual(seen.sort(), [...stays].sort());
    },
  },
  {
    id: 'entries/abandoned',
    title: 'may be left half-way and walked twice at once',
    ...contract('nothing is locked between two steps'),
    run: async ({ backend }) => {
      await fill(backend, 20, (n) => entryOf(n));
      for await (const [sid] of backend.entries()) {
        await backend.update(sid, () => undefined);
        break;
      }
      const [one, other] = await Promise.all([sidsOf(backend), sidsOf(backend)]);
      equal(one.length, 19);
      deepEqual(one, other);
    },
  },
  {
    id: 'count/living',
    title: 'counts the living at the given moment',
    ...contract('how many entries are alive at now'),
    run: async ({ backend }) => {
      equal(await backend.count(NOW), 0);
      for (const [n, expires] of [NOW - 1, NOW, NOW + 1, LATER].entries())
        await put(backend, `${n}`, entryOf(n, expires));
      deepEqual([await backend.count(NOW - 2), await backend.count(NOW), await backend.count(NOW + 1)], [4, 2, 1]);
    },
  },
];

const clearing: BackendCase[] = [
  {
    id: 'prune/dead',
    title: 'removes the dead, keeps the living and answers how many',
    ...contract('removes the entries that are dead at now and answers how many'),
    run: async ({ backend }) => {
      equal(await backend.prune(NOW), 0);
      for (const [n, expires] of [0, NOW - 1, NOW, NOW + 1, LATER].entries())
        await put(backend, `${n}`, entryOf(n, expires));
      equal(await backend.prune(NOW), 3);
      deepEqual(await sidsOf(backend), ['3', '4']);
      equal(await backend.prune(NOW), 0);
    },
  },
  {
    id: 'prune/renewed',
    title: 'keeps what is renewed while it runs',
    ...contract('an entry that is renewed while this runs stays'),
    run: async ({ backend, many }) => {
      const sids = await fill(backend, many, (n) => entryOf(n, NOW - 1));
      const pruning = backend.prune(NOW);
      const renewals: Awaitable<void>[] = [];
      for (const [n, sid] of sids.entries()) {
        if (n % 2 === 0) renewals.push(backend.update(sid, () => entryOf(n)));
        if (n % 500 === 499) await nextTurn();
      }
      await Promise.all([pruning, ...renewals]);
      deepEqual(await sidsOf(backend), sids.filter((_, n) => n % 2 === 0).sort());
    },
  },
  {
    id: 'prune/slices',
    title: 'lets the event loop turn while it removes many',
    ...contract('in slices that never hold the event loop'),
    run: async ({ backend, many }) => {
      await fill(backend, many, (n) => entryOf(n, NOW - 1));
      let turns = 0;
      let running = true;
      const turning = (async () => {
        while (running) {
          await nextTurn();
          turns += 1;
        }
      })();
      equal(await backend.prune(NOW), many);
      running = false;
      await turning;
      ok(turns > 1, `the event loop turned ${turns} times`);
    },
  },
  {
    id: 'prune/twice-at-once',
    title: 'counts nothing twice when it runs twice at once',
    ...contract('answers how many it removed'),
    run: async ({ backend }) => {
      await fill(backend, 200, (n) => entryOf(n, NOW - 1));
      const counts = await Promise.all([backend.prune(NOW), backend.prune(NOW)]);
      equal((counts[0] as number) + (counts[1] as number), 200);
    },
  },
  {
    id: 'clear/everything',
    title: 'removes everything, and what is written afterwards stays',
    ...contract('removes everything'),
    run: async ({ backend }) => {
      await backend.clear();
      await fill(backend, 50, (n) => entryOf(n, n % 2 === 0 ? 1 : LATER));
      await backend.clear();
      deepEqual([await sidsOf(backend), await backend.count(0), await backend.read('sid-1')], [[], 0, undefined]);
      await put(backend, 'sid-1', entryOf(1));
      deepEqual(await sidsOf(backend), ['sid-1']);
    },
  },
];

const naming: BackendCase[] = [
  {
    id: 'ids/hostile',
    title: 'keeps awkward ids apart and spells them as they were given',
    ...contract('ids are any JavaScript string; two ids that differ in one code unit are two ids'),
    run: ({ backend }) => keepsApart(backend, hostileIds),
  },
  {
    id: 'ids/random',
    title: 'keeps random ids of awkward characters apart',
    ...contract('ids are any JavaScript string; two ids that differ in one code unit are two ids'),
    run: ({ backend, randomIds: count }) => {
      const seed = newSeed();
      return keepsApart(backend, randomIds(count, seed), `(CONFORMANCE_SEED=${seed})`);
    },
  },
  {
    id: 'ids/removed',
    title: 'removes exactly the id it is told to',
    ...contract('two ids that differ in one code unit are two ids'),
    run: async ({ backend }) => {
      const kept = hostileIds.filter((_, n) => n % 2 === 0);
      await Promise.all(hostileIds.map((sid, n) => put(backend, sid, entryOf(n))));
      await Promise.all(hostileIds.map((sid, n) => n % 2 === 1 && backend.update(sid, () => undefined)));
      deepEqual(await sidsOf(backend), [...kept].sort());
      equal(({} as { polluted?: unknown }).polluted, undefined);
    },
  },
];

/** Every case, with its ground, in the order in which the contract states them. */
export const backendCases: readonly BackendCase[] = [
  ...reading,
  ...updating,
  ...writing,
  ...ordering,
  ...touching,
  ...walking,
  ...clearing,
  ...naming,
];
