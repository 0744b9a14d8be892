import type { SessionData } from 'express-session';

/** A clock that moves when it is told to. It starts at the real time, for subjects that read the real one. */
export class Clock {
  #time = Date.now();

  readonly now = (): number => this.#time;

  advance(ms: number): void {
    this.#time += ms;
  }
}

export type Sample = SessionData & Record<string, unknown>;

/** A session as plain data. `maxAge` in ms; null: until the browser ends. */
export function sessionOf(clock: Clock, data: object = {}, maxAge: number | null = 60_000): Sample {
  const expires = maxAge === null ? null : new Date(clock.now() + maxAge);
  return { ...data, cookie: { originalMaxAge: maxAge, expires, httpOnly: true, path: '/' } } as unknown as Sample;
}

/** What a session holds besides its cookie, as JSON sees it. */
export function dataOf(session: object): Record<string, unknown> {
  const { cookie: _, ...data } = session as Record<string, unknown>;
  return JSON.parse(JSON.stringify(data)) as Record<string, unknown>;
}

/** The moment that a session's cookie names, whether as a Date or, as some stores answer it, as text. */
export function deadlineOf(session: SessionData): number {
  return new Date(session.cookie.expires as Date).getTime();
}

/** Ids that a careless store mixes up, cuts off, takes for paths, patterns or statements, or cannot keep. */
export const hostileIds: readonly string[] = [
  ...['', ' ', '  ', '.', '..', '...', './a', '../a', '../../a', '/a', '//a', 'a/', 'a/b', 'a\\b', '..\\a', '~', '~/a'],
  ...[
    '/etc/passwd',
    'C:\\a',
    'C:a',
    '\\\\a\\b',
    '%2e%2e%2fa',
    '%',
    '%00',
    'file:///a',
    'a?b',
    'a#b',
    'a:b',
    'a|b',
    '*',
  ],
  ...[
    'CON',
    'con',
    'NUL',
    'nul',
    'PRN',
    'AUX',
    'COM1',
    'LPT1',
    'CON.json',
    'a.',
    'a ',
    ' a',
    'a',
    'A',
    'aA',
    'Aa',
    'AA',
  ],
  ...['\0', 'a\0', 'a\0b', 'a\0c', '\0a', '\n', 'a\nb', '\r\n', '\t', '\x7f', '\x1b[31m', '\u2028', '\u202e', '\ufeff'],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', 'then', 'length', 'undefined'],
  ...[
    'null',
    'true',
    'false',
    'NaN',
    '0',
    '00',
    '-0',
    '1',
    '01',
    '1.0',
    '1e0',
    '0x1',
    '[object Object]',
    '{}',
    '[]',
    '$',
  ],
  ...[
    "'",
    '"',
    '`',
    "' OR 1=1 --",
    '"; DROP TABLE sessions; --',
    '$where',
    '{"$gt":""}',
    '%s',
    '$(a)',
    '_',
    '?',
    '[a]',
  ],
  ...[
    'é',
    'e\u0301',
    'É',
    'ß',
    'ss',
    'SS',
    'İ',
    'i',
    'I',
    'ı',
    'ﬁ',
    'fi',
    'K',
    'k',
    '\u212a',
    'Ａ',
    '😀',
    '😀😀',
    '👩‍👩‍👧',
    '💩',
  ],
  ...[
    '\ud800',
    '\udc00',
    '\ud800a',
    'a\udc00',
    '\udc00\ud800',
    '\ufffd',
    '\uffff',
    'sess:',
    'sess:a',
    '-',
    '--',
    '-rf',
  ],
  ...['a.json', 'a.lock', 'a.tmp', '.a', 'a,b', 'a;b', 'a=b', 'a&b', 'a+b', 'a b', 'lock', 'tmp', 'x'.repeat(255)],
  ...['x'.repeat(256), 'x'.repeat(1_024), 'x'.repeat(10_000), `${'x'.repeat(9_999)}y`, '😀'.repeat(600)],
];

const ALPHABET = [
  'a',
  'A',
  'b',
  '.',
  '/',
  '\\',
  '\0',
  ' ',
  '%',
  '_',
  '*',
  "'",
  'é',
  'e',
  '\u0301',
  '\ud83d',
  '\ude00',
  '0',
];

/** Endings that make two ids of one: by case, Unicode form, what stands after NUL, blanks and halves of surrogate pairs. */
const TWINS = [
  ['a', 'A'],
  ['é', 'e\u0301'],
  ['\0a', '\0b'],
  ['', ' '],
  ['\ud800', '\ufffd'],
] as const;

/** Distinct ids of awkward characters in threes: one built at random, and two twins that begin with it. */
export function randomIds(count: number, seed: number): string[] {
  const random = mulberry32(seed);
  const pick = (limit: number) => Math.floor(random() * limit);
  const ids = new Set<string>();
  for (let drawn = 0; ids.size < count; drawn++) {
    let stem = '';
    const length = pick(9);
    while (stem.length < length)
      stem += pick(8) === 0 ? String.fromCharCode(pick(65_536)) : ALPHABET[pick(ALPHABET.length)];
    ids.add(stem);
    for (const ending of TWINS[drawn % TWINS.length] ?? []) ids.add(stem + ending);
  }
  return [...ids].slice(0, count);
}

/** A new seed for each run; `CONFORMANCE_SEED` repeats one. */
export function newSeed(): number {
  return Number(process.env['CONFORMANCE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
}

function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
