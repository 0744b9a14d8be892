import session from 'express-session';
import memorystore from 'memorystore';
import { adoptedSuites } from './suites.js';

const Memory = memorystore(session as never);
const lib = new URL('../../lib/backends/foreign.ts', import.meta.url).href;

describe('memorystore', function () {
  this.timeout(180_000);

  adoptedSuites({
    name: 'memorystore',
    open: () => new Memory({}),
    corrupt: (store, sid) => (store as unknown as { store: Map<string, string> }).store.set(sid, '{"cut off'),
    program: (body) => `
    import session from 'express-session';
    import memorystore from 'memorystore';
    import { adopt } from '${lib}';
    const store = adopt(new (memorystore(session))({}));
    ${body}`,
  });
});
