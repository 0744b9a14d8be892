/** One system call of a trace, with the lines of the trace at which it began and ended. */
export interface Traced {
  text: string;
  begin: number;
  end: number;
}

const LINE = /^(\d+) +(.*)$/;
const BEGUN = /^(.*) <unfinished \.\.\.>$/;
const ENDED = /^<\.\.\. \w+ resumed>(.*)$/;

/** What `strace -f -o` wrote, in the order in which calls began; a call that another thread interrupted is one call. */
export function parseTrace(trace: string): Traced[] {
  const calls: Traced[] = [];
  const open = new Map<string, Traced>();
  for (const [at, line] of trace.split('\n').entries()) {
    const [, thread = '', said = ''] = LINE.exec(line) ?? [];
    const [, begun] = BEGUN.exec(said) ?? [];
    const [, ended] = ENDED.exec(said) ?? [];
    if (ended !== undefined) {
      const call = open.get(thread);
      if (call !== undefined) Object.assign(call, { text: call.text + ended, end: at });
    } else if (said !== '') {
      const call = { text: begun ?? said, begin: at, end: begun === undefined ? at : Number.POSITIVE_INFINITY };
      if (begun !== undefined) open.set(thread, call);
      calls.push(call);
    }
  }
  return calls;
}
