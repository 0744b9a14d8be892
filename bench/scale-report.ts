import type { Watched } from '../spec/support/watch.js';

/** The numbers on the command line. */
export const numbers = process.argv
  .slice(2)
  .filter((argument) => /^\d+$/.test(argument))
  .map(Number);

export function judge(line: string, met: boolean): void {
  console.log(`${met ? 'met   ' : 'MISSED'}  ${line}`);
  if (!met) process.exitCode = 1;
}

export function show(line: string, { seconds, delay, turn, growth }: Watched<unknown>): void {
  const figures = [
    `${seconds.toFixed(1)} s`,
    `loop delay p99 ${delay.toFixed(1)} ms`,
    `CPU of a turn p99 ${turn.toFixed(1)} ms`,
  ];
  console.log(`        ${line}: ${figures.join(', ')}, heap +${growth.toFixed(1)} MB`);
}
