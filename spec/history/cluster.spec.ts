import { expect } from 'chai';
import type { SessionData } from 'express-session';
import type { SessionStore } from '../../lib/store.js';
import { failureOf, folders } from '../support/folder.js';
import { ClusterApp } from './cluster.js';
import type { ClusterOptions } from './cluster-messages.js';
import { slow } from './logout.js';
import { Random } from './random.js';
import { withRedis } from './redis.js';
import { openStore, type StoreDescription } from './stores.js';

const HOUR = 3_600_000;
const KEYS = Array.from({ length: 50 }, (_, i) => `key-${i}`);
const torture = Number(process.env['TORTURE_ROUNDS'] ?? 0);

type Describe = (dir: string) => StoreDescription;

const stores: Record<string, () => Describe> = {
  FileStore: () => (dir) => ({ kind: 'file', dir }),
  SqliteStore: () => (dir) => ({ kind: 'sqlite', dir }),
  RedisStore: withRedis,
};

interface Scene {
  readonly app: ClusterApp;
  /** The same storage, seen from the process of the spec. */
  readonly store: SessionStore;
}

describe('4 processes behind one port', function () {
  this.timeout(torture ? 0 : 120_000);
  const folder = folders();

  async function withApp(describeStore: Describe, options: ClusterOptions, act: Act) {
    const description = describeStore(folder());
    const store = openStore(description, { pruneInterval: 0 });
    const app = await ClusterApp.open(description, { cookie: { maxAge: HOUR }, unset: 'destroy', ...options });
    try {
      await act({ app, store });
    } finally {
      await app.close();
      await store.closeAsync();
    }
  }

  for (const [name, prepare] of Object.entries(stores)) {
    describe(name, () => {
      const describeStore = prepare();
      for (const resave of [false, true]) {
        const options = { resave, rolling: resave };
        it(`resave: ${resave}: 50 keys, no \`old\`, the new maxAge; in 5 orders`, () =>
          withApp(describeStore, options, (scene) => raceKeys(scene, 5)));

        it(`resave: ${resave}: after a logout in one process no other brings the session back`, () =>
          withApp(describeStore, options, (scene) => raceLogouts(scene, torture || 50)));
      }
    });
  }

  it('control: with concurrency: overwrite keys are lost and sessions come back', async () => {
    const overwriting = (dir: string) => ({ kind: 'sqlite', dir, options: { concurrency: 'overwrite' } }) as const;
    await withApp(overwriting, {}, async (scene) => {
      expect((await failureOf(() => raceKeys(scene, 1))).message).to.include('to deeply equal');
      const { message } = await failureOf(() => raceLogouts(scene, 50));
      // The session itself, or what a regenerated one took over from it.
      expect(/to equal undefined$|to deeply equal \[\]$/.test(message), message).to.equal(true);
    });
  });
});

type Act = (scene: Scene) => Promise<void>;

async function raceKeys({ app, store }: Scene, rounds: number): Promise<void> {
  const seed = Date.now() % 1e9;
  for (let round = 0; round < rounds; round += 1) {
    const random = new Random(seed + round);
    const login = await app.alone('login');
    const acts = [...KEYS.map((key) => `set ${key}`), 'forget old', 'extend'];
    const answers = await app.together(random.shuffled(acts), login.cookie as string, random);
    expect(answers.map(({ status }) => status)).to.deep.equal(answers.map(() => 200));
    expect(new Set(answers.map(({ worker }) => worker)), 'workers that had a part in it').to.have.property('size', 4);
    const { cookie, ...data } = (await store.getAsync(login.body)) as SessionData;
    const all = Object.fromEntries(KEYS.map((key) => [key, true]));
    expect(data, `seed ${seed + round}`).to.deep.equal({ user: 'ada', ...all });
    expect(cookie.originalMaxAge, `seed ${seed + round}`).to.be.within(2 * HOUR - 60_000, 2 * HOUR);
    expect(Number(cookie.expires) - Date.now()).to.be.within(2 * HOUR - 60_000, 2 * HOUR);
  }
}

/** Rounds count in which writer, reader, toucher and logout were in four different processes. */
async function raceLogouts({ app, store }: Scene, rounds: number): Promise<void> {
  const seed = Date.now() % 1e9;
  let spread = 0;
  for (let round = 0; spread < rounds; round += 1) {
    expect(round, 'rounds that it took').to.be.below(2 * rounds);
    const random = new Random(seed + round);
    const how = random.pick(['destroy', 'unset', 'regenerate']);
    const others = Object.keys(slow).filter((_, i) => i >= 3 && random.below(2) === 0);
    const acts = ['slow writer', 'slow reader', 'slow toucher', `logout ${how}`, ...others.map((one) => `slow ${one}`)];
    const what = `seed ${seed + round}: ${acts.join(', ')}`;
    const login = await app.alone('login');
    const answers = await app.together(acts, login.cookie as string, random);
    for (const { status, body } of answers) expect(status, `${what}: ${body}`).to.equal(200);
    expect(await store.getAsync(login.body), what).to.equal(undefined);
    const left = Object.values(await store.allAsync());
    expect(
      left.filter((one) => 'user' in one || 'written' in one),
      what,
    ).to.deep.equal([]);
    await store.clearAsync();
    if (new Set(answers.slice(0, 4).map(({ worker }) => worker)).size === 4) spread += 1;
  }
}
