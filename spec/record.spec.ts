import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import session from 'express-session';
import { Codec, type Serializer } from '../lib/record.js';

const DEADLINE = 1_900_000_000_000;
const codec = new Codec('Spec');

/** What an entry of `given` decodes to, at {@link DEADLINE}. */
function roundTrip(given: object, by = codec): Record<string, unknown> {
  const { data, cookie } = by.encode(given);
  return by.decode({ data, cookie, expires: DEADLINE });
}

function codeOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return expect.fail('nothing was thrown');
}

describe('Codec.encode', () => {
  it('parts the data from the cookie', () => {
    const { data, cookie, date } = codec.encode({ user: 1, cookie: { path: '/' }, deep: { cookie: 2 } });
    expect(data).to.equal('{"user":1,"deep":{"cookie":2}}');
    expect(cookie).to.equal('{"path":"/"}');
    expect(date).to.equal(undefined);
  });

  it('takes its snapshot at the moment of the call', () => {
    const given = { list: [1] };
    const { data } = codec.encode(given);
    given.list.push(2);
    expect(data).to.equal('{"list":[1]}');
  });

  const at = Date.parse('2030-01-02T03:04:05.678Z');
  for (const [kind, expires] of [
    ['a Date', new Date(at)],
    ['an ISO string', new Date(at).toISOString()],
    ['a number', at],
  ] as const) {
    it(`moves ${kind} in cookie.expires into the deadline`, () => {
      const given = codec.encode({ cookie: { expires, path: '/' } });
      expect(given.date).to.equal(at);
      expect(given.cookie).to.equal('{"expires":"deadline","path":"/"}');
      expect(codec.encode({ cookie: { expires: new Date(at + 1), path: '/' } }).cookie).to.equal(given.cookie);
    });
  }

  for (const expires of [null, false, undefined, new Date(Number.NaN), 'never', 'deadline', Number.NaN, {}]) {
    it(`takes cookie.expires ${typeof expires} ${String(expires)} for a browser session`, () => {
      const { cookie, date } = codec.encode({ cookie: { expires } });
      expect(date).to.equal(undefined);
      expect(cookie).to.equal('{"expires":null}');
    });
  }

  it('keeps a cookie without expires without it', () => {
    expect(codec.encode({ cookie: { originalMaxAge: 5 } })).to.include({
      cookie: '{"originalMaxAge":5}',
      date: undefined,
    });
  });

  it('reads an express-session Cookie as its toJSON shows it', () => {
    const cookie = new (session as unknown as { Cookie: new (options: object) => session.Cookie }).Cookie({
      maxAge: 5_000,
    });
    const given = codec.encode({ cookie });
    expect(JSON.parse(given.cookie)).to.deep.equal({
      originalMaxAge: cookie.originalMaxAge,
      expires: 'deadline',
      httpOnly: true,
      path: '/',
    });
    expect(given.date).to.equal(cookie.expires?.getTime());
  });

  it('has an empty text for no cookie', () => {
    for (const given of [{}, { cookie: undefined }, { cookie: () => {} }]) {
      expect(codec.encode(given)).to.deep.equal({ data: '{}', cookie: '', date: undefined });
    }
  });

  it('asks toJSON of a session, wherever it comes from', () => {
    class Kept {
      hidden = 1;
      toJSON() {
        return { shown: 2, cookie: { path: '/x' } };
      }
    }
    expect(codec.encode(new Kept())).to.include({ data: '{"shown":2}', cookie: '{"path":"/x"}' });
    expect(codec.encode({ toJSON: () => ({ own: true }) }).data).to.equal('{"own":true}');
    expect(codec.encode({ toJSON: 'no function' }).data).to.equal('{"toJSON":"no function"}');
  });

  it('takes what JSON takes of class instances and of values', () => {
    class Basket {
      items = [1];
      get total() {
        return 1;
      }
    }
    const given = {
      basket: new Basket(),
      at: new Date(0),
      none: undefined,
      run() {},
      not: Number.NaN,
      map: new Map([[1, 2]]),
    };
    expect(JSON.parse(codec.encode(given).data)).to.deep.equal({
      basket: { items: [1] },
      at: '1970-01-01T00:00:00.000Z',
      not: null,
      map: {},
    });
  });

  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  const unwritable: Record<string, object> = {
    'a cycle': cycle,
    'a BigInt': { n: 1n },
    'a BigInt in the cookie': { cookie: { n: 1n } },
    'a BigInt for a cookie': { cookie: 1n },
    'a getter that throws': {
      get user() {
        throw new Error('no');
      },
    },
    'a toJSON that answers no object': { toJSON: () => 'text' },
    'a cookie whose toJSON answers no object': { cookie: { toJSON: () => null } },
  };
  for (const [kind, given] of Object.entries(unwritable)) {
    it(`cannot write ${kind}`, () => {
      expect(codeOf(() => codec.encode(given))).to.equal('SESSILE_SERIALIZE');
    });
  }

  it('names the cause, and shows nothing of the session in its message', () => {
    const error = (() => {
      try {
        return codec.encode({ secret: 1n });
      } catch (e) {
        return e as Error;
      }
    })() as Error;
    expect(error.cause).to.be.instanceOf(TypeError);
    expect(error.message).not.to.contain('secret');
  });

  for (const wrong of [undefined, null, 'text', 5, [], () => {}]) {
    it(`calls it misuse to store ${Array.isArray(wrong) ? 'an array' : typeof wrong} ${String(wrong)}`, () => {
      expect(codeOf(() => codec.encode(wrong as never))).to.equal('SESSILE_MISUSE');
      expect(codeOf(() => codec.encodeCookie(wrong as never))).to.equal('SESSILE_MISUSE');
    });
  }
});

describe('Codec.encodeCookie', () => {
  it('is the cookie of encode, without writing the data', () => {
    const given = { cookie: { expires: 5, path: '/' }, unwritable: 1n };
    expect(codec.encodeCookie(given)).to.deep.equal({ cookie: '{"expires":"deadline","path":"/"}', date: 5 });
    expect(codec.encodeCookie({})).to.deep.equal({ cookie: '', date: undefined });
  });

  it('cannot write what is no JSON', () => {
    expect(codeOf(() => codec.encodeCookie({ cookie: { n: 1n } }))).to.equal('SESSILE_SERIALIZE');
  });
});

describe('Codec.decode', () => {
  it('lays the deadline over a cookie that has a date', () => {
    const decoded = roundTrip({ user: 1, cookie: { expires: new Date(0), originalMaxAge: 7 } });
    expect(decoded).to.deep.equal({ user: 1, cookie: { expires: new Date(DEADLINE), originalMaxAge: 7 } });
  });

  it('leaves a browser-session cookie without a date', () => {
    expect(roundTrip({ cookie: { expires: null } })).to.deep.equal({ cookie: { expires: null } });
    expect(roundTrip({ cookie: { path: '/' } })).to.deep.equal({ cookie: { path: '/' } });
  });

  it('synthesises no cookie', () => {
    expect(roundTrip({ user: 1 })).to.deep.equal({ user: 1 });
  });

  for (const cookie of ['text', 'deadline', 5, null, true]) {
    it(`gives back ${typeof cookie} ${String(cookie)} that stood for a cookie`, () => {
      expect(roundTrip({ cookie })).to.deep.equal({ cookie });
    });
  }

  it('hands out a fresh copy each time', () => {
    const entry = { ...codec.encode({ list: [1] }), expires: DEADLINE };
    (codec.decode(entry)['list'] as number[]).push(2);
    expect(codec.decode(entry)).to.deep.equal({ list: [1] });
  });

  it('keeps keys that objects inherit as keys of their own', () => {
    const given = JSON.parse('{"__proto__":{"admin":true},"constructor":1,"toString":2,"hasOwnProperty":3}') as object;
    const decoded = roundTrip(given);
    expect(Object.keys(decoded)).to.deep.equal(['__proto__', 'constructor', 'toString', 'hasOwnProperty']);
    expect(Object.getPrototypeOf(decoded)).to.equal(Object.prototype);
    expect((decoded as { admin?: unknown }).admin).to.equal(undefined);
  });

  const corrupt: Record<string, { data: string; cookie: string }> = {
    'broken data': { data: '{"user":', cookie: '' },
    'empty data': { data: '', cookie: '' },
    'data that is null': { data: 'null', cookie: '' },
    'data that is an array': { data: '[]', cookie: '' },
    'data that is a text': { data: '"text"', cookie: '' },
    'a broken cookie': { data: '{}', cookie: '{"path"' },
  };
  for (const [kind, entry] of Object.entries(corrupt)) {
    it(`calls ${kind} corrupt`, () => {
      expect(codeOf(() => codec.decode({ ...entry, expires: DEADLINE }))).to.equal('SESSILE_CORRUPT');
    });
  }

  it('calls broken data corrupt where only the data is asked for', () => {
    expect(codec.decodeData('{"user":1}')).to.deep.equal({ user: 1 });
    expect(codeOf(() => codec.decodeData('{'))).to.equal('SESSILE_CORRUPT');
  });
});

describe('Codec with a serializer', () => {
  const key = randomBytes(32);
  const sealing: Serializer = {
    stringify(data) {
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, iv);
      const text = Buffer.concat([cipher.update(JSON.stringify(data)), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), text]).toString('base64');
    },
    parse(text) {
      const whole = Buffer.from(text, 'base64');
      const decipher = createDecipheriv('aes-256-gcm', key, whole.subarray(0, 12));
      decipher.setAuthTag(whole.subarray(12, 28));
      return JSON.parse(`${decipher.update(whole.subarray(28))}${decipher.final()}`) as object;
    },
  };
  const sealed = new Codec('Spec', sealing);

  it('keeps its text as a JSON string, and the cookie legible', () => {
    const { data, cookie } = sealed.encode({ secret: 'word', cookie: { path: '/' } });
    expect(JSON.parse(data)).to.be.a('string');
    expect(data).not.to.contain('"word"');
    expect(cookie).to.equal('{"path":"/"}');
    expect(roundTrip({ secret: 'word', cookie: { path: '/' } }, sealed)).to.deep.equal({
      secret: 'word',
      cookie: { path: '/' },
    });
  });

  it('is given the data without the cookie', () => {
    const given: object[] = [];
    const by = new Codec('Spec', { stringify: (data) => `${given.push(data)}`, parse: () => ({}) });
    const at = new Date(0);
    by.encode({ at, cookie: {} });
    expect(given).to.deep.equal([{ at }]);
  });

  it('gives sessions that were stored as plain JSON to parse as they are', () => {
    const by = new Codec('Spec', { stringify: JSON.stringify, parse: (text) => JSON.parse(text) as object });
    expect(by.decode({ data: '{"user":1}', cookie: '', expires: DEADLINE })).to.deep.equal({ user: 1 });
  });

  it('calls it corrupt when parse throws, or answers no object', () => {
    const by = (parse: () => unknown) => new Codec('Spec', { stringify: () => '', parse: parse as () => object });
    const entry = { data: '""', cookie: '', expires: DEADLINE };
    const broken = by(() => {
      throw new Error('wrong key');
    });
    for (const codec of [broken, by(() => null), by(() => 'text'), by(() => [])]) {
      expect(codeOf(() => codec.decode(entry))).to.equal('SESSILE_CORRUPT');
    }
  });

  it('cannot write when stringify throws, or answers no text', () => {
    const by = (stringify: () => unknown) =>
      new Codec('Spec', { stringify: stringify as () => string, parse: () => ({}) });
    const broken = by(() => {
      throw new Error('no key');
    });
    for (const codec of [broken, by(() => undefined), by(() => Buffer.from('x')), by(() => Promise.resolve('x'))]) {
      expect(codeOf(() => codec.encode({}))).to.equal('SESSILE_SERIALIZE');
    }
  });

  for (const wrong of [null, 'json', () => {}, {}, { stringify: () => '' }, { parse: () => ({}) }]) {
    it(`refuses ${wrong === null ? 'null' : `${typeof wrong} with ${Object.keys(wrong)}`}`, () => {
      expect(() => new Codec('Spec', wrong as never)).to.throw(TypeError, /^Spec: serializer/);
    });
  }
});
