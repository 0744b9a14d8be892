import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';

type Headers = OutgoingHttpHeaders | readonly OutgoingHttpHeader[] | undefined;

export interface Hold {
  /** Called once, right before the headers leave: the last moment to set one. */
  headers: () => void;
  /** Called once, when the response ends; what it promises is waited for. */
  end: () => Promise<void> | undefined;
  /**
   * Told what `end` failed with, or why the response could not be sent after it. The response has not ended, and from now
   * on ends like any other.
   */
  failed: (error: unknown) => void;
}

/** Has a look at a response before its headers leave, and once more before it ends. */
export function holdResponse(res: ServerResponse, { headers, end, failed }: Hold): void {
  let isHeaded = false;
  let state: 'open' | 'held' | 'free' = 'open';
  const writeHead = res.writeHead as (...args: unknown[]) => ServerResponse;
  const send = res.end as (...args: unknown[]) => ServerResponse;

  const head = (...args: unknown[]): ServerResponse => {
    if (isHeaded) return writeHead.apply(res, args);
    isHeaded = true;
    const [status, ...rest] = args;
    const message = typeof rest[0] === 'string' ? [rest.shift()] : [];
    // Node would let these replace what is set by now. They may follow a message that is undefined.
    setHeaders(res, (rest[0] ?? rest[1]) as Headers);
    headers();
    return writeHead.call(res, status, ...message);
  };

  const finish = (...args: unknown[]): ServerResponse => {
    if (state === 'held') return res;
    if (state === 'free') return send.apply(res, args);
    state = 'held';
    const free = () => {
      state = 'free';
    };
    const held = attempt(end);
    if (held === undefined) {
      free();
      return send.apply(res, args);
    }
    held
      .then(() => {
        free();
        // It throws for what is no text.
        send.apply(res, args);
      })
      .catch((error: unknown) => {
        free();
        failed(error);
      });
    return res;
  };

  res.writeHead = head as typeof res.writeHead;
  res.end = finish as typeof res.end;
}

function attempt(end: Hold['end']): Promise<void> | undefined {
  try {
    return end();
  } catch (error) {
    return Promise.reject(error);
  }
}

/** As `writeHead` takes them: by name, or names and values in turn. */
function setHeaders(res: ServerResponse, given: Headers): void {
  if (given === undefined || given === null) return;
  if (!Array.isArray(given)) {
    for (const [name, value] of Object.entries(given)) res.setHeader(name, value as OutgoingHttpHeader);
    return;
  }
  const pairs = Array.isArray(given[0]) ? (given as unknown as [string, string][]) : inPairs(given);
  for (const [name] of pairs) res.removeHeader(name);
  for (const [name, value] of pairs) res.appendHeader(name, value);
}

function inPairs(flat: readonly string[]): [string, string][] {
  return flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1] ?? ''] as [string, string]] : []));
}
