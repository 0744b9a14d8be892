import { App } from '@tinyhttp/app';
import { SessionManager } from '../../../lib/adapters/tinyhttp.js';
import type { Face, Settings } from '../../conformance/journey/face.js';
import { listen } from '../listen.js';
import { visitOf } from './express.js';

type Request = Parameters<typeof visitOf>[0];

function sessions({ store, maxAge, rolling }: Settings) {
  const cookie = { maxAge };
  return SessionManager({ store, cookie, rolling, secret: 'of the journey', resave: false, saveUninitialized: false });
}

export const faces: readonly Face[] = [
  {
    name: 'tinyhttp (`SessionManager`)',
    start: (settings) => {
      const getSession = sessions(settings);
      const app = new App({
        onError: (_error, _req, res) => void res.status(500).end(),
      });
      app.get('*', async (req, res) => {
        await getSession(req, res);
        res.json(await settings.answer(req.url, visitOf(req as unknown as Request)));
      });
      return listen(app.handler.bind(app) as unknown as Parameters<typeof listen>[0]);
    },
  },
  {
    name: 'node:http (`SessionManager`)',
    start: (settings) => {
      const getSession = sessions(settings);
      return listen(async (req, res) => {
        try {
          await getSession(req, res);
          const body = await settings.answer(req.url ?? '', visitOf(req as Request));
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
