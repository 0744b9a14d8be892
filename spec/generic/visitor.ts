/**
 * Both packages over HTTP: a server that makes a session for each request and does with it what the request's body asks
 * for, and a visitor with a cookie jar.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { Cookie, CookieJar } from 'tough-cookie';

type Act = 'get' | 'getAll' | 'set' | 'del' | 'delAll' | 'destroy';

/** What both packages' sessions have in common, untyped as JavaScript callers see it. */
export type Handle = { readonly id: string } & Record<Act, (...args: unknown[]) => unknown>;

export type Make = (req: IncomingMessage, res: ServerResponse) => Handle;

/** A method with its arguments; {@link NOTHING} stands for undefined, and a callback is added. */
export type Call = readonly [act: Act, ...args: unknown[]];

export const NOTHING = { '': 'undefined' };

export interface Answer {
  readonly error?: string;
  /** JSON text, or `undefined`. */
  readonly value: string;
  /** Whether the callback was called before the method had returned. */
  readonly atOnce: boolean;
}

export class Site {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param make called for each request before anything else */
  static async open(make: Make): Promise<Site> {
    const server = createServer(async (req, res) => {
      let answers: Answer[] | { failed: string };
      try {
        const handle = make(req, res);
        answers = [];
        for (const call of (await json(req)) as Call[]) answers.push(await answerOf(handle, call));
        res.setHeader('x-id', handle.id);
      } catch (error) {
        answers = { failed: String(error) };
      }
      res.end(JSON.stringify(answers));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Site(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

function answerOf(handle: Handle, [act, ...args]: Call): Promise<Answer> {
  return new Promise((resolve) => {
    let returned = false;
    const given = args.map((arg) => (JSON.stringify(arg) === JSON.stringify(NOTHING) ? undefined : arg));
    handle[act](...given, (error?: Error | null, value?: unknown) => {
      const answer = { value: JSON.stringify(value) ?? 'undefined', atOnce: !returned };
      resolve(error ? { ...answer, error: String(error) } : answer);
    });
    returned = true;
  });
}

export class Visitor {
  readonly jar = new CookieJar();
  /** The Set-Cookie headers of the last response. */
  cookies: Cookie[] = [];
  /** The session's id in the last response. */
  id = '';

  /** The answers to `calls`, which one request makes one after the other. */
  async send(site: Site, ...calls: Call[]): Promise<Answer[]> {
    const headers = { cookie: await this.jar.getCookieString(site.url) };
    const response = await fetch(site.url, { method: 'POST', body: JSON.stringify(calls), headers });
    const lines = response.headers.getSetCookie();
    for (const line of lines) await this.jar.setCookie(line, site.url);
    this.cookies = lines.map((line) => Cookie.parse(line) as Cookie);
    this.id = response.headers.get('x-id') ?? '';
    const answers = (await response.json()) as Answer[] | { failed: string };
    if (!Array.isArray(answers)) throw new Error(answers.failed);
    return answers;
  }

  /** The value, as JSON, that one call answers. */
  async ask(site: Site, ...call: Call): Promise<string> {
    const [answer] = await this.send(site, call);
    if (answer?.error) throw new Error(answer.error);
    return (answer as Answer).value;
  }

  /** What the jar holds under `name`. */
  async cookie(site: Site, name = 's'): Promise<string | undefined> {
    return (await this.jar.getCookies(site.url)).find(({ key }) => key === name)?.value;
  }
}
