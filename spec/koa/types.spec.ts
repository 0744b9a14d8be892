import { expect } from 'chai';
import { complaintsOf } from '../support/strict-program.js';

/** As a stranger writes it: no cast, no any. */
const program = `
import Koa, { type Context, type DefaultState } from 'koa';
import { type CreateSessionOptions, createSession } from 'koa-session';
import { type AnyStore } from 'sessile/bridge';
import { eggStore } from 'sessile/egg';
import {
  BaseStore, CONNECT, type DeferredSessionContext, MemoryStore, type SessionContext, session, toKoaStore,
} from 'sessile/koa';

declare module 'sessile/koa' {
  interface Session {
    user?: string;
  }
}

const store = new MemoryStore();
const genSid = (ctx: Context, length: number) => ctx.path + length;
const app = new Koa<DefaultState, SessionContext>();
app.use(session({ store, genSid, cookieOptions: { maxAge: null, sameSite: 'lax' } }));
app.use(session({ valid: (ctx, { user }) => user !== ctx.ip, beforeSave: async () => {} }));
app.use(async (ctx) => {
  const user: string | undefined = ctx.session.user;
  ctx.session.user = user ?? 'ada';
  ctx.session.cookie.maxAge = 5;
  ctx.session = { user: 'bob' };
  ctx.session = null;
  ctx.sessionSave = false;
  const { user: none } = await ctx.regenerateSession();
  ctx.body = none ?? ctx.sessionId;
  // @ts-expect-error: a user is a string
  ctx.session.user = 5;
  // @ts-expect-error: what is no session
  ctx.session = 'text';
});
new Koa().use(session()).use((ctx) => {
  ctx.session.user = 'ada';
});
new Koa<DefaultState, DeferredSessionContext>().use(session({ defer: true })).use(async (ctx) => {
  (await ctx.session).user = 'ada';
  // @ts-expect-error: a promise
  ctx.session.user = 'ada';
});
new Koa().use(session({ store: new (class extends BaseStore {
  async get(sid: string) {
    this.emit(CONNECT);
    return { sid: this.prefix + sid };
  }
  async destroy() {}
})() }));
createSession({ store: toKoaStore(store) }, app);
const fromEgg: NonNullable<CreateSessionOptions['store']> = eggStore(store);
const anyStore = (given: AnyStore) => session({ store: given });
export { anyStore, fromEgg };
// @ts-expect-error: an option that is none
session({ maxAge: 5 });
// @ts-expect-error: no store
toKoaStore({ get() {} });
`;

/** Each in a program of its own: the declarations of the hosts add different things to Koa's context. */
const hosts: Record<string, string> = {
  'koa-session-ts': `
    import Koa from 'koa';
    import host, { type BaseStore } from 'koa-session-ts';
    import { FileStore } from 'sessile/file';
    import { toKoaStore } from 'sessile/koa';

    const app = new Koa();
    app.use(host.default({ store: toKoaStore(new FileStore('x')), rolling: true }));
    app.use((ctx) => {
      ctx.session.cookie.maxAge = 5;
      ctx.body = ctx.sessionId;
    });
    export const store: BaseStore = toKoaStore(new FileStore('x'), { events: 'upper' });
    // @ts-expect-error: no store
    host.default({ store: toKoaStore({ get() {} }) });
    // @ts-expect-error: no type of a store
    export const number: number = toKoaStore(new FileStore('x'));`,
  'koa-generic-session': `
    import Koa from 'koa';
    import session from 'koa-generic-session';
    import { FileStore } from 'sessile/file';
    import { type AdaptedStore, toKoaStore } from 'sessile/koa';

    const app = new Koa();
    const store = toKoaStore(new FileStore('x'), { events: 'lower' });
    store.on('disconnect', () => {});
    export const same: AdaptedStore = store;
    app.use(session({ store: toKoaStore(new FileStore('x')), cookie: { maxAge: 5 } }));
    app.use(async (ctx) => {
      await ctx.regenerateSession();
      ctx.body = ctx.sessionId;
    });`,
  'egg 4': `
    import '@eggjs/session';
    import type { EggCore } from '@eggjs/core';
    import { eggStore } from 'sessile/egg';
    import { FileStore } from 'sessile/file';

    export default (app: EggCore) => {
      app.sessionStore = eggStore(new FileStore('x'));
      // @ts-expect-error: a store for express-session is none for egg
      app.sessionStore = new FileStore('x');
    };`,
};

describe('sessile/koa and sessile/egg: types', function () {
  this.timeout(300_000);

  it("compile strictly against Koa's, koa-session's and express-session's, without a cast", async () => {
    expect(await complaintsOf(program)).to.deep.equal([]);
  });

  for (const [name, hosted] of Object.entries(hosts)) {
    it(`compile strictly against those of ${name}, without a cast`, async () => {
      expect(await complaintsOf(hosted)).to.deep.equal([]);
    });
  }
});
