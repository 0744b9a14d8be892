import { RedisStore } from 'connect-redis';
import { newPrefix, nodeRedis } from '../support/redis-client.js';
import { needRedis, type RedisServer, redisServer } from '../support/redis-server.js';

type Client = Awaited<ReturnType<typeof nodeRedis>>;

/**
 * Opens empty stores of connect-redis on a server that runs for the tests of the suite that calls this.
 * @param ttl how long the server keeps a key, in s. Its clock is not that of a suite.
 */
export function redisStores(ttl?: number): { readonly open: () => RedisStore; readonly client: () => Client } {
  let server: RedisServer | undefined;
  let client: Client;
  before(async function () {
    needRedis(this);
    server = await redisServer();
    client = await nodeRedis(server.url);
  });
  after(async () => {
    if (server === undefined) return;
    client.destroy();
    await server.remove();
  });
  return {
    open: () => new RedisStore({ client, prefix: newPrefix(), ...(ttl && { ttl: () => ttl }) }),
    client: () => client,
  };
}
