import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { bundle } from '../support/bundle.js';
import { folders } from '../support/folder.js';
import { needRedis, type RedisServer, redisServer } from '../support/redis-server.js';
import { sharedStores } from './shared-stores.js';

const PROCESSES = 8;
const TIMES = 500;

describe('S4 row 79: the facade in several processes', function () {
  this.timeout(600_000);
  const folder = folders();
  let script: string;
  let redis: RedisServer | undefined;
  before(async () => {
    script = await bundle(new URL('./child.ts', import.meta.url));
  });

  afterEach(async () => {
    await redis?.remove();
    redis = undefined;
  });

  /** A place of its own for a test with that store. */
  async function placeFor(test: Mocha.Context, name: string): Promise<string> {
    if (name !== 'RedisStore') return folder();
    needRedis(test);
    redis = await redisServer();
    return redis.url;
  }

  for (const [name, open] of Object.entries(sharedStores)) {
    it(`${PROCESSES} processes that update ${TIMES} times each end at ${PROCESSES * TIMES}, over ${name}`, async function () {
      const place = await placeFor(this, name);
      const env = { ...process.env, NODE_V8_COVERAGE: '', NODE_OPTIONS: '' };
      const child = () => promisify(execFile)(process.execPath, [script, name, place, String(TIMES)], { env });
      const printed = await Promise.all(Array.from({ length: PROCESSES }, child));

      const { store, close } = await open(place);
      const session = (await store.getAsync('session:shared')) as { n?: number } | undefined;
      await close();
      expect(session?.n).to.equal(PROCESSES * TIMES);
      const answered = printed.flatMap(({ stdout }) => JSON.parse(stdout) as number[]).sort((a, b) => a - b);
      expect(answered, 'each count once').to.deep.equal(Array.from({ length: PROCESSES * TIMES }, (_, i) => i + 1));
    });
  }
});
