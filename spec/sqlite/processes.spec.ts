import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { SessionData } from 'express-session';
import { SqliteStore } from '../../lib/backends/sqlite.js';
import { openFile } from '../../lib/internal/sqlite-library.js';
import type { Added } from './child.js';
import { answerOf, children, folder, nightly, told } from './children.js';

const session = { cookie: { originalMaxAge: null, expires: null } } as unknown as SessionData;
const PROCESSES = 8;

/** Every value once per session, and no value that is older than one that was answered before it was asked for. */
function checkHistory(added: readonly Added[], perSession: number): void {
  for (const id of new Set(added.map(([sid]) => sid))) {
    const history = added.filter(([sid]) => sid === id);
    history.sort((a, b) => a[3] - b[3]);
    expect(history.map(([, , , value]) => value)).to.deep.equal(Array.from({ length: perSession }, (_, i) => i + 1));
    let earliestAnswer = BigInt(8e18);
    for (const [, asked, answered] of history.reverse()) {
      if (BigInt(answered) < earliestAnswer) earliestAnswer = BigInt(answered);
      expect(
        earliestAnswer >= BigInt(asked),
        'a later value was answered before an earlier one was asked for',
      ).to.equal(true);
    }
  }
}

describe('SqliteStore between processes', function () {
  this.timeout(nightly ? 600_000 : 120_000);
  const made = folder();
  const { run, start } = children();
  const times = 1_000;

  for (const [sessions, atOnce] of [
    [1, 1],
    [1, 16],
    [100, 16],
  ] as const) {
    it(`counts every addition of ${PROCESSES} processes to ${sessions} sessions, ${atOnce} at once`, async () => {
      const sids = Array.from({ length: sessions }, (_, i) => `id-${i}`);
      const options = { path: join(made.path, 'a.db'), sids, times, atOnce };
      const answers = await Promise.all(Array.from({ length: PROCESSES }, () => run<Added[]>('add', options)));
      checkHistory(answers.flat(), (PROCESSES * times) / sessions);
    });
  }

  it('opens and makes one file in 8 processes at once', async () => {
    for (let round = 0; round < (nightly ? 200 : 10); round += 1) {
      const path = join(made.path, `${round}.db`);
      const options = { path, at: Date.now() + 700 };
      const answers = await Promise.all(Array.from({ length: PROCESSES }, () => run('open', options)));
      expect(answers).to.deep.equal(Array(PROCESSES).fill('opened'));
      const database = openFile(path);
      const tables = database.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE type = 'table'").get();
      expect({ ...(tables as object) }).to.deep.equal({ n: 1 });
      const rows = database.prepare('SELECT count(*) AS n FROM sessions').get();
      expect({ ...(rows as object) }).to.deep.equal({ n: PROCESSES });
      database.close();
    }
  });

  it('waits for a lock that another process holds without holding the event loop', async () => {
    const path = join(made.path, 'a.db');
    const store = new SqliteStore(path, { pruneInterval: 0, lockTimeout: 30_000 });
    await store.setAsync('a', session);
    const child = start('hold', { path });
    const released = answerOf(child);
    await told(child, 'held');
    let isSet = false;
    const setting = store.setAsync('b', session).then(() => {
      isSet = true;
    });
    for (let turn = 0; turn < 20; turn += 1) await sleep(10);
    expect(isSet).to.equal(false);
    // Who waited inside SQLite would never come to say this, and give up.
    child.send('release');
    await Promise.all([setting, released]);
    expect(await store.getAsync('b')).to.be.an('object');
    await store.closeAsync();
  });

  it('reads while another process holds the lock', async () => {
    const path = join(made.path, 'a.db');
    const store = new SqliteStore(path, { pruneInterval: 0 });
    await store.setAsync('a', session);
    const child = start('hold', { path });
    const released = answerOf(child);
    await told(child, 'held');
    expect(await store.getAsync('a')).to.be.an('object');
    child.send('release');
    await released;
    await store.closeAsync();
  });

  it('gives up with a coded error after lockTimeout, and works again afterwards', async () => {
    const path = join(made.path, 'a.db');
    const store = new SqliteStore(path, { pruneInterval: 0, lockTimeout: 100 });
    const other = openFile(path);
    other.exec('BEGIN IMMEDIATE');
    const error = await store.setAsync('a', session).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).to.include({ name: 'SessileError', code: 'SESSILE_LOCK_TIMEOUT' });
    expect(await store.getAsync('a')).to.equal(undefined);
    other.exec('COMMIT');
    other.close();
    await store.setAsync('a', session);
    expect(await store.getAsync('a')).to.be.an('object');
    await store.closeAsync();
  });
});
