import { newPrefix } from '../support/redis-client.js';
import { needRedis, type RedisServer, redisServer } from '../support/redis-server.js';
import type { StoreDescription } from './stores.js';

/** Called in a `describe`: a redis-server for its tests, and a description of a store that nobody has used. */
export function withRedis(): () => StoreDescription {
  let server: RedisServer | undefined;
  before(async function () {
    needRedis(this);
    server = await redisServer();
  });
  after(() => server?.remove());
  return () => ({ kind: 'redis', url: server?.url ?? '', prefix: newPrefix() });
}
