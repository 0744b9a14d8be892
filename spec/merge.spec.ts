import { deserialize, serialize } from 'node:v8';
import { expect } from 'chai';
import type { Entry } from '../lib/backend.js';
import { type Baseline, Baselines, checkConcurrency, isUntouched, mergeSave, withoutTick } from '../lib/merge.js';
import { Codec } from '../lib/record.js';

const codec = new Codec('Spec');

function entry(data: object | string, cookie: object | string = '', expires = 1_000): Entry {
  const text = (value: object | string) => (typeof value === 'string' ? value : JSON.stringify(value));
  return { data: text(data), cookie: text(cookie), expires };
}

function baseline(from: Entry, hidden: string[] = []): Baseline {
  return { sid: 'a', ...from, hidden };
}

describe('mergeSave', () => {
  /** One key: base theirs ours -> what is stored; `-` is no such key. */
  const table = `
    - - - -   - - a a   - - b b   - - c c
    - a - a   - a a a   - a b b   - a c c
    - b - b   - b a a   - b b b   - b c c
    a - - -   a - a -   a - b b   a - c c
    a a - -   a a a a   a a b b   a a c c
    a b - -   a b a b   a b b b   a b c c`;
  const cases = table.trim().split(/\s{2,}/);

  it('is specified for every combination', () => {
    expect(new Set(cases.map((row) => row.slice(0, 5))).size).to.equal(24);
  });

  for (const row of cases) {
    const [was, is, wanted, result] = row.split(' ') as [string, string, string, string];
    for (const key of ['key', '__proto__', 'constructor', 'toString']) {
      const fields = (value: string) =>
        `{"other":1${value === '-' ? '' : `,${JSON.stringify(key)}:{"is":"${value}"}`}}`;
      it(`stores ${result} under ${key} where it was ${was}, is ${is} and is wanted ${wanted}`, () => {
        const merged = mergeSave(baseline(entry(fields(was))), entry(fields(is)), entry(fields(wanted)), codec);
        const stored = codec.decodeData(merged.data);
        expect(Object.keys(stored)).to.have.members(result === '-' ? ['other'] : ['other', key]);
        const kept = Object.getOwnPropertyDescriptor(stored, key)?.value as unknown;
        expect(kept).to.deep.equal(result === '-' ? undefined : { is: result });
      });
    }
  }

  it('keeps what both requests did to different keys', () => {
    const base = entry({ kept: 1, mine: 1, theirs: 1, gone: 1, lost: 1 });
    const theirs = entry({ kept: 1, mine: 1, theirs: 2, lost: 1, added: 'theirs' });
    const ours = entry({ kept: 1, mine: 2, theirs: 1, gone: 1, own: 'ours' });
    const merged = codec.decodeData(mergeSave(baseline(base), theirs, ours, codec).data);
    expect(merged).to.deep.equal({ kept: 1, mine: 2, theirs: 2, added: 'theirs', own: 'ours' });
  });

  it('goes by top-level key and by value, not by the order of keys', () => {
    const merged = mergeSave(
      baseline(entry({ cart: { a: 1, b: 2 } })),
      entry({ cart: { a: 5, b: 6 } }),
      entry({ cart: { b: 2, a: 1 } }),
      codec,
    );
    expect(codec.decodeData(merged.data)).to.deep.equal({ cart: { a: 5, b: 6 } });
  });

  it('writes our text as it is where nobody else wrote', () => {
    const data = '{"b":1,"a":2}';
    expect(mergeSave(baseline(entry('{"a":1}')), entry('{"a":1}'), entry(data), codec).data).to.equal(data);
  });

  it('compares what a serializer reads, not the texts that it writes', () => {
    let salt = 0;
    const salted = new Codec('Spec', {
      stringify: (data) => `${++salt}:${JSON.stringify(data)}`,
      parse: (text) => JSON.parse(text.slice(text.indexOf(':') + 1)) as object,
    });
    const sealed = (data: object): Entry => ({ ...salted.encode(data), expires: 1_000 });
    const merged = mergeSave(baseline(sealed({ a: 1, b: 1 })), sealed({ a: 2, b: 1 }), sealed({ a: 1, b: 2 }), salted);
    expect(salted.decodeData(merged.data)).to.deep.equal({ a: 2, b: 2 });
    expect(JSON.parse(merged.data)).to.be.a('string');
  });

  it('tells a key without a value from no key, where a serializer does', () => {
    const exact = new Codec('Spec', {
      stringify: (data) => serialize(data).toString('base64'),
      parse: (text) => deserialize(Buffer.from(text, 'base64')) as object,
    });
    const kept = (data: object): Entry => ({ ...exact.encode(data), expires: 1_000 });
    const none = { gone: undefined };
    const merged = mergeSave(baseline(kept(none)), kept({ ...none, theirs: 1 }), kept({ own: undefined }), exact);
    expect(Object.entries(exact.decodeData(merged.data))).to.deep.equal([
      ['theirs', 1],
      ['own', undefined],
    ]);
  });

  describe('with keys that the framework hid from the request', () => {
    const stored = entry('{"toString":"kept","user":1}');
    const base = baseline(stored, ['toString']);

    it('keeps them, whoever else wrote', () => {
      const merged = (theirs: Entry) => codec.decodeData(mergeSave(base, theirs, entry({ user: 2 }), codec).data);
      expect(merged(stored)).to.deep.equal({ toString: 'kept', user: 2 });
      expect(merged(entry('{"toString":"changed","user":1}'))).to.deep.equal({ toString: 'changed', user: 2 });
      expect(merged(entry('{"user":1}'))).to.deep.equal({ user: 2 });
    });

    it('stores what the request puts there nevertheless', () => {
      const merged = mergeSave(base, stored, entry('{"toString":"own","user":1}'), codec);
      expect(codec.decodeData(merged.data)).to.deep.equal({ toString: 'own', user: 1 });
    });
  });

  it('calls what is stored corrupt where it cannot be read', () => {
    const base = baseline(entry('{}', '{"path":"/"}'));
    const ours = entry('{"a":1}', '{"path":"/x"}');
    for (const theirs of [entry('{"a":', '{"path":"/"}'), entry('{}', '{"path":')]) {
      expect(() => mergeSave(base, theirs, ours, codec))
        .to.throw()
        .with.property('code', 'SESSILE_CORRUPT');
    }
  });
});

describe('mergeSave of the cookie and the deadline', () => {
  const HOUR = 3_600_000;
  const hour = { originalMaxAge: HOUR, expires: 'deadline', path: '/' };
  const month = { originalMaxAge: 720 * HOUR, expires: 'deadline', path: '/' };
  const minute = { originalMaxAge: 60_000, expires: 'deadline', path: '/' };
  const browser = { originalMaxAge: null, expires: null, path: '/' };

  function merged(was: [object | string, number], is: [object | string, number], wanted: [object | string, number]) {
    const [base, theirs, ours] = [was, is, wanted].map(([cookie, at]) => entry('{}', cookie, at)) as [
      Entry,
      Entry,
      Entry,
    ];
    const { cookie, expires } = mergeSave(baseline(base), theirs, ours, codec);
    return [cookie === '' ? '' : (JSON.parse(cookie) as unknown), expires];
  }

  it('takes the later of two deadlines where nobody changed the cookie', () => {
    expect(merged([hour, 1], [hour, 5], [hour, 3])).to.deep.equal([hour, 5]);
    expect(merged([hour, 1], [hour, 3], [hour, 5])).to.deep.equal([hour, 5]);
  });

  it('takes the deadline from who alone moved it, to an earlier moment too', () => {
    expect(merged([hour, 10], [hour, 10], [hour, 3])).to.deep.equal([hour, 3]);
    expect(merged([hour, 10], [hour, 3], [hour, 10])).to.deep.equal([hour, 3]);
  });

  it('takes the cookie and the deadline of who changed it', () => {
    expect(merged([hour, 10], [month, 50], [hour, 20])).to.deep.equal([month, 50]);
    expect(merged([hour, 10], [minute, 5], [hour, 20])).to.deep.equal([minute, 5]);
    expect(merged([hour, 10], [hour, 20], [month, 50])).to.deep.equal([month, 50]);
    expect(merged([hour, 10], [hour, 20], [minute, 5])).to.deep.equal([minute, 5]);
  });

  it('takes ours where both changed it', () => {
    expect(merged([hour, 10], [month, 50], [minute, 5])).to.deep.equal([minute, 5]);
    expect(merged([hour, 10], [minute, 5], [browser, 24])).to.deep.equal([browser, 24]);
  });

  it('merges by attribute', () => {
    const [cookie] = merged([hour, 1], [{ ...hour, secure: true }, 1], [{ ...hour, sameSite: 'lax' }, 1]);
    expect(cookie).to.deep.equal({ ...hour, secure: true, sameSite: 'lax' });
  });

  it('takes the deadline from who changed the lifetime, whoever changed other attributes', () => {
    const secure = (cookie: object) => ({ ...cookie, secure: true });
    expect(merged([hour, 10], [month, 50], [secure(hour), 20])).to.deep.equal([secure(month), 50]);
    expect(merged([browser, 24], [month, 50], [secure(browser), 25])).to.deep.equal([secure(month), 50]);
    expect(merged([hour, 10], [secure(hour), 20], [minute, 5])).to.deep.equal([secure(minute), 5]);
    expect(merged([hour, 10], [secure(hour), 30], [hour, 20])).to.deep.equal([secure(hour), 30]);
    expect(merged([hour, 10], [secure(hour), 20], [hour, 30])).to.deep.equal([secure(hour), 30]);
  });

  it('takes cookies whole that are none to merge', () => {
    expect(merged(['', 1], ['', 2], ['', 3])).to.deep.equal(['', 3]);
    expect(merged(['', 1], [hour, 2], ['', 3])).to.deep.equal([hour, 2]);
    expect(merged(['', 1], [month, 2], [hour, 3])).to.deep.equal([hour, 3]);
    expect(merged([hour, 1], ['', 2], [month, 3])).to.deep.equal([month, 3]);
    expect(merged([hour, 1], [month, 2], ['', 3])).to.deep.equal(['', 3]);
    expect(merged(['"text"', 1], [month, 2], [hour, 3])).to.deep.equal([hour, 3]);
    expect(merged([hour, 1], ['null', 2], [month, 3])).to.deep.equal([month, 3]);
    expect(merged([hour, 1], [month, 2], ['[]', 3])).to.deep.equal([[], 3]);
  });
});

describe('withoutTick', () => {
  const text = (originalMaxAge: number | null, more: object = {}) =>
    JSON.stringify({ originalMaxAge, expires: 'deadline', ...more });

  it('takes a cookie that lost up to 100 ms to the clock for the one that was given', () => {
    for (const lost of [1, 100]) expect(withoutTick(text(5_000), text(5_000 - lost))).to.equal(text(5_000));
  });

  it('gives what was lost back to a cookie of which the request changed another attribute', () => {
    expect(withoutTick(text(5_000), text(4_999, { secure: true }))).to.equal(text(5_000, { secure: true }));
  });

  it('leaves a cookie that changed in any other way', () => {
    const base = text(5_000);
    const changed = [text(4_899), text(5_001), text(4_999, { expires: null }), text(null), '', '"text"', 'null', base];
    for (const ours of changed) expect(withoutTick(base, ours)).to.equal(ours);
    for (const none of ['', '"text"']) expect(withoutTick(none, text(4_999))).to.equal(text(4_999));
  });
});

describe('isUntouched', () => {
  const base = entry({ a: 1 }, { path: '/' });

  it('sees what was written, and no touch', () => {
    expect(isUntouched(baseline(base), { ...base, expires: 5 })).to.equal(true);
    expect(isUntouched(baseline(base), { ...base, data: '{}' })).to.equal(false);
    expect(isUntouched(baseline(base), { ...base, cookie: '{}' })).to.equal(false);
  });
});

describe('Baselines', () => {
  class Session {
    [key: string]: unknown;
  }
  const stored = entry({ user: 1 });

  it('ties what was given out to the session object that a framework made of it', () => {
    const baselines = new Baselines();
    const data = { user: 1 };
    const session = Object.assign(new Session(), data);
    baselines.give(data, 'a', stored);
    expect(baselines.of('a', data)).to.equal(undefined);
    baselines.take(data, session);
    expect(baselines.of('a', session)).to.deep.equal(baseline(stored));
    expect(baselines.of('b', session)).to.equal(undefined);
  });

  it('is carried on to one plain object after the other, where what is missing was deleted', () => {
    const baselines = new Baselines();
    const [data, first, second] = [{ user: 1 }, {}, {}];
    baselines.give(data, 'a', stored);
    baselines.take(data, first);
    expect(baselines.of('a', first)).to.deep.equal(baseline(stored));
    baselines.renew(first, 'a', entry({ user: 2 }));
    baselines.take(first, second);
    expect(baselines.of('a', second)).to.deep.equal(baseline(entry({ user: 2 })));
  });

  it('knows nothing of what it did not give out', () => {
    const baselines = new Baselines();
    const session = new Session();
    baselines.take({ user: 1 }, session);
    expect(baselines.of('a', session)).to.equal(undefined);
  });

  it('remembers which keys did not get into the session object as data', () => {
    const baselines = new Baselines();
    const data = JSON.parse('{"user":1,"toString":2,"id":3,"__proto__":4}') as object;
    const session = Object.assign(new Session(), { user: 1 });
    Object.defineProperty(session, 'id', { value: 'a' });
    baselines.give(data, 'a', stored);
    baselines.take(data, session);
    expect(baselines.of('a', session)?.hidden).to.have.members(['toString', 'id', '__proto__']);
  });

  it('starts anew from what a saved session object had', () => {
    const baselines = new Baselines();
    const session = new Session();
    baselines.renew(session, 'a', stored);
    expect(baselines.of('a', session)).to.deep.equal(baseline(stored));
    baselines.renew(session, 'a', entry({ user: 2 }));
    expect(baselines.of('a', session)).to.deep.equal(baseline(entry({ user: 2 })));
  });

  it('forgets a key as hidden once the session object has it', () => {
    const baselines = new Baselines();
    const data = JSON.parse('{"toString":1,"valueOf":2}') as object;
    const session = new Session();
    baselines.give(data, 'a', stored);
    baselines.take(data, session);
    session['toString'] = 'own';
    baselines.renew(session, 'a', stored);
    expect(baselines.of('a', session)?.hidden).to.deep.equal(['valueOf']);
  });

  it('ties no plain object', () => {
    const baselines = new Baselines();
    for (const plain of [{}, Object.create(null) as object]) {
      baselines.renew(plain, 'a', stored);
      expect(baselines.of('a', plain)).to.equal(undefined);
    }
  });
});

describe('checkConcurrency', () => {
  it('answers what it knows', () => {
    const rule = () => ({});
    for (const value of ['merge', 'overwrite', rule] as const) expect(checkConcurrency('Spec', value)).to.equal(value);
  });

  it('refuses anything else', () => {
    for (const wrong of ['Merge', true, null, {}]) {
      expect(() => checkConcurrency('Spec', wrong as never)).to.throw(TypeError, /^Spec: concurrency must be /);
    }
  });
});
