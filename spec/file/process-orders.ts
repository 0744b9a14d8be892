import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { FileStoreOptions } from '../../lib/backends/file.js';
import { bundle } from '../support/bundle.js';

export type ChildOrder =
  | { do: 'add'; dir: string; options: FileStoreOptions; times: number; ms: number; bytes: number; ids: number }
  | { do: 'stay'; dir: string; options: FileStoreOptions; until: string }
  | { do: 'touch'; dir: string; ids: number; ms: number }
  | { do: 'hold'; stem: string };

export interface Answer {
  counted: number;
  codes: string[];
}

declare module 'express-session' {
  interface SessionData {
    count?: number;
    filler?: string;
    whose?: string;
  }
}

export class Child {
  readonly process: ChildProcess;
  #answers: (Answer | 'ready')[] = [];
  #inside = 0;

  private constructor(program: string, prefix: string[]) {
    const [command = process.execPath, ...rest] = [...prefix, process.execPath, program];
    this.process = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    this.process.on('message', (answer: Answer | 'ready') => this.#answers.push(answer));
    this.process.stdout?.on('data', (text: Buffer) => {
      this.#inside += String(text).split('inside').length - 1;
    });
  }

  /** @param prefix a command that runs the child, such as `unshare` with its options */
  static async start(prefix: string[] = []): Promise<Child> {
    const child = new Child(await bundle(new URL('./process-child.ts', import.meta.url)), prefix);
    await child.answer();
    return child;
  }

  send(order: ChildOrder): void {
    this.process.send(order);
  }

  async ask(order: ChildOrder): Promise<Answer> {
    this.send(order);
    return this.answer();
  }

  async answer(): Promise<Answer> {
    if (this.#answers.length === 0) await once(this.process, 'message');
    return this.#answers.shift() as Answer;
  }

  /** When the child is inside its update. */
  async inside(): Promise<void> {
    while (this.#inside === 0) await once(this.process.stdout as NodeJS.ReadableStream, 'data');
    this.#inside -= 1;
  }

  async kill(): Promise<void> {
    const closed = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await closed;
  }
}
