// What belongs into an Egg application's app.js: the one line that gives it a store.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eggStore } from 'sessile/egg';
import { FileStore } from 'sessile/file';

/** SESSIONS, a folder below the system's temporary one by default, may be set. */
export default function configure(app) {
  const store = new FileStore(process.env.SESSIONS ?? join(tmpdir(), 'sessile-example-egg'));
  app.sessionStore = eggStore(store);
  return () => store.closeAsync();
}
