import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** What happens to a command of which the text has come in: see {@link SpoilingProxy.next}. */
export type Fault = 'is cut before it arrives' | 'is cut before its answer arrives' | 'is answered when released';

/** Stands between a client and a server, and spoils one command when it is told to. */
export class SpoilingProxy {
  readonly #server = createServer((client) => this.#join(client));
  readonly #sockets = new Set<Socket>();
  readonly #port: number;
  #plan: { fault: Fault; word: string; met: () => void } | undefined;
  #release: () => void = () => {};

  private constructor(port: number) {
    this.#port = port;
  }

  static async open(port: number): Promise<SpoilingProxy> {
    const proxy = new SpoilingProxy(port);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Spoils the next command in which `word` is; settles when it was met. */
  next(word: string, fault: Fault): Promise<void> {
    return new Promise((met) => {
      this.#plan = { fault, word, met };
    });
  }

  /** Lets what was held back through. */
  release(): void {
    this.#release();
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  #join(client: Socket): void {
    const server = connect(this.#port, '127.0.0.1');
    const cut = () => {
      client.destroy();
      server.destroy();
    };
    let answers: 'pass' | 'cut' | Buffer[] = 'pass';
    client.on('data', (bytes) => {
      const plan = this.#plan && bytes.includes(this.#plan.word) ? this.#plan : undefined;
      if (plan) this.#plan = undefined;
      if (plan?.fault === 'is cut before it arrives') cut();
      else server.write(bytes);
      if (plan?.fault === 'is cut before its answer arrives') answers = 'cut';
      if (plan?.fault === 'is answered when released') {
        const held: Buffer[] = [];
        answers = held;
        this.#release = () => {
          answers = 'pass';
          for (const bytes of held) client.write(bytes);
        };
      }
      plan?.met();
    });
    server.on('data', (bytes) => {
      if (answers === 'cut') cut();
      else if (answers === 'pass') client.write(bytes);
      else answers.push(bytes);
    });
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', cut).on('close', () => {
        this.#sockets.delete(socket);
        cut();
      });
    }
  }
}
