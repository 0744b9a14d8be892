import { RedisStore } from 'connect-redis';
import { createClient } from 'redis';
import { redisStores } from './redis-stores.js';
import { adoptedSuites } from './suites.js';

describe('connect-redis', function () {
  this.timeout(180_000);
  const { open, client } = redisStores(3_600);

  adoptedSuites({
    name: 'connect-redis',
    open,
    failing: () => new RedisStore({ client: createClient({ url: 'redis://127.0.0.1:1' }) }),
    slow: true,
    skip: Object.fromEntries(
      ['ids/hostile', 'ids/random', 'ids/destroy-hostile', 'ids/listed'].map((id) => [
        id,
        'a key in Redis is UTF-8: ids with different lone surrogates are one',
      ]),
    ),
    corrupt: (store, sid) => client().set(`${(store as RedisStore).prefix}${sid}`, '{"cut off'),
  });
});
