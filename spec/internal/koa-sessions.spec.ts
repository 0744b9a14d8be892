import { expect } from 'chai';
import type { SessionData } from 'express-session';
import { MemoryStore } from '../../lib/backends/memory.js';
import { CarriedRecords } from '../../lib/internal/carried-records.js';
import { KoaSessions } from '../../lib/internal/koa-sessions.js';

const NOW = 1_700_000_000_000;

describe('KoaSessions', () => {
  const now = () => NOW;
  let store: MemoryStore;
  let sessions: KoaSessions<SessionData>;

  beforeEach(() => {
    store = new MemoryStore({ now });
    sessions = new KoaSessions(new CarriedRecords<SessionData>(store), now);
  });

  afterEach(() => store.closeAsync());

  const save = (data: object, ctx?: unknown) => sessions.set('a', { data, maxAge: 'session' }, { ctx });

  it('merge what is saved with the contexts that loaded it, and drop what was ended', async () => {
    await save({ n: 1 });
    const [one, two] = [{}, {}];
    for (const ctx of [one, two]) expect(await sessions.get('a', { ctx })).to.deep.equal({ n: 1, _session: true });
    await save({ n: 1, one: 1 }, one);
    await save({ two: 2 }, two);
    expect(await sessions.get('a')).to.deep.equal({ one: 1, two: 2, _session: true });
    await sessions.destroy('a');
    await save({ late: 1 }, one);
    expect(await sessions.get('a', { ctx: one })).to.equal(undefined);
  });

  it('write what comes without a context as it is', async () => {
    await save({ n: 1 });
    for (const call of [undefined, {}, { ctx: null }, { ctx: 'text' }]) {
      await sessions.get('a', call);
      await sessions.set('a', { data: { m: 1 }, maxAge: 'session' }, call);
      expect(await sessions.get('a')).to.deep.equal({ m: 1, _session: true });
    }
  });

  it("keep the attributes of the framework's cookie", async () => {
    await save({ n: 1 }, { sessionOptions: { secure: true, sameSite: 'none', signed: true } });
    expect((await store.getAsync('a'))?.cookie).to.deep.equal({
      path: '/',
      httpOnly: true,
      secure: true,
      sameSite: 'none',
      originalMaxAge: null,
      expires: null,
    });
  });

  it('reject, and do not throw, for what cannot be stored', async () => {
    const data: Record<string, unknown> = {};
    data['self'] = data;
    const saved = save(data);
    expect(await saved.catch((error: unknown) => error)).to.have.property('code', 'SESSILE_SERIALIZE');
  });
});
