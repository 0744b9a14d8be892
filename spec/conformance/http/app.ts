import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Request, RequestHandler, Response } from 'express';
import type { Session, SessionOptions } from 'express-session';

type Fields = Session & Record<string, unknown>;
export type Next = (error?: unknown) => void;
export type Handler = (req: Request & { session: Fields }, res: Response, next: Next) => unknown;

/** The parts of Express 4 and 5 that the suite uses. */
export interface ExpressApp {
  use(...handlers: unknown[]): unknown;
  set(name: string, value: unknown): unknown;
  (req: unknown, res: unknown): unknown;
}

const SECRET = 'of the conformance suite';

class Latch {
  open: () => void = () => {};
  readonly whenOpen = new Promise<void>((resolve) => {
    this.open = resolve;
  });
}

/** A gate that requests wait at until it is opened. */
export class Gate {
  readonly #opened = new Latch();
  readonly #arrived = new Latch();

  /** Called by the request. */
  pass(): Promise<void> {
    this.#arrived.open();
    return this.#opened.whenOpen;
  }

  /** When a request stands at the gate. */
  arrived(): Promise<void> {
    return this.#arrived.whenOpen;
  }

  open(): void {
    this.#opened.open();
  }
}

/** What the suite's app is asked to do in a request; the test writes it, the path names it. */
export class App {
  readonly errors: unknown[] = [];
  readonly #handlers = new Map<string, Handler>();
  readonly #server: Server;
  #origin = '';

  constructor(
    express: () => ExpressApp,
    session: (options: SessionOptions) => RequestHandler,
    options: Partial<SessionOptions>,
  ) {
    const app = express();
    app.set('env', 'test');
    app.use(session({ secret: SECRET, resave: false, saveUninitialized: false, ...options }));
    app.use((req: Request, res: Response, next: Next) => {
      const handler = this.#handlers.get(req.path);
      if (handler === undefined) return void res.status(404).end();
      Promise.resolve(handler(req as Request & { session: Fields }, res, next)).catch(next);
    });
    app.use((error: unknown, _req: Request, res: Response, next: Next) => {
      this.errors.push(error);
      if (res.headersSent) return next(error);
      res.status(500).end('sorry');
    });
    this.#server = createServer((req, res) => void app(req, res));
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#origin = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  on(path: string, handler: Handler): this {
    this.#handlers.set(path, handler);
    return this;
  }

  /** A visitor with a cookie jar of its own, or with a copy of another's. */
  visitor(cookie?: string): Visitor {
    return new Visitor(() => this.#origin, cookie);
  }
}

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  /** The Set-Cookie header, if there was one. */
  readonly setCookie: string | undefined;
}

export class Visitor {
  readonly #origin: () => string;
  #cookie: string | undefined;

  constructor(origin: () => string, cookie?: string) {
    this.#origin = origin;
    this.#cookie = cookie;
  }

  /** Comes with a cookie that the app's secret signed. */
  signedAs(sid: string): this {
    const signature = createHmac('sha256', SECRET).update(sid).digest('base64').replace(/=+$/, '');
    this.#cookie = `connect.sid=${encodeURIComponent(`s:${sid}.${signature}`)}`;
    return this;
  }

  /** The session id that this visitor's cookie names. */
  get sid(): string {
    const value = decodeURIComponent((this.#cookie ?? '').replace(/^connect\.sid=/, ''));
    return value.slice('s:'.length, value.lastIndexOf('.'));
  }

  /** Another visitor with the same cookie. */
  twin(): Visitor {
    return new Visitor(this.#origin, this.#cookie);
  }

  async get(path: string): Promise<Answer> {
    const headers = this.#cookie === undefined ? {} : { cookie: this.#cookie };
    const response = await fetch(this.#origin() + path, { headers });
    const setCookie = response.headers.getSetCookie()[0];
    if (setCookie !== undefined) this.#cookie = setCookie.slice(0, setCookie.indexOf(';'));
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json');
    return { status: response.status, body: isJson ? JSON.parse(text) : text, setCookie };
  }
}
