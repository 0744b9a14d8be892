import assert from 'node:assert/strict';
import { setTimeout as after } from 'node:timers/promises';
import { Disqualified, type Opened } from './contract.js';
import { type AppSession, makeIds, makeSession } from './sessions.js';

const PATIENCE = 5_000;
const TEN_MINUTES = 600_000;

/** A store that breaks one of these would be fast for the wrong reason. */
const rules: readonly [rule: string, prove: (subject: Calls) => Promise<void>][] = [
  ['get after set returns the data', provesGet],
  ['a second set replaces the first', provesReplacing],
  ['get of an unknown id is a miss', provesMiss],
  ['what get handed out is a copy', provesCopy],
  ['touch keeps the data and moves the deadline', provesTouch],
  ['get after destroy is a miss', provesDestroy],
];

/** @throws Disqualified with the rule that is broken */
export async function checkGate(opened: Opened): Promise<void> {
  const calls = new Calls(opened);
  for (const [rule, prove] of rules) {
    try {
      await prove(calls);
    } catch (error) {
      throw new Disqualified(`${rule}: ${(error as Error).message.split('\n')[0]}`);
    }
  }
}

/** A subject's methods as promises that wait only so long. */
class Calls {
  readonly #opened: Opened;

  constructor(opened: Opened) {
    this.#opened = opened;
  }

  /** Undefined for a miss. express-session takes an error `ENOENT` for one, so that is how it is judged here. */
  async get(sid: string): Promise<AppSession | undefined> {
    const { store, unpack } = this.#opened;
    const found = await answered((callback) => store.get(sid, callback)).catch((error) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    });
    return (found && unpack ? unpack(found) : (found ?? undefined)) as AppSession | undefined;
  }

  async set(sid: string, session: AppSession): Promise<void> {
    await answered((callback) => this.#opened.store.set(sid, session, callback));
  }

  async touch(sid: string, session: AppSession): Promise<void> {
    await answered((callback) => this.#opened.store.touch(sid, session, callback));
  }

  /** When a session ends, in ms since the epoch. */
  async deadline(sid: string): Promise<number> {
    if (this.#opened.deadline) return this.#opened.deadline(sid);
    const found = await this.get(sid);
    return new Date(found?.cookie.expires ?? Number.NaN).getTime();
  }

  /** Whether the subject has such a method at all. */
  async destroy(sid: string): Promise<boolean> {
    const { store } = this.#opened;
    if (!store.destroy) return false;
    await answered((callback) => store.destroy?.(sid, callback));
    return true;
  }
}

async function answered(call: (callback: (error?: unknown, value?: unknown) => void) => void): Promise<unknown> {
  const answer = new Promise((resolve, reject) => {
    call((error, value) => (error ? reject(error) : resolve(value)));
  });
  const silence = new AbortController();
  const noAnswer = after(PATIENCE, undefined, { signal: silence.signal }).then(() => {
    throw new Error(`no callback within ${PATIENCE} ms`);
  });
  noAnswer.catch(() => undefined);
  return Promise.race([answer, noAnswer]).finally(() => silence.abort());
}

async function provesGet(subject: Calls): Promise<void> {
  const { sid, session } = await saved(subject);
  assertSame(await subject.get(sid), session);
}

async function provesReplacing(subject: Calls): Promise<void> {
  const { sid } = await saved(subject);
  const next = { ...makeSession(400), views: 7 };
  await subject.set(sid, next);
  assertSame(await subject.get(sid), next);
}

async function provesMiss(subject: Calls): Promise<void> {
  await saved(subject);
  assert.equal(await subject.get(newId()), undefined, 'something was found');
}

async function provesCopy(subject: Calls): Promise<void> {
  const { sid, session } = await saved(subject);
  const found = await subject.get(sid);
  assert.ok(found, 'nothing was found');
  found.user = 'changed by its reader';
  assertSame(await subject.get(sid), session);
}

async function provesTouch(subject: Calls): Promise<void> {
  const { sid, session } = await saved(subject);
  const before = await subject.deadline(sid);
  session.cookie.expires = new Date(before + TEN_MINUTES);
  await subject.touch(sid, session);
  assertSame(await subject.get(sid), session);
  assert.equal((await subject.deadline(sid)) - before, TEN_MINUTES, 'the deadline is another');
}

async function provesDestroy(subject: Calls): Promise<void> {
  const { sid } = await saved(subject);
  if (await subject.destroy(sid)) assert.equal(await subject.get(sid), undefined, 'something was found');
}

async function saved(subject: Calls): Promise<{ sid: string; session: AppSession }> {
  const sid = newId();
  const session = makeSession(300);
  await subject.set(sid, session);
  return { sid, session };
}

function assertSame(found: AppSession | undefined, { user, views, padding }: AppSession): void {
  assert.ok(found, 'nothing was found');
  const kept = { user: found.user, views: found.views, padding: found.padding };
  assert.ok(
    kept.user === user && kept.views === views && kept.padding === padding,
    'the data that came back is not the data that was set',
  );
}

function newId(): string {
  return makeIds(1)[0] as string;
}
