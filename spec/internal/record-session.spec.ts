import { expect } from 'chai';
import { RecordSession } from '../../lib/internal/record-session.js';
import type { RecordStore, SessionRecord } from '../../lib/internal/record-store.js';
import { failureOf } from '../support/folder.js';
import { unhandled } from '../support/process-events.js';
import { Gate } from '../support/visitor.js';

interface Fields {
  a?: number;
  b?: number;
}

describe('RecordSession', () => {
  let kept: Map<string, SessionRecord>;
  let calls: string[];
  let headersSent: boolean;

  beforeEach(() => {
    kept = new Map([['one', { data: { a: 1 } }]]);
    calls = [];
    headersSent = false;
  });

  const store: RecordStore = {
    get: (id) => kept.get(id),
    set: (id, data, expiresAt) => {
      calls.push(`set ${id}`);
      kept.set(id, { data, expiresAt });
    },
    delete: (id) => {
      calls.push(`delete ${id}`);
      kept.delete(id);
    },
    touch: (id, expiresAt) => void calls.push(`touch ${id} ${expiresAt}`),
  };

  const open = ({
    id,
    rolling = false,
    touches = true,
  }: {
    id?: string;
    rolling?: boolean;
    touches?: boolean;
  } = {}) => {
    const record = id === undefined ? undefined : kept.get(id);
    return new RecordSession<Fields>({
      store: touches ? store : { ...store, touch: undefined as never },
      found: id !== undefined && record ? { id, record } : undefined,
      rolling,
      deadline: () => 99,
      headersSent: () => headersSent,
    });
  };

  it('has nothing to save or tell where nothing was loaded or written', () => {
    const session = open();
    expect(session.tell()).to.equal(undefined);
    expect(session.commit()).to.equal(undefined);
    expect(calls).to.deep.equal([]);
  });

  it('touches what was only read, where the store can', async () => {
    await open({ id: 'one' }).commit();
    expect(calls).to.deep.equal(['touch one 99']);
    expect(open({ id: 'one', touches: false }).commit()).to.equal(undefined);
  });

  it('gives an id to data that were changed in place, when it is told or saved', async () => {
    const told = open();
    told.data.a = 1;
    expect(told.id).to.equal(undefined);
    expect(told.tell())
      .to.equal(told.id)
      .and.match(/^[\da-f]{48}$/);
    const saved = open();
    saved.data.a = 1;
    await saved.commit();
    expect(saved.tell()).to.equal(saved.id);
    expect(kept.get(saved.id ?? '')).to.deep.equal({ data: { a: 1 }, expiresAt: 99 });
  });

  it('writes what it was when it was committed', async () => {
    const session = open({ id: 'one' });
    session.set('b', 2);
    const saved = session.commit();
    expect(() => session.set('b', 3)).to.throw(TypeError);
    await saved;
    expect(kept.get('one')).to.deep.equal({ data: { a: 1, b: 2 }, expiresAt: 99 });
  });

  it('tells the browser of nothing that could not be saved', async () => {
    const session = open();
    session.data.a = 1n as unknown as number;
    expect(await failureOf(() => session.commit())).to.include({ code: 'SESSILE_SERIALIZE' });
    expect(session.tell()).to.equal(undefined);
  });

  it('saves an id that was told before the headers left, and refuses one that was not', async () => {
    const told = open();
    told.set('a', 1);
    const id = told.tell();
    headersSent = true;
    await told.commit();
    expect(kept.get(String(id))?.data).to.deep.equal({ a: 1 });
    headersSent = false;
    const untold = open({ id: 'one' });
    untold.regenerate();
    headersSent = true;
    expect(await failureOf(() => untold.commit())).to.include({ code: 'SESSILE_MISUSE' });
    expect(kept.get('one')).to.deep.equal({ data: { a: 1 } });
  });

  it('saves nothing once it is discarded, unless it is on its way', async () => {
    const session = open({ id: 'one' });
    session.set('a', 2);
    session.discard();
    expect([session.commit(), session.tell()]).to.deep.equal([undefined, undefined]);
    const late = open();
    late.set('a', 2);
    const saved = late.commit();
    late.discard();
    await saved;
    expect(late.tell()).to.equal(late.id);
    expect(calls).to.deep.equal([`set ${late.id}`]);
  });

  it('saves with rolling what was not changed, and tells its id', async () => {
    const session = open({ id: 'one', rolling: true });
    await session.commit();
    expect(session.tell()).to.equal('one');
    expect(calls).to.deep.equal(['set one']);
  });

  it('an end that nobody waits for, and that fails, rejects nothing but what the response waits for', async () => {
    const remove = store.delete;
    store.delete = () => Promise.reject(new Error('down'));
    try {
      const session = open({ id: 'one' });
      const loose = await unhandled(() => {
        void session.destroy();
        void session.destroy();
      });
      expect(loose).to.deep.equal([]);
      expect(await failureOf(() => session.commit())).to.include({ message: 'down' });
    } finally {
      store.delete = remove;
    }
  });

  it('has no id after its end, whatever is done to it', async () => {
    const session = open({ id: 'one' });
    await session.destroy();
    session.regenerate();
    session.set('a', 2);
    session.clear();
    expect(session).to.include({ id: undefined, destroyed: true, isNew: false });
    await session.commit();
    expect([session.tell(), kept.size]).to.deep.equal([null, 0]);
  });

  it('an end is not undone by a save of another request that is between its look and its write', async () => {
    const looked = new Gate(1);
    const slow: RecordStore = {
      ...store,
      get: async (id) => {
        const record = kept.get(id);
        await looked.pass();
        return record;
      },
    };
    const found = { id: 'one', record: { data: { a: 1 } } };
    const parts = { store: slow, found, rolling: false, deadline: () => 99, headersSent: () => false };
    const [saving, ending] = [new RecordSession<Fields>(parts), new RecordSession<Fields>(parts)];
    saving.set('b', 2);
    const saved = saving.commit();
    const ended = ending.destroy();
    looked.open();
    await Promise.all([saved, ended]);
    expect([...kept.keys()]).to.deep.equal([]);
  });

  it('writes nothing, and tells nothing, where the session was ended meanwhile', async () => {
    for (const change of [
      (session: RecordSession<Fields>) => session.set('b', 1),
      (one: RecordSession<Fields>) => one.regenerate(),
    ]) {
      kept.set('one', { data: { a: 1 } });
      const session = open({ id: 'one' });
      kept.delete('one');
      change(session);
      await session.commit();
      expect(session.tell()).to.equal(undefined);
      expect([...kept.keys()]).to.deep.equal([]);
    }
  });
});
