import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/**
 * What a process prints that runs `script`, an ES module that sees the repository as its directory; it is an error when
 * it does not exit by itself. It counts for no coverage: its modules are compiled a second time, to other offsets.
 */
export async function printed(script: string): Promise<string> {
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
  const env = { ...process.env, NODE_V8_COVERAGE: '' };
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 55_000, env });
  return stdout;
}
