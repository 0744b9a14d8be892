import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { SessileError } from '../../lib/errors.js';
import type { Send } from '../../lib/internal/redis-client.js';
import { RedisTouches } from '../../lib/internal/redis-touches.js';
import { newPrefix, nodeRedis } from '../support/redis-client.js';
import { needRedis, type RedisServer, redisServer } from '../support/redis-server.js';

const [WAS, IS, PAST] = ['2026-11-21T13:42:35.000Z', '2027-01-01T00:00:00.000Z', '2026-11-21T13:42:34.999Z'];
const [head, tail] = ['{"é":"', '"}'];

const redating = (key: string) => ({ key, head, tail, date: IS, after: PAST, lease: '60000' });
const text = (date: string) => `${head}${date}${tail},"a":1}`;

describe('RedisTouches', () => {
  /** The number of keys in each script that is sent, by the answer of `send`. */
  function counting(send: Send) {
    const counts: number[] = [];
    const touches = (oneKey: boolean) =>
      new RedisTouches((args) => {
        counts.push(Number(args[2]));
        return send(args);
      }, oneKey);
    return { counts, touches };
  }

  describe('with a server', function () {
    this.timeout(180_000);
    let server: RedisServer;
    let client: Awaited<ReturnType<typeof nodeRedis>>;
    const send: Send = (args) => client.sendCommand(args);

    before(async function () {
      needRedis(this);
      server = await redisServer();
      client = await nodeRedis(server.url);
    });

    after(async () => {
      client?.destroy();
      await server?.remove();
    });

    it('move all dates of a turn by one command, each key on its own', async () => {
      const prefix = newPrefix();
      const keys = ['one', 'absent', 'other', 'two'].map((name) => prefix + name);
      for (const at of [0, 3]) await client.set(keys[at] as string, text(WAS));
      await client.set(keys[2] as string, text(PAST));
      const { counts, touches } = counting(send);
      const all = touches(false);
      const answers = keys.map((key) => all.redate(redating(key)));
      expect(await Promise.all(answers)).to.deep.equal([1, 0, -1, 1]);
      // A second time where the server does not know the script yet.
      expect(new Set(counts)).to.deep.equal(new Set([4]));
      expect(await client.mGet(keys)).to.deep.equal([text(IS), null, text(PAST), text(IS)]);
      expect((await Promise.all(keys.map((key) => client.pTTL(key)))).map((left) => left > 0)).to.deep.equal([
        true,
        false,
        false,
        true,
      ]);
      counts.length = 0;
      expect(await all.redate(redating(keys[0] as string))).to.equal(1);
      expect(new Set(counts)).to.deep.equal(new Set([1]));
    });

    it('let a key that is no text fail alone', async () => {
      const prefix = newPrefix();
      const keys = ['one', 'set', 'two'].map((name) => prefix + name);
      await client.set(keys[0] as string, text(WAS));
      await client.sAdd(keys[1] as string, 'x');
      await client.set(keys[2] as string, text(WAS));
      const { touches } = counting(send);
      const all = touches(false);
      const settled = await Promise.allSettled(keys.map((key) => all.redate(redating(key))));
      expect(settled.map(({ status }) => status)).to.deep.equal(['fulfilled', 'rejected', 'fulfilled']);
      expect((settled[1] as PromiseRejectedResult).reason.message).to.include('WRONGTYPE');
      expect(await client.get(keys[2] as string)).to.equal(text(IS));
    });
  });

  const answering: Send = async (args) => (args[2] === '1' ? 1 : Array<number>(Number(args[2])).fill(1));
  const names = (count: number) => Array.from({ length: count }, (_, index) => `key ${index}`);

  it('have at most 64 keys in a command', async () => {
    const { counts, touches } = counting(answering);
    const all = touches(false);
    await Promise.all(names(130).map((key) => all.redate(redating(key))));
    expect(counts).to.deep.equal([64, 64, 2]);
  });

  it('go one by one where a command must concern one key', async () => {
    const { counts, touches } = counting(answering);
    const all = touches(true);
    await Promise.all(names(3).map((key) => all.redate(redating(key))));
    expect(counts).to.deep.equal([1, 1, 1]);
  });

  it('go one by one from then on where the server has slots', async () => {
    const { counts, touches } = counting(async (args) => {
      if (args[2] === '1') return 1;
      const cause = new Error("CROSSSLOT Keys in request don't hash to the same slot");
      throw new SessileError('SESSILE_IO', 'A command of Redis failed', { cause });
    });
    const all = touches(false);
    for (let turn = 0; turn < 2; turn += 1) {
      expect(await Promise.all(names(3).map((key) => all.redate(redating(key))))).to.deep.equal([1, 1, 1]);
    }
    expect(counts).to.deep.equal([3, 1, 1, 1, 1, 1, 1]);
  });

  it('all fail, and are not sent again, where no answer came', async () => {
    const lost = new SessileError('SESSILE_IO', 'lost', { cause: new Error('Socket closed unexpectedly') });
    const { counts, touches } = counting(() => Promise.reject(lost));
    const all = touches(false);
    const settled = await Promise.allSettled(names(2).map((key) => all.redate(redating(key))));
    expect(settled.map((each) => (each as PromiseRejectedResult).reason)).to.deep.equal([lost, lost]);
    await nextTurn();
    expect(counts).to.deep.equal([2]);
  });
});
