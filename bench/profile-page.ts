import { tableOf } from './markdown.js';
import { notes } from './profile-notes.js';
import { owners, type SelfTimes } from './self-times.js';

/** A pair with what its process was busy with. */
export interface Profiled {
  readonly subject: string;
  readonly trial: string;
  readonly times: SelfTimes;
}

const SHOWN = 3;
const UNKNOWN = 'nothing is said of it yet: say it in `bench/profile-notes.ts`';

/** @param machine when and on what */
export function profilePage(machine: string, profiled: readonly Profiled[]): string {
  const rows = profiled.map(({ subject, trial, times }) => [
    subject,
    trial,
    ...owners.map((owner) => percent(times.by[owner])),
    largest(times)
      .map(([place, part]) => `\`${place}\` ${percent(part)}`)
      .join('\n'),
  ]);
  const files = new Set(
    profiled.flatMap(({ times }) => largest(times).map(([place]) => place.split(' ', 1)[0] as string)),
  );
  const parts = [
    '# What whole requests spend their time on',
    'Written by `npm run bench:profile`, by `node --cpu-prof`; what is said of each file is in `bench/profile-notes.ts`. ' +
      'Self-times as parts of the time in which the process of the app was busy, its start and the filling of the store ' +
      'included. `lib` is this package, `packages` are Express, express-session and what they use, `node` is Node with its ' +
      'system calls.',
    machine,
    tableOf(['store', 'trial', ...owners, 'the three largest of ours'], rows),
    '## What was done about them',
    [...files]
      .sort()
      .map((file) => `- \`${file}\`: ${notes[file] ?? UNKNOWN}.`)
      .join('\n'),
  ];
  return `${parts.join('\n\n')}\n`;
}

function largest({ ours }: SelfTimes): SelfTimes['ours'] {
  return ours.slice(0, SHOWN);
}

function percent(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}
