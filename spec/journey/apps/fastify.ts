import cookie from '@fastify/cookie';
import session from '@fastify/session';
import fastify from 'fastify';
import { toFastifyStore } from '../../../lib/adapters/fastify.js';
import type { Face, Fields } from '../../conformance/journey/face.js';
import { running, withoutCookie } from '../listen.js';

export const faces: readonly Face[] = [
  {
    name: 'Fastify (@fastify/session)',
    start: async ({ store, maxAge, rolling, answer }) => {
      const app = fastify();
      await app.register(cookie);
      await app.register(session, {
        store: toFastifyStore(store),
        secret: 'of the journey, and 32 characters long',
        cookie: { maxAge, secure: false },
        rolling,
        saveUninitialized: false,
      });
      app.get('/*', (req) =>
        answer(req.url, {
          read: () => withoutCookie(req.session),
          write: (changes) => Object.assign(req.session, changes),
          remove: (key) => delete (req.session as unknown as Fields)[key],
          regenerate: () => req.session.regenerate(),
          end: () => req.session.destroy(),
        }),
      );
      await app.listen({ port: 0, host: '127.0.0.1' });
      const { port } = running(app.server);
      return {
        port,
        close: async () => {
          app.server.closeAllConnections();
          await app.close();
        },
      };
    },
  },
];
