import { once } from 'node:events';
import type { Server } from 'node:http';
import { serve } from '@hono/node-server';
import { type SessionEnv, useSession, useSessionStorage } from '@hono/session';
import { Hono } from 'hono';
import { toHonoStorage } from '../../../lib/adapters/hono.js';
import type { Face, Fields } from '../../conformance/journey/face.js';
import { running } from '../listen.js';

export const faces: readonly Face[] = [
  {
    name: 'Hono (@hono/session)',
    cannot: {
      'journey/new-visitor': '@hono/session sends a cookie to whoever an app calls `get` for',
      'journey/rolling': '@hono/session does not renew a session that nobody changed',
      'journey/regenerate': '@hono/session has no regenerate',
    },
    start: async ({ store, maxAge, now, answer }) => {
      const app = new Hono<SessionEnv<Fields>>();
      app.use(useSessionStorage(toHonoStorage(store, { ttl: maxAge, now, onError: () => {} })));
      app.use(useSession<Fields>({ secret: '0123456789abcdef0123456789abcdef' }));
      app.onError((_error, c) => c.text('sorry', 500));
      app.get('/*', async (c) => {
        const { session } = c.var;
        // `get` reads the storage again and forgets what `update` was given, so an app reads `data` after that.
        let isUpdated = false;
        const update = (change: (fields: Fields | null) => Fields) => {
          isUpdated = true;
          return session.update(change);
        };
        const body = await answer(c.req.url, {
          read: async () => (isUpdated ? session.data : await session.get()) ?? {},
          write: (changes) => update((fields) => ({ ...fields, ...changes })),
          remove: (key) =>
            update((fields) => {
              const { [key]: _, ...rest } = fields ?? {};
              return rest;
            }),
          end: async () => {
            await session.get();
            session.delete();
          },
        });
        return c.json(body);
      });
      const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server;
      await once(server, 'listening');
      return running(server);
    },
  },
];
