import { Redis } from 'ioredis';
import { createClient } from 'redis';

/** A connected client of the `redis` package; its errors are the spec's own matter. */
export async function nodeRedis(url: string, options: Parameters<typeof createClient>[0] = {}) {
  const client = createClient({ url, ...options });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** A client of ioredis that repeats nothing by itself. */
export async function ioRedis(url: string): Promise<Redis> {
  const client = new Redis(url, { autoResendUnfulfilledCommands: false, lazyConnect: true });
  client.on('error', () => {});
  await client.connect();
  return client;
}

let serial = 0;

/** A prefix that nobody has used, so that one server serves all tests of a spec. */
export function newPrefix(): string {
  serial += 1;
  return `spec-${process.pid}-${serial}:`;
}
