import { crc32 } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Entry } from '../../lib/backend.js';
import { SessileError } from '../../lib/errors.js';
import {
  formatEntry,
  formatStamp,
  HEAD_BYTES,
  NotAnEntry,
  nameOf,
  parseEntry,
  parseFront,
  parseHead,
  STAMP_AT,
} from '../../lib/internal/entry-text.js';
import { hostileIds, randomIds } from '../conformance/samples.js';

const entry: Entry = { data: '{"user":"Zoë 😀"}', cookie: '{"path":"/é"}', expires: 1_763_690_000_000 };

/** Any string at all, lone surrogates included. */
const anyString = fc.string({ unit: fc.integer({ min: 0, max: 0xff_ff }).map((unit) => String.fromCharCode(unit)) });
const anyEntry = fc.record({
  data: fc.json(),
  cookie: fc.oneof(
    fc.constant(''),
    fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()).map((c) => JSON.stringify(c)),
  ),
  expires: fc.integer({ min: 0, max: 8.64e15 }),
});

function parse(text: string | Buffer): unknown {
  const bytes = Buffer.from(text as string);
  return parseEntry(bytes, bytes.length);
}

/** What came of it: the value, or the error where it is one that the module promises. */
function outcome(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    if (error instanceof NotAnEntry || error instanceof SessileError) return error;
    throw error;
  }
}

/** The text as a later version of sessile might write it: another form behind the sum, and a sum that is right. */
function ofVersion(version: number, sid = 'a'): string {
  const rest = formatEntry(sid, entry).slice(HEAD_BYTES).replace('"version":1', `"version":${version}`);
  const sum = crc32(rest).toString(16).padStart(8, '0');
  return `{"expires":${formatStamp(entry.expires, sum)}","sum":"${sum}",${rest}`;
}

describe('entry-text', () => {
  describe('formatEntry', () => {
    it('writes this very text, which earlier versions wrote and later ones must read', () => {
      const text = [
        '{"expires":   1763690000000,"check":"416f14fe","sum":"61da5179",',
        '"version":1,"sizes":[8,13],"sid":"id\\"\\n","cookie":{"path":"/é"},"data":{"user":"Zoë 😀"}}\n',
      ].join('');
      expect(formatEntry('id"\n', entry)).to.equal(text);
      expect(parse(text)).to.deep.equal({ sid: 'id"\n', ...entry });
    });

    it('writes valid JSON on one line, the deadline first and at fixed width', () => {
      fc.assert(
        fc.property(anyString, anyEntry, (sid, some) => {
          const text = formatEntry(sid, some);
          const value = JSON.parse(text) as Record<string, unknown>;
          const keys = ['expires', 'check', 'sum', 'version', 'sizes', 'sid', 'cookie', 'data'];
          expect(Object.keys(value)).to.deep.equal(keys.filter((key) => key !== 'cookie' || some.cookie !== ''));
          expect(value['expires']).to.equal(some.expires);
          expect(value['sid']).to.equal(sid);
          expect(text.indexOf('"version"')).to.equal(HEAD_BYTES);
        }),
      );
      expect(formatEntry('\n', entry).indexOf('\n')).to.equal(formatEntry('\n', entry).length - 1);
    });

    it('is read back as it was, whatever the id, data and cookie', () => {
      fc.assert(
        fc.property(anyString, anyEntry, (sid, some) => {
          expect(parse(formatEntry(sid, some))).to.deep.equal({ sid, ...some });
        }),
        { numRuns: 500 },
      );
    });
  });

  describe('formatStamp', () => {
    it('has one width for every deadline, and in place of the former one makes the text of the new deadline', () => {
      fc.assert(
        fc.property(anyEntry, fc.integer({ min: 0, max: 8.64e15 }), (some, expires) => {
          const text = formatEntry('a', some);
          const { sum } = parseHead(Buffer.from(text), HEAD_BYTES);
          const stamp = formatStamp(expires, sum);
          const stamped = text.slice(0, STAMP_AT) + stamp + text.slice(STAMP_AT + stamp.length);
          expect(stamped).to.equal(formatEntry('a', { ...some, expires }));
        }),
      );
    });
  });

  describe('parseEntry', () => {
    it('takes no text for an entry that is cut off anywhere, or has more behind it', () => {
      const bytes = Buffer.from(formatEntry('a', entry));
      for (let length = 0; length < bytes.length; length += 1) {
        expect(() => parse(bytes.subarray(0, length)), `${length} bytes`).to.throw(NotAnEntry);
      }
      expect(() => parse(Buffer.concat([bytes, Buffer.of(0)]))).to.throw(NotAnEntry);
    });

    it('takes no text for an entry that has any bit flipped', () => {
      const bytes = Buffer.from(formatEntry('a', entry));
      for (let bit = 0; bit < 8 * bytes.length; bit += 1) {
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(() => parse(flipped), `bit ${bit}`).to.throw(NotAnEntry);
      }
    });

    it('says so where the sum is right and the form is another version’s', () => {
      for (const version of [0, 2, 10]) {
        expect(() => parse(ofVersion(version)))
          .to.throw(SessileError)
          .with.property('code', 'SESSILE_FORMAT');
      }
      expect(parse(ofVersion(1))).to.deep.equal({ sid: 'a', ...entry });
    });

    it('reads only the bytes that it is told are there', () => {
      const bytes = Buffer.from(`${formatEntry('a', entry)}left over from a longer one`);
      expect(parseEntry(bytes, Buffer.byteLength(formatEntry('a', entry)))).to.deep.equal({ sid: 'a', ...entry });
    });
  });

  describe('parseFront', () => {
    const front = (bytes: Buffer) => parseFront(bytes, bytes.length);

    it('answers id, cookie and deadline from any part of the text that has them, and undefined from a shorter one', () => {
      for (const cookie of [entry.cookie, '']) {
        const text = formatEntry('é😀', { ...entry, cookie });
        const bytes = Buffer.from(text);
        const enough = Buffer.byteLength(text.slice(0, text.indexOf(',"data"')));
        for (let length = HEAD_BYTES; length <= bytes.length; length += 1) {
          const found = front(bytes.subarray(0, length));
          if (length < enough) expect(found, `${length} bytes`).to.equal(undefined);
          else {
            const { sum, ...rest } = found ?? { sum: '' };
            expect(rest, `${length} bytes`).to.deep.equal({ id: '"é😀"', cookie, expires: entry.expires });
            expect(text).to.include(`"sum":"${sum}"`);
          }
        }
      }
    });

    it('leaves to parseEntry, which knows the sum, what it cannot read', () => {
      const bytes = Buffer.from(formatEntry('some id', entry));
      for (let bit = 0; bit < 8 * bytes.length; bit += 1) {
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
        const found = outcome(() => front(flipped));
        if (bit < 8 * HEAD_BYTES) expect(found, `bit ${bit}`).to.be.instanceOf(NotAnEntry);
        else expect(found, `bit ${bit}`).to.not.be.instanceOf(Error);
      }
      expect(front(Buffer.from(ofVersion(2)))).to.equal(undefined);
    });
  });

  describe('nameOf', () => {
    it('is the SHA-256 of the UTF-8 text in lower-case hex', () => {
      expect(nameOf('abc')).to.equal('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
      expect(nameOf('')).to.equal('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    });

    it('is 64 hex digits and another one for each of 20 000 hostile ids', () => {
      const ids = new Set([...hostileIds, ...randomIds(20_000, 7)]);
      const names = new Set([...ids].map(nameOf));
      expect(names.size).to.equal(ids.size);
      for (const name of names) expect(name).to.match(/^[\da-f]{64}$/);
    });

    it('keeps ids apart that UTF-8 cannot', () => {
      const ids = [
        '\ud800',
        '\ud801',
        '\udc00',
        '\ufffd',
        'a\ud800',
        '\ud800a',
        '\udc00\ud800',
        '\ud800\udc00',
        'ÿ',
        '\xff\0\xd8',
      ];
      expect(new Set(ids.map(nameOf)).size).to.equal(ids.length);
      expect(Buffer.from('\ud861\u6180', 'utf16le').equals(Buffer.from('a\u0600a', 'utf8'))).to.equal(true);
      expect(nameOf('\ud861\u6180')).to.not.equal(nameOf('a\u0600a'));
    });
  });
});
