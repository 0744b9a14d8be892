import { expect } from 'chai';
import type { Send } from '../../lib/internal/redis-client.js';
import { redate, replace, run } from '../../lib/internal/redis-scripts.js';
import { failureOf } from '../support/folder.js';
import { newPrefix, nodeRedis } from '../support/redis-client.js';
import { needRedis, type RedisServer, redisServer } from '../support/redis-server.js';

describe('the scripts for Redis', function () {
  this.timeout(180_000);
  let server: RedisServer;
  let client: Awaited<ReturnType<typeof nodeRedis>>;
  let sent: string[];
  const send: Send = (args) => {
    sent.push(String(args[0]));
    return client.sendCommand(args);
  };

  before(async function () {
    needRedis(this);
    server = await redisServer();
    client = await nodeRedis(server.url);
  });

  beforeEach(() => {
    sent = [];
  });

  after(async () => {
    client?.destroy();
    await server?.remove();
  });

  it('are sent by their sum, and whole to a server that does not know them; other failures are passed on', async () => {
    await client.scriptFlush();
    const key = newPrefix();
    expect(await run(send, replace, [key, '', 'one', '60000'])).to.equal(null);
    expect(await run(send, replace, [key, 'one', 'two', '60000'])).to.equal(null);
    expect(sent).to.deep.equal(['EVALSHA', 'EVAL', 'EVALSHA']);
    await client.del(key);
    await client.sAdd(key, 'no string');
    expect((await failureOf(() => run(send, replace, [key, '', 'x', '1']))).message).to.include('WRONGTYPE');
    expect(sent.slice(3)).to.deep.equal(['EVALSHA']);
  });

  it('replace: only what is there, with its time to live, and tells what is there else', async () => {
    const key = newPrefix();
    expect(await run(send, replace, [key, 'x', 'one', '60000'])).to.equal('');
    expect(await run(send, replace, [key, '', 'one', '60000'])).to.equal(null);
    expect(await run(send, replace, [key, '', 'two', '60000'])).to.equal('one');
    expect([await client.get(key), (await client.pTTL(key)) > 0]).to.deep.equal(['one', true]);
    expect(await run(send, replace, [key, 'one', '', '0'])).to.equal(null);
    expect([await client.exists(key), await run(send, replace, [key, '', '', '0'])]).to.deep.equal([0, null]);
  });

  it('redate: only a text that begins in the same way and is not past its date', async () => {
    const key = newPrefix();
    const [was, is, past] = ['2026-11-21T13:42:35.000Z', '2027-01-01T00:00:00.000Z', '2026-11-21T13:42:34.999Z'];
    const text = (date: string) => `{"é":"${date}"},"a":1}`;
    const move = (head: string, tail: string, after: string) =>
      run(send, redate, [key, head, tail, is, after, '60000']);
    expect(await move('{"é":"', '"}', past)).to.equal(0);
    expect(await client.exists(key)).to.equal(0);
    await client.set(key, text(was));
    expect(await move('{"e":"', '"}', past), 'another head').to.equal(-1);
    expect(await move('{"é":"', '",', past), 'another tail').to.equal(-1);
    expect(await move('{"é":"', '"}', was), 'at its date').to.equal(-1);
    expect([await client.get(key), await client.pTTL(key)]).to.deep.equal([text(was), -1]);
    expect(await move('{"é":"', '"}', past)).to.equal(1);
    expect([await client.get(key), (await client.pTTL(key)) > 0]).to.deep.equal([text(is), true]);
  });
});
