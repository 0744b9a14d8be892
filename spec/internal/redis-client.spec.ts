import { expect } from 'chai';
import { Redis } from 'ioredis';
import { AbortError, createClient, createCluster, createSentinel } from 'redis';
import { faceOf } from '../../lib/internal/redis-client.js';
import { failureOf } from '../support/folder.js';
import { ioRedis, nodeRedis } from '../support/redis-client.js';
import { needRedis, type RedisServer, redisServer } from '../support/redis-server.js';

describe('the face of a Redis client', function () {
  this.timeout(180_000);
  let server: RedisServer;

  before(async function () {
    needRedis(this);
    server = await redisServer();
  });

  after(() => server?.remove());

  it('of redis sends, and tells whether there is a connection', async () => {
    const client = await nodeRedis(server.url);
    const face = faceOf('X', client);
    expect([face.isReady(), face.isComing()]).to.deep.equal([true, false]);
    expect(await face.send(['SET', 'a', 'é'])).to.equal('OK');
    expect(await Promise.all((await face.nodes()).map((send) => send(['GET', 'a'])))).to.deep.equal(['é']);
    client.destroy();
    expect([face.isReady(), face.isComing()]).to.deep.equal([false, false]);
    await failureOf(() => face.send(['GET', 'a']));
  });

  it('of redis forgets what the client has not sent, when it is told to', async () => {
    const client = await nodeRedis(server.url);
    const face = faceOf('X', client);
    // A command is written in a later turn of the event loop.
    const failing = failureOf(() => face.send(['SET', 'dropped', '1']));
    face.drop?.();
    const failure = await failing;
    const isThere = await face.send(['EXISTS', 'dropped']);
    face.drop?.();
    client.destroy();
    expect(failure).to.be.instanceOf(AbortError);
    expect(isThere).to.equal(0);
  });

  it('of redis that is being opened says so', async () => {
    const client = createClient({ url: server.url });
    client.on('error', () => {});
    const face = faceOf('X', client);
    expect([face.isReady(), face.isComing()]).to.deep.equal([false, false]);
    const opened = client.connect();
    expect([face.isReady(), face.isComing()]).to.deep.equal([false, true]);
    await opened;
    expect([face.isReady(), face.isComing()]).to.deep.equal([true, false]);
    client.destroy();
  });

  it('of ioredis does the same', async () => {
    const client = await ioRedis(server.url);
    const face = faceOf('X', client);
    expect([face.isReady(), face.isComing()]).to.deep.equal([true, false]);
    expect(await face.send(['SET', 'b', 'é'])).to.equal('OK');
    expect(await Promise.all((await face.nodes()).map((send) => send(['GET', 'b'])))).to.deep.equal(['é']);
    client.disconnect();
    await failureOf(() => face.send(['GET', 'b']));
  });

  it('of ioredis that opens itself for its first command leaves that to it', async () => {
    const client = new Redis(server.url, { autoResendUnfulfilledCommands: false, lazyConnect: true });
    const face = faceOf('X', client);
    expect([face.isReady(), face.isComing()]).to.deep.equal([false, false]);
    const answer = face.send(['PING']);
    expect(face.isComing()).to.equal(true);
    expect(await answer).to.equal('PONG');
    client.disconnect();
  });

  it('of a cluster client fails while it is closed, and does not take it for a cluster without keys', async () => {
    const face = faceOf('X', createCluster({ rootNodes: [{ url: server.url }] }));
    expect([face.isReady(), face.isComing()]).to.deep.equal([false, false]);
    expect((await failureOf(() => face.nodes())).message).to.include('closed');
  });

  it('is refused to what is no client, and to an ioredis that repeats commands', () => {
    for (const client of [
      undefined,
      null,
      'redis://',
      {},
      { sendCommand: () => {} },
      { status: 'ready', on: () => {} },
    ]) {
      expect(() => faceOf('X', client))
        .to.throw(TypeError, 'X: client must be')
        .with.property('code', 'SESSILE_MISUSE');
    }
    const repeating = new Redis(server.url, { lazyConnect: true });
    expect(() => faceOf('X', repeating)).to.throw(TypeError, 'autoResendUnfulfilledCommands: false');
    repeating.disconnect();
  });

  it('is refused to clients that would read commands, or keys, in a way of their own', () => {
    const sentinel = createSentinel({ name: 'm', sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }] });
    expect(() => faceOf('X', sentinel))
      .to.throw(TypeError, 'X: client must be')
      .with.property('code', 'SESSILE_MISUSE');
    const prefixing = new Redis(server.url, {
      autoResendUnfulfilledCommands: false,
      lazyConnect: true,
      keyPrefix: 'app:',
    });
    expect(() => faceOf('X', prefixing))
      .to.throw(TypeError, 'keyPrefix')
      .with.property('code', 'SESSILE_MISUSE');
    prefixing.disconnect();
  });
});
