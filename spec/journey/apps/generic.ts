import { genericSession } from '../../../lib/facade.js';
import type { Face } from '../../conformance/journey/face.js';
import { listen } from '../listen.js';

export const faces: readonly Face[] = [
  {
    name: 'node:http (`genericSession`)',
    cannot: {
      'journey/new-visitor': 'generic-session sends each visitor a cookie at once',
      'journey/unmodified': 'generic-session renews the cookie with every request',
      'journey/regenerate': 'generic-session has no regenerate',
    },
    start: ({ store, maxAge, now, answer }) => {
      const sessions = genericSession.middleware(store, { keys: ['of the journey'], expire: maxAge / 1_000, now });
      return listen((req, res) => {
        sessions(req, res, () => {
          const { session } = req as unknown as { session: ReturnType<typeof genericSession> };
          const answered = answer(req.url ?? '', {
            read: () => session.getAllAsync(),
            write: async (changes) => {
              for (const [key, value] of Object.entries(changes)) await session.setAsync(key, value);
            },
            remove: (key) => session.delAsync(key),
            end: () => session.destroyAsync(),
          });
          answered.then(
            (body) => {
              res.setHeader('content-type', 'application/json');
              res.end(JSON.stringify(body));
            },
            () => {
              res.statusCode = 500;
              res.end();
            },
          );
        });
      });
    },
  },
];
