import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Page {
  readonly status: number;
  readonly body: string;
  readonly cookies: readonly string[];
}

/** A server of a spec's own. */
export class Site {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(listener: RequestListener): Promise<Site> {
    const server = createServer(listener);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Site(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

/** A browser, as far as sessions need one: it keeps cookies by name, whatever their paths, until one is dated 1970, and follows nothing. */
export class Visitor {
  readonly #site: Site;
  readonly cookies: Map<string, string>;

  constructor(site: Site, cookies: Iterable<readonly [string, string]> = []) {
    this.#site = site;
    this.cookies = new Map(cookies);
  }

  /** Another browser with the same cookies: a thief, or a slow request of the same one. */
  twin(): Visitor {
    return new Visitor(this.#site, this.cookies);
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<Page> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(this.#site.url + path, {
      headers: { ...headers, ...(cookie !== '' && { cookie }) },
      redirect: 'manual',
    });
    const cookies = response.headers.getSetCookie();
    for (const line of cookies) {
      const [, name = '', value = ''] = /^([^=]*)=([^;]*)/.exec(line) ?? [];
      if (/expires=Thu, 01 Jan 1970/i.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return { status: response.status, body: await response.text(), cookies };
  }

  async body(path: string): Promise<string> {
    return (await this.get(path)).body;
  }

  async json(path: string): Promise<unknown> {
    return JSON.parse(await this.body(path)) as unknown;
  }
}

/** Where requests wait for each other: whoever comes is told when it may go on. */
export class Gate {
  readonly #expected: number;
  #here = 0;
  #allHere = () => {};
  #open = () => {};
  readonly #opened = new Promise<void>((resolve) => {
    this.#open = resolve;
  });
  /** When as many as are expected have come. */
  readonly full = new Promise<void>((resolve) => {
    this.#allHere = resolve;
  });

  constructor(expected: number) {
    this.#expected = expected;
  }

  pass(): Promise<void> {
    this.#here += 1;
    if (this.#here === this.#expected) this.#allHere();
    return this.#opened;
  }

  open(): void {
    this.#open();
  }
}
