/**
 * Checks of recorded histories: pure functions, nothing of sessile. All times of one history are numbers of one clock,
 * in any one unit. An operation whose outcome is `unknown` (its process was killed, or it failed without saying what it
 * did) may have happened at any time after it started, or not at all.
 */
export interface Operation {
  readonly process: string | number;
  readonly start: number;
  readonly end: number;
  readonly outcome: 'ok' | 'unknown';
}

/** One fetch-and-add of 1; `returned` is the value before it. It says nothing where the outcome is unknown. */
export interface Addition extends Operation {
  readonly returned: number;
}

export interface AdditionVerdict {
  readonly ok: boolean;
  /** Values that were returned more than once: somebody's increment was overwritten. */
  readonly duplicates: number[];
  /** Values that nobody can have got: neither a known operation nor an unknown one that was early enough. */
  readonly gaps: number[];
  /** Values that were returned and cannot be: below the first, not below the last, no whole number. */
  readonly strays: number[];
  /** Known increments that the final value does not count. */
  readonly lost: number;
  /** Pairs `[earlier, later]` of additions where the later one by value had ended before the earlier one started. */
  readonly realTime: (readonly [Addition, Addition])[];
}

/**
 * Additions give away their own order, so this takes O(n log n).
 * @param initial the counter before the first addition
 * @param final the counter after the last one
 */
export function checkAdditions(additions: readonly Addition[], initial: number, final: number): AdditionVerdict {
  const known = additions.filter(({ outcome }) => outcome === 'ok').sort((a, b) => a.returned - b.returned);
  const unknown = additions.filter(({ outcome }) => outcome === 'unknown').sort((a, b) => a.start - b.start);
  const duplicates = known.filter((one, i) => known[i - 1]?.returned === one.returned).map(({ returned }) => returned);
  const strays = known
    .map(({ returned }) => returned)
    .filter((value) => !Number.isSafeInteger(value) || value < initial || value >= final);
  const lost = Math.max(0, known.length - (final - initial));
  const gaps = gapsIn(known, unknown, { initial, final });
  const realTime = outOfOrder(known);
  const ok = [duplicates, gaps, strays, realTime].every(({ length }) => length === 0) && lost === 0;
  return { ok, duplicates, gaps, strays, lost, realTime };
}

/**
 * A value that no known operation got may be an unknown operation's, if that one started before every operation with a
 * greater value had ended. These limits grow with the value, so the i-th gap takes the i-th unknown one to start.
 */
function gapsIn(
  known: Addition[],
  unknown: Addition[],
  { initial, final }: { initial: number; final: number },
): number[] {
  const gaps: number[] = [];
  let candidates = 0;
  let at = 0;
  const earliestEnds = suffixMinima(known.map(({ end }) => end));
  for (let value = initial; value < final; value += 1) {
    while (at < known.length && (known[at] as Addition).returned < value) at += 1;
    if (known[at]?.returned === value) continue;
    const candidate = unknown[candidates];
    if (candidate !== undefined && candidate.start <= (earliestEnds[at] ?? Number.POSITIVE_INFINITY)) candidates += 1;
    else gaps.push(value);
  }
  return gaps;
}

function outOfOrder(known: Addition[]): [Addition, Addition][] {
  const found: [Addition, Addition][] = [];
  let firstToEnd: Addition | undefined;
  for (const addition of [...known].reverse()) {
    if (firstToEnd !== undefined && firstToEnd.end < addition.start) found.push([addition, firstToEnd]);
    if (firstToEnd === undefined || addition.end < firstToEnd.end) firstToEnd = addition;
  }
  return found;
}

function suffixMinima(values: number[]): number[] {
  const minima = [...values];
  for (let i = minima.length - 2; i >= 0; i -= 1) {
    minima[i] = Math.min(minima[i] as number, minima[i + 1] as number);
  }
  return minima;
}

/** A sequential object: what an operation may do to a state, told apart by `key`. */
export interface Sequential<Op extends Operation, State> {
  readonly initial: State;
  /** The states that may follow when `operation` takes effect in `state`; none: it cannot have had this result. */
  step(state: State, operation: Op): State[];
  key(state: State): string;
}

export type Verdict<Op> = { readonly ok: true } | { readonly ok: false; readonly placed: number; readonly stuck: Op[] };

interface Configuration<State> {
  readonly placed: bigint;
  readonly count: number;
  readonly state: State;
}

/**
 * Is there an order of the operations that a sequential object allows, and in which no operation comes before one that
 * had ended when it started? The search of Wing and Gong, which forgets no configuration that it has seen: what is
 * placed already, and the state reached. Meant for the operations on one id, up to some hundred, up to 8 at once.
 * A negative verdict has the length of the longest order found, and what could come next but fits no state there.
 */
export function checkLinearizable<Op extends Operation, State>(
  operations: readonly Op[],
  object: Sequential<Op, State>,
): Verdict<Op> {
  const sorted = [...operations].sort((a, b) => a.start - b.start);
  const required = sorted.filter(({ outcome }) => outcome === 'ok').length;
  const seen = new Set<string>();
  const open: Configuration<State>[] = [{ placed: 0n, count: 0, state: object.initial }];
  let longest: Configuration<State> = open[0] as Configuration<State>;
  for (let here = open.pop(); here !== undefined; here = open.pop()) {
    if (here.count === required) return { ok: true };
    if (here.count > longest.count) longest = here;
    for (const index of candidates(sorted, here.placed).reverse()) {
      const operation = sorted[index] as Op;
      const placed = here.placed | (1n << BigInt(index));
      const count = here.count + (operation.outcome === 'ok' ? 1 : 0);
      for (const state of object.step(here.state, operation)) {
        const key = `${placed.toString(36)} ${object.key(state)}`;
        if (seen.has(key)) continue;
        seen.add(key);
        open.push({ placed, count, state });
      }
    }
  }
  const stuck = candidates(sorted, longest.placed).map((index) => sorted[index] as Op);
  return { ok: false, placed: longest.count, stuck };
}

/** What may take effect next: whatever started before any other that is not placed had ended. */
function candidates(sorted: readonly Operation[], placed: bigint): number[] {
  const found: number[] = [];
  let firstEnd = Number.POSITIVE_INFINITY;
  for (const [index, { start, end, outcome }] of sorted.entries()) {
    if (start > firstEnd) break;
    if ((placed >> BigInt(index)) & 1n) continue;
    found.push(index);
    if (outcome === 'ok') firstEnd = Math.min(firstEnd, end);
  }
  return found;
}

/** Deadlines are of the same clock as `start` and `end`. */
export type SessionOperation = Operation &
  (
    | { readonly kind: 'get'; readonly found: Held | undefined }
    | { readonly kind: 'set'; readonly value: string; readonly expires: number }
    | { readonly kind: 'touch'; readonly expires: number }
    | { readonly kind: 'destroy' }
  );

export interface Held {
  readonly value: string;
  readonly expires: number;
}

interface SessionState {
  readonly held: Held | undefined;
  /** The moment at which the last operation took effect, as early as it can be. The next one is not before it. */
  readonly at: number;
}

/**
 * One session id with a deadline: at its deadline what is held is dead. Every operation takes effect at a moment between
 * its start and its end, no earlier than the one before it; the earliest possible moment leaves the most room.
 */
export const sessionObject: Sequential<SessionOperation, SessionState> = {
  initial: { held: undefined, at: Number.NEGATIVE_INFINITY },
  key: ({ held, at }) => (held === undefined ? `${at}` : `${at} ${held.expires} ${held.value}`),
  step({ held, at: before }, operation) {
    const at = Math.max(before, operation.start);
    switch (operation.kind) {
      case 'set':
        return [{ held: { value: operation.value, expires: operation.expires }, at }];
      case 'destroy':
        return [{ held: undefined, at }];
      case 'touch':
        return [
          ...living(held, at).map(({ value }) => ({ held: { value, expires: operation.expires }, at })),
          ...dead(held, at, operation),
        ];
      case 'get':
        if (operation.outcome === 'unknown') return [{ held, at }];
        if (operation.found === undefined) return dead(held, at, operation);
        return living(held, at)
          .filter(({ value, expires }) => value === operation.found?.value && expires === operation.found.expires)
          .map(() => ({ held, at }));
    }
  },
};

function living(held: Held | undefined, at: number): Held[] {
  return held !== undefined && at < held.expires ? [held] : [];
}

/** The one way to find nothing: nothing is held, or its deadline passes before the operation ends. */
function dead(held: Held | undefined, at: number, { end, outcome }: SessionOperation): SessionState[] {
  if (held === undefined) return [{ held, at }];
  const then = Math.max(at, held.expires);
  return outcome === 'unknown' || then <= end ? [{ held: undefined, at: then }] : [];
}

/** The operations on each id, apart: a history is linearizable if it is so for every id. */
export function byId<Op extends { readonly id: string }>(operations: readonly Op[]): Map<string, Op[]> {
  const ids = new Map<string, Op[]>();
  for (const operation of operations) {
    const those = ids.get(operation.id);
    if (those === undefined) ids.set(operation.id, [operation]);
    else those.push(operation);
  }
  return ids;
}
