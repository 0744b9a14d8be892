import { randomBytes } from 'node:crypto';
import connect from 'express-mysql-session';
import session, { type Store } from 'express-session';
import { createPool, type Pool } from 'mysql2/promise';
import { type DatabaseServer, mysqlServer } from '../support/database-server.js';
import { adoptedSuites } from './suites.js';

const Mysql = connect(session);

describe('express-mysql-session', function () {
  this.timeout(300_000);
  let server: DatabaseServer | undefined;
  let pool: Pool;
  let count = 0;
  const tables = new Map<Store, string>();

  before(async function () {
    server = await mysqlServer();
    if (server === undefined) return this.skip();
    pool = server.url
      ? createPool(server.url)
      : createPool({ socketPath: server.socket as string, user: 'root', database: 'spec' });
  });
  after(async () => {
    await pool?.end();
    await server?.remove();
  });

  const storeOf = (tableName: string, more: object = {}): Store =>
    new Mysql({ schema: { tableName }, clearExpired: false, ...more }, pool);

  const open = async (): Promise<Store> => {
    count += 1;
    const tableName = `sessile_${randomBytes(6).toString('hex')}_${count}`;
    const store = storeOf(tableName);
    await (store as unknown as { onReady(): Promise<void> }).onReady();
    tables.set(store, tableName);
    return store;
  };

  const column = 'its column holds 128 characters, no lone surrogates, and takes "a" and "a " for one id';

  adoptedSuites({
    name: 'express-mysql-session',
    open,
    close: (store) => tables.has(store) && pool.query(`DROP TABLE ${tables.get(store)}`),
    failing: () => storeOf('missing', { createDatabaseTable: false }),
    corrupt: (store, sid) => pool.query(`UPDATE ${tables.get(store)} SET data = '{"cut' WHERE session_id = ?`, [sid]),
    slow: true,
    skip: {
      'expiry/far': 'its column of seconds ends in the year 2106',
      'list/all-awkward-ids': 'its all answers an object with a prototype, where an id named __proto__ is lost',
      'ids/hostile': column,
      'ids/random': column,
      'ids/unknown-hostile': column,
      'ids/destroy-hostile': column,
      'ids/listed': column,
    },
  });
});
