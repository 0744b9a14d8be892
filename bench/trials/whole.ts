import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Absent, Disqualified, type Load, type Opened, type Sample, type Trial } from '../contract.js';
import { type Act, doAll } from '../lanes.js';
import { measureWithDelays, watchLoop } from '../latency.js';
import { makeIds, makeSession } from '../sessions.js';
import { fill } from './store.js';

/** Trials of a store as a whole, one operation at a time. */
export const all: Trial = {
  name: 'all',
  about: 'reads of every session at once',
  run: (opened, load) => measureAlone(opened, load, actOfAll(opened, load)),
};

function actOfAll({ store }: Opened, { sessions }: Load): Act {
  if (typeof store.all !== 'function') throw new Absent('has no all');
  return (_, done) =>
    store.all?.((error, found) => {
      const count = Object.keys(found ?? {}).length;
      done(error ?? (count >= sessions ? undefined : `all found ${count} of ${sessions}`));
    });
}

export const open: Trial = {
  name: 'open',
  about: 'opening of a storage with sessions in it, until the first get is answered; its code is loaded already',
  without: ['memory', 'redis'],
  async run(opened, load) {
    if (!opened.reopen) throw new Absent('has nothing to open again');
    const [first] = await fill(opened, load.sessions, load.bytes);
    await opened.close?.();
    const { reopen } = opened;
    const act = async () => {
      const next = await reopen();
      await new Promise<void>((resolve, reject) => {
        next.store.get(first?.sid ?? '', (error, found) =>
          found ? resolve() : reject(error ?? new Error('not found')),
        );
      });
      return next;
    };
    return timesOf(act, load);
  },
};

/** What is closed again counts neither as time nor as processor time. */
async function timesOf(act: () => Promise<Opened>, load: Load): Promise<Sample> {
  let [operations, ms] = [0, 0];
  await act().then((warmUp) => warmUp.close?.());
  while (operations < load.operations && ms < load.seconds * 1_000) {
    const start = performance.now();
    const next = await act();
    ms += performance.now() - start;
    operations += 1;
    await next.close?.();
  }
  return { operations, ms };
}

function measureAlone(opened: Opened, load: Load, act: Act): Promise<Sample> {
  return fill(opened, load.sessions, load.bytes).then(() => measureWithDelays(act, { ...load, concurrency: 1 }));
}

/** Some stores keep whole seconds. */
const UNTIL_ALL_SAY_DEAD = 1_100;
const SHORTEST_LIFE = 500;

export const prune: Trial = {
  name: 'prune',
  about: 'sessions that are removed when half of those in the store have expired',
  async run(opened, load) {
    if (!opened.prune) throw new Absent('has no prune');
    const [living, dead] = [Math.ceil(load.sessions / 2), Math.floor(load.sessions / 2)];
    const before = performance.now();
    const [kept] = await fill(opened, living, load.bytes);
    await fillDying(opened, { ...load, sessions: dead }, 2 * (performance.now() - before) + SHORTEST_LIFE);
    const [cpu, loopDelay] = [process.cpuUsage(), watchLoop()];
    const start = performance.now();
    const removed = await opened.prune();
    const ms = performance.now() - start;
    const { user, system } = process.cpuUsage(cpu);
    const loopP99Ms = loopDelay();
    await mustBe(opened, kept?.sid ?? '');
    if (removed !== undefined && removed !== dead) throw new Disqualified(`prune removed ${removed} of ${dead}`);
    return { operations: dead, ms, figures: { cpuMicroseconds: (user + system) / dead, loopP99Ms } };
  },
};

/** All of them die at one time, which comes after the last was saved, however slow that was. */
async function fillDying(opened: Opened, { sessions, bytes }: Load, life: number): Promise<void> {
  const ids = makeIds(sessions);
  for (let patience = life; ; patience *= 2) {
    const end = performance.now() + patience;
    const act: Act = (index, done) => {
      const session = makeSession(bytes);
      session.cookie.maxAge = Math.max(1, end - performance.now());
      opened.store.set(ids[index] as string, session, done);
    };
    await doAll(act, sessions, 64);
    if (performance.now() < end) return sleep(end - performance.now() + UNTIL_ALL_SAY_DEAD);
  }
}

function mustBe({ store }: Opened, sid: string): Promise<void> {
  return new Promise((resolve, reject) => {
    store.get(sid, (error, found) =>
      found ? resolve() : reject(error ?? new Disqualified('prune removed the living')),
    );
  });
}
