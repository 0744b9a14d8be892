import fc from 'fast-check';

export type Values = Record<string, unknown>;

/** How long a session lives whose cookie has no date, in ms. */
export const TTL = 1_000;

/**
 * A cookie to be: `lasts` is its date, in ms from the moment of the call, `'browser'` for none, or `'unsaid'` for a
 * cookie that says nothing about it. No cookie at all: undefined.
 */
export type CookieShape = (Values & { readonly lasts: number | 'browser' | 'unsaid' }) | undefined;

export interface SessionShape {
  readonly data: Values;
  readonly cookie: CookieShape;
}

/** Each as it is: no two of them are one id. */
export const hostileIds = [
  '',
  '.',
  '..',
  '../outside',
  '/etc/passwd',
  'C:\\x',
  'a/b',
  'a\0b',
  'a',
  'aB',
  'ab',
  'CON',
  'nul.json',
  '\u00e9',
  'e\u0301',
  '\ud800',
  '\ud801',
  '\u{1f36a}',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  ' ',
  'a ',
  'a.',
  "'; DROP TABLE sessions; --",
  '%s%00',
  'x'.repeat(255),
  'x'.repeat(256),
  'x'.repeat(10_000),
];

const ids = fc.uniqueArray(fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...hostileIds) }, fc.string()), {
  minLength: 1,
  maxLength: 4,
});

const keys = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('k0', 'k1', 'k2') },
  fc.constantFrom('__proto__', 'constructor', 'toString', 'expires', 'lang\u00e9', ''),
);

/** Around every deadline: before it, at it, after it. */
const spans = fc.constantFrom(-1, 0, 1, 2, TTL - 1, TTL, TTL + 1, 5_000);

/** As express-session's Cookie writes itself, so that loading and saving it changes nothing. */
const canonical: fc.Arbitrary<CookieShape> = fc
  .oneof(spans, fc.constant('browser' as const))
  .map((lasts) => ({ originalMaxAge: typeof lasts === 'number' ? 5_000 : null, lasts, httpOnly: true, path: '/' }));

const cookies: fc.Arbitrary<CookieShape> = fc.oneof(
  { weight: 4, arbitrary: canonical },
  fc.constant(undefined),
  fc.record({ lasts: fc.oneof(spans, fc.constantFrom('browser' as const, 'unsaid' as const)), sameSite: fc.boolean() }),
);

export function isCanonical(cookie: Values | undefined): boolean {
  return cookie !== undefined && Object.keys(cookie).sort().join() === 'expires,httpOnly,originalMaxAge,path';
}

/** Built from pairs, so that a key named `__proto__` is a key. */
const data: fc.Arbitrary<Values> = fc
  .array(fc.tuple(keys, fc.oneof(fc.nat(3), fc.jsonValue({ maxDepth: 2 }))), { maxLength: 4 })
  .map((pairs) => Object.fromEntries(pairs) as Values);

export type Change = 'count' | 'same' | 'rewrite' | 'remove' | 'end' | 'throw';

/** What is asked of one id. `which` is an index into the ids of the run. */
export type IdAct =
  | { readonly act: 'get'; readonly which: number }
  | { readonly act: 'set'; readonly which: number; readonly session: SessionShape }
  | { readonly act: 'touch'; readonly which: number; readonly cookie: CookieShape }
  | { readonly act: 'destroy'; readonly which: number }
  | { readonly act: 'update'; readonly which: number; readonly change: Change };

/** A request's steps in `slot`: it loads a session as express-session does, edits it, saves it or has it touched. */
export type RequestAct =
  | { readonly act: 'load'; readonly slot: number; readonly which: number }
  | { readonly act: 'edit'; readonly slot: number; readonly key: string; readonly value: unknown }
  | { readonly act: 'save'; readonly slot: number }
  | { readonly act: 'extend'; readonly slot: number; readonly lasts: number };

export type Command =
  | IdAct
  | RequestAct
  | { readonly act: 'length' | 'ids' | 'all' | 'entries' | 'prune' | 'clear' }
  | { readonly act: 'advance'; readonly by: number }
  | { readonly act: 'together'; readonly acts: readonly Overlapping[] };

/** Called one after the other; none waits for the answer of another. A pause gives those under way some turns. */
export type Overlapping = IdAct | { readonly act: 'prune' } | { readonly act: 'pause'; readonly turns: number };

const which = fc.nat(3);
const slot = fc.nat(2);
const act = <T extends string>(name: T) => fc.constant(name);

const idAct: fc.Arbitrary<IdAct> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ act: act('get'), which }) },
  { weight: 3, arbitrary: fc.record({ act: act('set'), which, session: fc.record({ data, cookie: cookies }) }) },
  { weight: 2, arbitrary: fc.record({ act: act('touch'), which, cookie: cookies }) },
  { weight: 1, arbitrary: fc.record({ act: act('destroy'), which }) },
  {
    weight: 2,
    arbitrary: fc.record({
      act: act('update'),
      which,
      change: fc.constantFrom<Change>('count', 'same', 'rewrite', 'remove', 'end', 'throw'),
    }),
  },
);

const DELETED = Symbol('deleted');

const requestAct: fc.Arbitrary<RequestAct> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ act: act('load'), slot, which }) },
  {
    weight: 3,
    arbitrary: fc
      .record({
        act: act('edit'),
        slot,
        key: fc.constantFrom('k0', 'k1', 'k2'),
        value: fc.oneof(fc.constant(DELETED), fc.nat(3)),
      })
      .map((edit) => (edit.value === DELETED ? { ...edit, value: undefined } : edit)),
  },
  { weight: 3, arbitrary: fc.record({ act: act('save'), slot }) },
  { weight: 2, arbitrary: fc.record({ act: act('extend'), slot, lasts: spans }) },
);

const overlapping: fc.Arbitrary<Overlapping> = fc.oneof(
  { weight: 8, arbitrary: idAct },
  { weight: 1, arbitrary: fc.record({ act: act('prune') }) },
  { weight: 2, arbitrary: fc.record({ act: act('pause'), turns: fc.nat(3) }) },
);

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: idAct },
  { weight: 6, arbitrary: requestAct },
  { weight: 3, arbitrary: fc.record({ act: fc.constantFrom('length', 'ids', 'all', 'entries', 'prune') }) },
  { weight: 3, arbitrary: fc.record({ act: act('advance'), by: spans.filter((by) => by > 0) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      act: act('together'),
      acts: fc.array(overlapping, { minLength: 2, maxLength: 8 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ act: 'clear' as const }) },
);

export interface Script {
  readonly ids: readonly string[];
  readonly commands: readonly Command[];
}

/** Up to 40 commands on up to four ids. */
export const scripts: fc.Arbitrary<Script> = fc.record({
  ids,
  commands: fc.array(command, { maxLength: 40, size: 'max' }),
});
