import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from 'redis';
import type { Opened, Place, Subject } from '../contract.js';
import { openedOf } from './ours.js';
import { face } from './peers.js';

const MINUTE = 60_000;
const synced = { save: 'n.a.', touch: 'n.a.' } as const;

/** Each on a redis-server of its own that keeps nothing on disk, reached by a socket file, by a client of `redis`. */
export const redis: readonly Subject[] = [
  {
    name: 'sessile-redis',
    kind: 'redis',
    role: 'ours',
    about: 'RedisStore of this package, as it is by default',
    synced,
    open: async (place) => {
      const { RedisStore } = await import('../../lib/backends/redis.js');
      const { client, stop } = await startRedis(place);
      const { store, close } = openedOf(new RedisStore({ client }));
      return { store, close: () => Promise.resolve(close?.()).then(stop) };
    },
  },
  {
    name: 'connect-redis',
    kind: 'redis',
    role: 'peer',
    about: 'connect-redis, as its README has it',
    package: 'connect-redis',
    synced,
    open: async (place): Promise<Opened> => {
      const { RedisStore } = await import('connect-redis');
      const { client, stop } = await startRedis(place);
      // It keeps whole seconds from when it is called, and moves the deadline of the key alone.
      const deadline = async (sid: string) =>
        Math.round((Date.now() + Number(await client.pTTL(`sess:${sid}`))) / MINUTE) * MINUTE;
      return { store: face(new RedisStore({ client })), deadline, close: stop };
    },
  },
];

/** Where another process of the group has started a server, it is shared. */
async function startRedis({ directory }: Place) {
  const path = join(directory, 'redis.sock');
  if (existsSync(path)) {
    const client = await connect(path);
    return { client, stop: async () => client.destroy() };
  }
  const settings = ['--port', '0', '--unixsocket', path, '--save', '', '--appendonly', 'no', '--dir', directory];
  const server = spawn('redis-server', settings, { stdio: 'ignore' });
  process.once('exit', () => server.kill('SIGKILL'));
  await once(server, 'spawn');
  const client = await connect(path);
  return { client, stop: () => stopRedis(client, server) };
}

async function connect(path: string) {
  const client = createClient({ socket: { path, reconnectStrategy: () => 20 } });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function stopRedis(client: { close(): Promise<unknown> }, server: ChildProcess): Promise<void> {
  await client.close();
  const gone = once(server, 'exit');
  server.kill('SIGKILL');
  await gone;
}
