import { setImmediate as nextTurn } from 'node:timers/promises';
import { inspect, isDeepStrictEqual } from 'node:util';
import type { Session, SessionData, Store } from 'express-session';
import type { SessionStore, StoreOptions } from '../../lib/store.js';
import { mount } from '../support/real-session.js';
import { type LoadedSession, ModelStore } from './model.js';
import type { Change, Command, CookieShape, IdAct, Overlapping, RequestAct, Script, Values } from './shapes.js';
import { TTL } from './shapes.js';

export interface Subject {
  readonly store: SessionStore;
  /** After the store was closed. */
  readonly dispose?: () => unknown;
}

/** Makes a new, empty store with the given options among its own. */
export type Factory = (options: StoreOptions) => Subject;

/** Plays a script on a store and on the model, and throws at the first difference. */
export async function play(script: Script, factory: Factory): Promise<void> {
  const model = new ModelStore();
  const { store, dispose } = factory({ now: () => model.now, ttl: TTL, pruneInterval: 0 });
  try {
    mount(store);
    const player = new Player(store, model, script.ids);
    for (const command of script.commands) await player.perform(command);
    await player.checkEverything();
  } finally {
    await store.closeAsync();
    await dispose?.();
  }
}

const refusal = new Error('the change threw this');

class Player {
  readonly #store: SessionStore;
  readonly #model: ModelStore;
  readonly #ids: readonly string[];
  readonly #slots = new Map<number, LoadedSession>();

  constructor(store: SessionStore, model: ModelStore, ids: readonly string[]) {
    this.#store = store;
    this.#model = model;
    this.#ids = ids;
  }

  async perform(command: Command): Promise<void> {
    switch (command.act) {
      case 'advance':
        this.#model.now += command.by;
        return;
      case 'together':
        return this.#together(command.acts);
      case 'prune':
        return same('prune', await this.#store.pruneAsync(), this.#model.prune());
      case 'clear':
        this.#model.clear();
        return this.#store.clearAsync();
      case 'length':
        return same('length', await this.#store.lengthAsync(), this.#model.ids().length);
      case 'ids':
        return same('ids', (await this.#store.idsAsync()).sort(), this.#model.ids().sort());
      case 'all':
        return same('all', await this.#store.allAsync(), this.#model.all());
      case 'entries':
        return same('entries', await this.#collected(), this.#model.all());
      case 'load':
      case 'edit':
      case 'save':
      case 'extend':
        return this.#request(command);
      default:
        return this.#one(command);
    }
  }

  async checkEverything(): Promise<void> {
    for (const id of this.#ids) same('get at the end', await this.#store.getAsync(id), this.#model.get(id));
    for (const act of ['length', 'ids', 'all', 'entries', 'prune', 'length'] as const) await this.perform({ act });
  }

  /**
   * Of two calls for one id the later sees what the earlier did, so every answer is that of the same acts one by one.
   * What a prune among them removes is anybody's guess; that it removes nothing that lives is not.
   */
  async #together(acts: readonly Overlapping[]): Promise<void> {
    const checks: Promise<void>[] = [];
    for (const act of acts) {
      if (act.act === 'pause') await pause(act.turns);
      else if (act.act === 'prune') checks.push(this.#store.pruneAsync().then(() => {}));
      else checks.push(this.#one(act));
      checks.at(-1)?.catch(() => {});
    }
    const outcomes = await Promise.allSettled(checks);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    await this.#store.pruneAsync();
    this.#model.prune();
  }

  /** Calls the store and the model at once, and compares their answers when the store's is there. */
  async #one(act: IdAct): Promise<void> {
    const id = this.#ids[act.which % this.#ids.length] as string;
    const [answer, expected] = this.#call(act, id);
    const found = await answer;
    same(act.act, found, expected);
    if (typeof found === 'object' && found !== null && found !== refusal) spoil(found);
  }

  /** What is passed to the store is spoilt at once: it counts as it was at the moment of the call. */
  #call(act: IdAct, id: string): [Promise<unknown>, unknown] {
    switch (act.act) {
      case 'get':
        return [this.#store.getAsync(id), this.#model.get(id)];
      case 'destroy':
        return [this.#store.destroyAsync(id), this.#model.destroy(id)];
      case 'set': {
        const session = this.#session(act.session.cookie, act.session.data);
        const answer = this.#store.setAsync(id, session);
        spoil(session);
        return [answer, this.#model.set(id, act.session)];
      }
      case 'touch': {
        const session = this.#session(act.cookie, { touched: 'is not written' });
        const answer = this.#store.touchAsync(id, session);
        spoil(session);
        return [answer, this.#model.touch(id, act.cookie)];
      }
      case 'update':
        return this.#update(act.change, id);
    }
  }

  #update(change: Change, id: string): [Promise<unknown>, unknown] {
    const before = this.#model.get(id);
    const answer = this.#store.updateAsync(id, (session) => {
      same('what a change is given', session, before);
      return changes[change](session as Values | undefined, this.#model.now) as SessionData | undefined;
    });
    if (change === 'throw') {
      const refused = answer.then(
        () => 'success',
        (error: unknown) => error,
      );
      return [refused, refusal];
    }
    return [answer, this.#model.update(id, changes[change](this.#model.get(id), this.#model.now))];
  }

  async #request(command: RequestAct): Promise<void> {
    if (command.act === 'load') return this.#load(command.slot, this.#ids[command.which % this.#ids.length] as string);
    const loaded = this.#slots.get(command.slot);
    if (loaded === undefined) return;
    const { id, session } = loaded;
    switch (command.act) {
      case 'edit':
        if (command.value === undefined) delete session[command.key];
        else session[command.key] = command.value;
        return;
      case 'save':
        this.#model.save(loaded);
        return this.#store.setAsync(id, session);
      case 'extend':
        if (session.cookie.expires) setDate(session, this.#model.now + command.lasts);
        this.#model.extend(loaded);
        return this.#store.touchAsync(id, session);
    }
  }

  async #load(slot: number, id: string): Promise<void> {
    this.#slots.delete(slot);
    const data = await this.#store.getAsync(id);
    same('what a request loads', data, this.#model.get(id));
    if (data?.cookie === undefined) return;
    const req = { sessionID: id, sessionStore: this.#store } as unknown as Parameters<Store['createSession']>[0];
    const session = this.#store.createSession(req, data) as Session & Values;
    const loaded = this.#model.load(id, session);
    if (loaded !== undefined) this.#slots.set(slot, loaded);
  }

  #session(cookie: CookieShape, data: Values): SessionData {
    const copy = structuredEntries(data);
    if (cookie === undefined) return copy as unknown as SessionData;
    const { lasts, ...fields } = cookie;
    if (lasts === 'unsaid') return { ...copy, cookie: fields } as unknown as SessionData;
    const expires = lasts === 'browser' ? null : new Date(this.#model.now + lasts);
    const { originalMaxAge, ...others } = fields;
    const inOrder = originalMaxAge === undefined ? { expires, ...others } : { originalMaxAge, expires, ...others };
    return { ...copy, cookie: inOrder } as unknown as SessionData;
  }

  async #collected(): Promise<Values> {
    const found = Object.create(null) as Values;
    for await (const [id, session] of this.#store.entries()) {
      same(`${id} comes a second time`, Object.hasOwn(found, id), false);
      found[id] = session;
    }
    return found;
  }
}

const changes: Record<Change, (session: Values | undefined, now: number) => Values | undefined> = {
  count: (session) => ({ ...session, count: (typeof session?.['count'] === 'number' ? session['count'] : 0) + 1 }),
  same: (session) => session,
  rewrite: (session) => Object.assign(session ?? {}, { k0: 'rewritten', k1: undefined }),
  remove: () => undefined,
  end: (session, now) => ({ ...session, cookie: { originalMaxAge: 1, expires: new Date(now) } }),
  throw: () => {
    throw refusal;
  },
};

/** express-session's setter would change `originalMaxAge` by the real clock. */
function setDate({ cookie }: Session, at: number): void {
  const { originalMaxAge } = cookie;
  cookie.expires = new Date(at);
  cookie.originalMaxAge = originalMaxAge;
}

/** No turn: what waits for a promise that is settled goes on. */
async function pause(turns: number): Promise<void> {
  await undefined;
  for (let i = 0; i < turns; i += 1) await nextTurn();
}

function spoil(session: object): void {
  Object.assign(session, { spoilt: true, k0: 'spoilt', k1: 'spoilt' });
  const { cookie } = session as { cookie?: object };
  if (cookie) Object.assign(cookie, { expires: null, path: '/spoilt' });
}

function structuredEntries(data: Values): Values {
  return { ...(JSON.parse(JSON.stringify(data)) as Values) };
}

function same(what: string, found: unknown, expected: unknown): void {
  if (isDeepStrictEqual(found ?? undefined, expected)) return;
  throw new Error(`${what}: expected ${inspect(expected, { depth: 6 })}, found ${inspect(found, { depth: 6 })}`);
}
