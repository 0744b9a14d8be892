import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import session, { type Store } from 'express-session';
import fileStore from 'session-file-store';
import { adoptedSuites } from './suites.js';

const Files = fileStore(session);
const lib = new URL('../../lib/backends/foreign.ts', import.meta.url).href;

const dirs = new WeakMap<Store, string>();

function open(): Store {
  const path = mkdtempSync(join(tmpdir(), 'sessile-'));
  // Its default is to look for an absent session six times in a quarter of a second, with a line in the log each time.
  const store = new Files({ path, retries: 0, reapInterval: -1, logFn: () => {} });
  dirs.set(store, path);
  return store;
}

/** Where its directory was there is a file now: unlike a directory that is gone, nothing that means "no such session". */
function openFailing(): Store {
  const store = open();
  rmSync(dirOf(store), { recursive: true });
  writeFileSync(dirOf(store), '');
  return store;
}

const inPath = 'session-file-store makes a path of the id, as it is';

const dirOf = (store: Store) => dirs.get(store) as string;

describe('session-file-store', function () {
  this.timeout(180_000);

  adoptedSuites({
    name: 'session-file-store',
    open,
    close: (store) => rmSync(dirOf(store), { recursive: true, force: true }),
    failing: openFailing,
    slow: true,
    skip: {
      'ids/hostile': inPath,
      'ids/random': inPath,
      'ids/unknown-hostile': inPath,
      'ids/destroy-hostile': inPath,
      'ids/listed': inPath,
    },
    skipHttp: { 'http/hostile-id': inPath },
    corrupt: (store, sid) => writeFileSync(join(dirOf(store), `${sid}.json`), '{"cut off'),
    program: (body) => `
    import session from 'express-session';
    import fileStore from 'session-file-store';
    import { mkdtempSync } from 'node:fs';
    import { adopt } from '${lib}';
    const store = adopt(new (fileStore(session))({ path: mkdtempSync('${tmpdir()}/sessile-'), logFn() {} }));
    ${body}`,
  });
});
