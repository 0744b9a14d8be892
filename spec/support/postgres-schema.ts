import { randomBytes } from 'node:crypto';
import { Pool } from 'pg';

let made = 0;

/**
 * A fresh schema in the database that PG_URL names, and a URL whose connections see that schema alone: packages that
 * make tables of their own do not meet what others left.
 */
export async function postgresSchema(
  databaseUrl: string,
): Promise<{ readonly url: string; readonly remove: () => Promise<void> }> {
  made += 1;
  const name = `sessile_${randomBytes(6).toString('hex')}_${made}`;
  const pool = new Pool({ connectionString: databaseUrl, max: 1 });
  await pool.query(`CREATE SCHEMA "${name}"`);
  const url = new URL(databaseUrl);
  url.searchParams.set('options', `-c search_path=${name}`);
  const remove = async () => {
    await pool.query(`DROP SCHEMA "${name}" CASCADE`);
    await pool.end();
  };
  return { url: url.href.replaceAll('+', '%20'), remove };
}
