import nextSession from 'next-session';
import { toNextSessionStore } from '../../../lib/adapters/next.js';
import type { Face } from '../../conformance/journey/face.js';
import { listen, withoutCookie } from '../listen.js';

type GetSession = ReturnType<typeof nextSession>;

export const faces: readonly Face[] = [
  {
    name: 'Next.js (next-session)',
    cannot: { 'journey/regenerate': 'next-session has no regenerate' },
    start: ({ store, maxAge, rolling, answer }) => {
      const cookie = { maxAge: maxAge / 1_000 };
      const getSession: GetSession = nextSession({
        store: toNextSessionStore(store, { onError: () => {} }),
        cookie,
        ...(rolling && { touchAfter: 0 }),
      });
      return listen(async (req, res) => {
        try {
          const session = await getSession(req, res);
          const body = await answer(req.url ?? '', {
            read: () => withoutCookie(session),
            write: (changes) => Object.assign(session, changes),
            remove: (key) => delete session[key],
            end: () => session.destroy(),
          });
          res.setHeader('content-type', 'application/json');
          res.end(JSON.stringify(body));
        } catch {
          res.statusCode = 500;
          res.end();
        }
      });
    },
  },
];
