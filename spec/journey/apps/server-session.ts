import { middleware } from '../../../lib/adapters/server-session.js';
import type { Face } from '../../conformance/journey/face.js';
import { listen } from '../listen.js';

export const faces: readonly Face[] = [
  {
    name: 'node:http (server sessions)',
    start: ({ store, maxAge, rolling, now, answer }) => {
      const sessions = middleware({ store, ttl: maxAge / 1_000, rolling, now });
      const listener = sessions.wrap(
        async ({ session, url = '' }, res) => {
          const body = await answer(url, {
            read: () => session.data,
            write: (changes) => {
              for (const [key, value] of Object.entries(changes)) session.set(key, value);
            },
            remove: (key) => session.delete(key),
            regenerate: () => session.regenerate(),
            end: () => session.destroy(),
          });
          res.setHeader('content-type', 'application/json');
          res.end(JSON.stringify(body));
        },
        () => {},
      );
      return listen(listener);
    },
  },
];
