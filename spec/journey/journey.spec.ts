import { expect } from 'chai';
import type { SessionStore } from '../../lib/store.js';
import type { Face } from '../conformance/journey/face.js';
import { journeySuite } from '../conformance/journey.js';
import { faces as express } from './apps/express.js';
import { faces as fastify } from './apps/fastify.js';
import { faces as generic } from './apps/generic.js';
import { faces as hono } from './apps/hono.js';
import { faces as koa } from './apps/koa.js';
import { faces as nest } from './apps/nest.js';
import { faces as next } from './apps/next.js';
import { faces as serverSession } from './apps/server-session.js';
import { faces as tinyhttp } from './apps/tinyhttp.js';
import { Matrix, shownMatrix, writeMatrix } from './matrix.js';
import { kinds, type Opened } from './stores.js';

const faces: readonly Face[] = [
  ...express,
  ...nest,
  ...fastify,
  ...koa,
  ...next,
  ...hono,
  ...tinyhttp,
  ...serverSession,
  ...generic,
];
const matrix = new Matrix(faces, kinds);

for (const kind of kinds) {
  describe(`journeys with ${kind.name}`, () => {
    before(async function () {
      this.timeout(180_000);
      await kind.before?.(this);
    });
    after(() => kind.after?.());

    for (const face of faces) {
      const opened = new Map<SessionStore, Opened>();
      const counted = (title: string, body: () => Promise<void>) =>
        it(title, async () => {
          await body();
          matrix.passed(face, kind);
        });
      journeySuite({
        title: face.name,
        describe,
        it: Object.assign(counted, { skip: it.skip }),
        face,
        create: async (options) => {
          const made = await kind.open(options);
          opened.set(made.store, made);
          return made.store;
        },
        destroy: async (store) => {
          await store.closeAsync();
          await opened.get(store)?.remove?.();
        },
      });
    }
  });
}

describe('the matrix in README.md', () => {
  it('shows the journeys that ran, all of them and no others (written with SESSILE_MATRIX=write)', () => {
    const ran = matrix.toMarkdown();
    if (process.env['SESSILE_MATRIX'] === 'write') writeMatrix(ran);
    expect(shownMatrix()).to.equal(ran);
  });
});
