import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface ExampleServer {
  readonly url: string;
  /** What it wrote to its error output, once it has ended by itself. */
  stop(): Promise<string>;
}

/** Example servers that end with the test that started them. */
export function exampleServers(): (program: string, dataDir: string) => Promise<ExampleServer> {
  const children = new Set<ChildProcess>();
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL');
    children.clear();
  });

  return async (program, dataDir) => {
    const child = spawn(process.execPath, [`examples/${program}`], {
      cwd: root,
      env: { ...process.env, PORT: '0', DATA_DIR: dataDir, SESSION_SECRET: '', NODE_V8_COVERAGE: '', NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.add(child);
    const said = { out: '', err: '' };
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said.err += text;
    });
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said.out += text;
        const found = /http:\/\/localhost:\d+/.exec(said.out)?.[0];
        if (found) resolve(found);
      });
      ended.then((code) => reject(new Error(`The example ended with ${code}: ${said.err}`)), reject);
    });
    return {
      url,
      stop: async () => {
        child.kill('SIGTERM');
        const code = await ended;
        if (code !== 0) throw new Error(`The example ended with ${code}: ${said.err}`);
        return said.err;
      },
    };
  };
}
