// What comes along when somebody installs the package must have no known vulnerability. Not every registry can be asked.
import { spawnSync } from 'node:child_process';

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { encoding: 'utf8' });
const { metadata, vulnerabilities = {}, message, error } = JSON.parse(stdout || '{}');
if (metadata === undefined) {
  console.log(`skipped: this registry does not tell of vulnerabilities: ${message ?? error?.summary ?? 'no answer'}`);
} else {
  for (const { name, severity, range } of Object.values(vulnerabilities)) console.log(`${severity}: ${name} ${range}`);
  console.log(`${metadata.vulnerabilities.total} known vulnerabilities`);
  if (metadata.vulnerabilities.total > 0) process.exitCode = 1;
}
