/**
 * What a conformance case is, and how cases are handed to a test runner. Nothing here knows a runner: mocha, vitest and
 * node:test all fit {@link Runner}.
 */

/**
 * What a case rests on: `doc`, something that express-session documents; `reason`, a fault that users of other stores
 * have met; `choice`, our own decision where others may decide otherwise.
 */
export type Ground = 'doc' | 'reason' | 'choice';

/** One case of a suite. */
export interface Case<Context, Need extends string = string> {
  /** Stable, `group/name`. What `skip` and `only` name. */
  readonly id: string;
  /** What is expected, in words that follow the subject. */
  readonly title: string;
  /** What the case rests on. */
  readonly ground: Ground;
  /** The documented rule or the reason, in words. */
  readonly because: string;
  /** What the subject must be able to do for the case to mean anything. */
  readonly needs?: readonly Need[];
  /** Rejects or throws where the subject does not do it. */
  readonly run: (context: Context) => Promise<void> | void;
}

/** The two functions of a test runner. `it.skip`, where there is one, shows what was skipped; else the console does. */
export interface Runner {
  /** Groups the tests that `body` registers. */
  readonly describe: (title: string, body: () => void) => unknown;
  /** Registers a test. */
  readonly it: ((title: string, body: () => Promise<void>) => unknown) & {
    /** Registers a test that is shown and not run. */
    readonly skip?: (title: string, body: () => Promise<void>) => unknown;
  };
}

/** Which cases run. */
export interface Selection {
  /** Case id to the reason why that case cannot hold; the reason is printed. Unknown ids are refused. */
  readonly skip?: Readonly<Record<string, string>>;
  /** Only these case ids. Unknown ids are refused. */
  readonly only?: readonly string[];
}

interface Registration<Context, Need extends string> extends Runner, Selection {
  readonly title: string;
  readonly cases: readonly Case<Context, Need>[];
  /** Why a need is not met; undefined where it is. */
  readonly missing: (need: Need) => string | undefined;
  /** Makes what the case runs on, runs it, and clears up after it. */
  readonly within: (run: Case<Context, Need>['run']) => Promise<void>;
}

/** Registers one test per case, in a `describe` per group; a case that cannot run is shown with the reason. */
export function register<Context, Need extends string>(registration: Registration<Context, Need>): void {
  const { title, cases, describe, only, skip = {} } = registration;
  checkIds(cases, [...Object.keys(skip), ...(only ?? [])]);
  const chosen = cases.filter(({ id }) => only === undefined || only.includes(id));
  describe(title, () => {
    for (const [group, members] of byGroup(chosen)) {
      describe(group, () => {
        for (const member of members) registerCase(member, registration);
      });
    }
  });
}

function registerCase<Context, Need extends string>(
  { id, title, needs = [], run }: Case<Context, Need>,
  { it, skip = {}, missing, within }: Registration<Context, Need>,
): void {
  const reason = skip[id] ?? needs.map(missing).find((why) => why !== undefined);
  if (reason === undefined) it(`${id}: ${title}`, () => within(run));
  else showSkipped(it, `${id}: ${title} (skipped: ${reason})`);
}

function showSkipped(it: Runner['it'], title: string): void {
  if (typeof it.skip === 'function') it.skip(title, async () => {});
  else console.log(title);
}

function checkIds(cases: readonly { readonly id: string }[], named: readonly string[]): void {
  const known = new Set<string>();
  for (const { id } of cases) {
    if (known.has(id)) throw new Error(`Two conformance cases are called ${id}`);
    known.add(id);
  }
  for (const id of named) if (!known.has(id)) throw new Error(`There is no conformance case ${id}`);
}

function byGroup<T extends { readonly id: string }>(cases: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const member of cases) {
    const group = member.id.slice(0, member.id.indexOf('/'));
    const members = groups.get(group);
    if (members === undefined) groups.set(group, [member]);
    else members.push(member);
  }
  return groups;
}
