import { expect } from 'chai';
import type { Context } from 'koa';
import { Availability } from '../../lib/internal/availability.js';
import type { CookieSession } from '../../lib/internal/koa-cookie-sessions.js';
import { defaultCookie, KoaRequest, type KoaSettings } from '../../lib/internal/koa-request.js';
import { failureOf } from '../support/folder.js';
import { unhandled } from '../support/process-events.js';
import { Gate } from '../support/visitor.js';

/** What adapters/koa.spec.ts does over HTTP is not done again here: only what cannot be seen from there. */
describe('KoaRequest', () => {
  let loads: number;
  let kept: Map<string, CookieSession>;
  let sent: unknown[][];

  const settings = (changes: Partial<KoaSettings> = {}): KoaSettings => ({
    key: 'k',
    store: {},
    sessions: {
      get: async (sid) => {
        loads += 1;
        return structuredClone(kept.get(sid));
      },
      set: async (sid, session) => {
        kept.set(sid, structuredClone(session) as CookieSession);
      },
      destroy: async (sid) => {
        kept.delete(sid);
      },
    },
    availability: new Availability(0),
    cookieOptions: {},
    ...{ defer: false, rolling: false, allowEmpty: false },
    genSid: () => 'new',
    errorHandler: (error) => {
      throw error;
    },
    valid: () => true,
    beforeSave: () => {},
    ...changes,
  });

  function contextOf(cookie?: string, keys?: string[]): Context {
    const cookies = {
      get: (...args: unknown[]) => (args[0] === 'k' ? cookie : undefined),
      set: (...args: unknown[]) => sent.push(args),
    };
    return { app: { keys }, cookies, headerSent: false } as unknown as Context;
  }

  beforeEach(() => {
    loads = 0;
    sent = [];
    kept = new Map([['old', { cookie: { maxAge: 1 } }]]);
  });

  it('loads once, however often it is asked', async () => {
    const request = new KoaRequest(contextOf('old'), settings({ defer: true }));
    await Promise.all([request.load(), request.load()]);
    await request.commit();
    expect(loads).to.equal(1);
    expect(sent).to.deep.equal([]);
  });

  it('goes by an id that was put on the context before, whatever the cookie says', async () => {
    const ctx = contextOf('other');
    ctx['sessionId'] = 'old';
    const request = new KoaRequest(ctx, settings());
    await request.load();
    request.expose();
    expect(ctx['session']).to.deep.equal({ cookie: { maxAge: 1 } });
  });

  it('signs by what is said, else by whether the app has keys, and reads as it writes', async () => {
    for (const [signed, keys, expected] of [
      [undefined, undefined, false],
      [undefined, ['x'], true],
      [false, ['x'], false],
      [true, undefined, true],
    ] as const) {
      sent = [];
      const ctx = contextOf(undefined, keys && [...keys]);
      const request = new KoaRequest(ctx, settings({ cookieOptions: signed === undefined ? {} : { signed } }));
      await request.load();
      request.expose();
      expect(ctx['session'].cookie).to.deep.equal({ ...defaultCookie, signed: expected });
      Object.assign(ctx['session'], { n: 1, cookie: { ...defaultCookie, signed: !expected } });
      await request.commit();
      expect(sent).to.deep.equal([['k', 'new', { ...defaultCookie, signed: expected }]]);
    }
  });

  it('does not touch an object that takes the place of the session', async () => {
    const ctx = contextOf('old');
    const request = new KoaRequest(ctx, settings());
    await request.load();
    request.expose();
    ctx['session'] = Object.freeze({ n: 1 });
    await request.commit();
    expect(kept.get('old')).to.deep.equal({ n: 1, cookie: { ...defaultCookie, signed: false } });
  });

  it('rejects nothing that nobody sees where ctx.session and regenerateSession are not waited for', async () => {
    const { sessions } = settings();
    const down = () => Promise.reject(new Error('down'));
    const ctx = contextOf('old');
    const request = new KoaRequest(ctx, settings({ sessions: { ...sessions, get: down }, defer: true }));
    request.expose();
    const loose = await unhandled(() => {
      void ctx['session'];
      void ctx['regenerateSession']();
    });
    expect(loose).to.deep.equal([]);
    expect(await failureOf(() => request.commit())).to.include({ message: 'down' });
  });

  it('tells the app of a regenerateSession that failed, unless that is what the handler threw', async () => {
    const { sessions } = settings();
    const error = new Error('down');
    for (const [thrown, told] of [
      [undefined, [error]],
      [error, []],
    ] as const) {
      const ctx = contextOf('old');
      const heard: unknown[] = [];
      Object.assign(ctx.app, { emit: (_name: string, what: unknown) => heard.push(what) });
      const request = new KoaRequest(
        ctx,
        settings({ sessions: { ...sessions, destroy: () => Promise.reject(error) } }),
      );
      await request.load();
      request.expose();
      void ctx['regenerateSession']();
      await request.commit(thrown);
      expect(heard).to.deep.equal(told);
    }
  });

  it('saves what regenerateSession began, and nothing under the old id, though the handler did not wait for it', async () => {
    const ctx = contextOf('old');
    const ending = new Gate(1);
    const { sessions } = settings();
    const destroy = async (sid: string) => {
      await ending.pass();
      kept.delete(sid);
    };
    const request = new KoaRequest(ctx, settings({ sessions: { ...sessions, destroy } }));
    await request.load();
    request.expose();
    ctx['session'].user = 'eve';
    const regenerated = ctx['regenerateSession']();
    const committed = request.commit();
    await ending.full;
    ending.open();
    const session = await regenerated;
    session.user = 'ada';
    await committed;
    expect([...kept.keys()]).to.deep.equal(['new']);
    expect(kept.get('new')).to.include({ user: 'ada' });
    expect(sent.at(-1)?.slice(0, 2)).to.deep.equal(['k', 'new']);
  });
});
