import { deepEqual, equal } from 'node:assert/strict';
import { delaysDuring, noiseDuring, witness } from '../calls.js';
import { sessionOf } from '../samples.js';
import type { StoreCase } from './subject.js';

const LONGEST_DELAY = 2 ** 31 - 1;
const session = "{ n: 1, cookie: { originalMaxAge: null, expires: null, path: '/' } }";

export const processCases: readonly StoreCase[] = [
  {
    id: 'process/opened',
    title: 'lets a program end that opens a store and does nothing, or uses it and does not close it',
    ground: 'reason',
    because: 'better-sqlite3-session-store and prisma-session-store keep the process alive',
    needs: ['program'],
    run: async ({ run }) => {
      const using = `store.set('a', ${session}, () => store.get('a', (_, found) => console.log(found.n)));`;
      deepEqual(await Promise.all([run(''), run(using)]), ['', '1\n']);
    },
  },
  {
    id: 'process/closing',
    title: 'lets a program end that closes while it writes, after the write',
    ground: 'choice',
    because: 'close waits for work in flight',
    needs: ['program', 'close'],
    run: async ({ run }) => {
      const printed = await run(`
        store.set('a', ${session}, (error) => console.log('set', error));
        store.close((error) => console.log('closed', error));
      `);
      equal(printed.replaceAll('undefined', 'null'), 'set null\nclosed null\n');
    },
  },
  {
    id: 'process/long-interval',
    title: 'sets no timer longer than Node can, for a long pruneInterval',
    ground: 'reason',
    because: "connect-mongo's interval of 40 000 minutes overflows and fires all the time",
    needs: ['pruneInterval'],
    run: async ({ another, clock }) => {
      const open = async () => {
        const store = await another({ pruneInterval: 40_000 * 60_000 });
        await witness((done) => store.set('a', sessionOf(clock), done));
      };
      let delays: number[] = [];
      const noise = await noiseDuring(async () => {
        delays = await delaysDuring(open);
      });
      deepEqual(
        delays.filter((delay) => delay > LONGEST_DELAY),
        [],
      );
      deepEqual(noise, []);
    },
  },
];
