/**
 * Counts in one session through the facade, in a process of its own: `child.ts <store> <where> <times>`. It prints every
 * count that it was answered.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { genericSession } from '../../lib/facade.js';
import { sharedStores } from './shared-stores.js';

const AT_ONCE = 5;

const [name = '', where = '', times = ''] = process.argv.slice(2);
const open = sharedStores[name];
if (!open) throw new Error(`no store is called ${name}`);
const { store, close } = await open(where);
const answered: unknown[] = [];
const server = createServer(async (req, res) => {
  const session = genericSession(req, res, store);
  answered.push(await session.updateAsync('n', (n = 0) => (n as number) + 1));
  res.end();
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

let started = 0;
async function lane(): Promise<void> {
  while (started < Number(times)) {
    started += 1;
    const response = await fetch(url, { headers: { cookie: 's=shared' } });
    await response.text();
    if (response.status !== 200) throw new Error(`answered ${response.status}`);
  }
}
await Promise.all(Array.from({ length: AT_ONCE }, lane));
server.close();
server.closeAllConnections();
await close();
console.log(JSON.stringify(answered));
