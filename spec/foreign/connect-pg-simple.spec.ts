import { randomBytes } from 'node:crypto';
import connect from 'connect-pg-simple';
import session, { type Store } from 'express-session';
import pg from 'pg';
import { type DatabaseServer, postgresServer } from '../support/database-server.js';
import { adoptedSuites } from './suites.js';

const Postgres = connect(session);

describe('connect-pg-simple', function () {
  this.timeout(300_000);
  let server: DatabaseServer | undefined;
  let pool: pg.Pool;
  let count = 0;
  const schemas = new Map<Store, string>();

  before(async function () {
    server = await postgresServer();
    if (server === undefined) return this.skip();
    const own = { host: server.socket, user: 'spec', database: 'postgres' };
    pool = new pg.Pool(server.url === undefined ? own : { connectionString: server.url });
    pool.on('error', () => {});
  });
  after(async () => {
    await pool?.end();
    await server?.remove();
  });

  const open = async (): Promise<Store> => {
    count += 1;
    const schemaName = `sessile_${randomBytes(6).toString('hex')}_${count}`;
    await pool.query(`CREATE SCHEMA ${schemaName}`);
    const store = new Postgres({ pool, schemaName, createTableIfMissing: true, pruneSessionInterval: false });
    schemas.set(store, schemaName);
    return store;
  };

  const noNul = 'PostgreSQL keeps no NUL and no lone surrogate in a text';

  adoptedSuites({
    name: 'connect-pg-simple',
    open,
    close: (store) => schemas.has(store) && pool.query(`DROP SCHEMA ${schemas.get(store)} CASCADE`),
    failing: () => new Postgres({ pool, tableName: 'missing', pruneSessionInterval: false }),
    slow: true,
    supports: { all: false, length: false, ids: false, entries: false, clear: false, prune: false },
    skip: {
      'ids/hostile': noNul,
      'ids/random': noNul,
      'ids/unknown-hostile': noNul,
      'ids/destroy-hostile': noNul,
    },
  });
});
