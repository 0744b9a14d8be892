import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Fields, Running } from '../conformance/journey/face.js';

/** Serves until it is closed, on a free port. */
export async function listen(listener: RequestListener): Promise<Running> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return running(server);
}

export function running(server: Server): Running {
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** What the app keeps in a session whose cookie is one of its fields. */
export function withoutCookie(session: object): Fields {
  const { cookie: _, ...fields } = session as Fields;
  return fields;
}

/** Awaits a method that takes a callback. */
export function called(method: (callback: (error?: unknown) => void) => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    method((error) => (error ? reject(error) : resolve()));
  });
}
