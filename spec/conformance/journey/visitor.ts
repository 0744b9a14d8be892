/** What came back. */
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  /** Names of the cookies that the answer set or removed. */
  readonly cookies: readonly string[];
}

/**
 * A visitor who keeps every cookie until the server removes it: what a stale cookie opens is the server's to say. In one
 * direction that is more than browsers do, which is what an attacker does too.
 */
export class Visitor {
  readonly #origin: string;
  readonly #jar: Map<string, string>;

  constructor(origin: string, jar: ReadonlyMap<string, string> = new Map()) {
    this.#origin = origin;
    this.#jar = new Map(jar);
  }

  /** What is sent with a request. */
  get cookies(): string {
    return [...this.#jar].map((pair) => pair.join('=')).join('; ');
  }

  /** Another visitor, with a copy of this one's cookies. */
  twin(origin: string = this.#origin): Visitor {
    return new Visitor(origin, this.#jar);
  }

  /** Changes one character in the middle of each cookie's value. */
  tampered(): Visitor {
    const twin = this.twin();
    for (const [name, value] of this.#jar) {
      const at = Math.floor(value.length / 2);
      const other = value[at] === 'a' ? 'b' : 'a';
      twin.#jar.set(name, value.slice(0, at) + other + value.slice(at + 1));
    }
    return twin;
  }

  get(path: string): Promise<Answer> {
    return this.#ask('GET', path);
  }

  post(path: string): Promise<Answer> {
    return this.#ask('POST', path);
  }

  async #ask(method: string, path: string): Promise<Answer> {
    const headers = this.#jar.size === 0 ? {} : { cookie: this.cookies };
    const response = await fetch(this.#origin + path, { method, headers });
    const cookies = response.headers.getSetCookie().map((text) => this.#keep(text));
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json');
    return { status: response.status, body: isJson ? JSON.parse(text) : { text }, cookies };
  }

  #keep(text: string): string {
    const [pair = '', ...attributes] = text.split(/; */);
    const name = pair.slice(0, pair.indexOf('='));
    const value = pair.slice(name.length + 1);
    if (value === '' || attributes.some(isPast)) this.#jar.delete(name);
    else this.#jar.set(name, value);
    return name;
  }
}

function isPast(attribute: string): boolean {
  const [name = '', value = ''] = attribute.split('=');
  if (name.toLowerCase() === 'max-age') return Number(value) <= 0;
  return name.toLowerCase() === 'expires' && Date.parse(value) <= Date.now();
}
