/** The figures of a fault: how long a run is, and where its line goes. */
import { appendFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';

/** Whether this is the long run (`npm run faults -- --long`). */
export const isLong = process.env.FAULTS_LONG === '1';

/** `long` in the long run, otherwise `usual`: what stands in every run of the tests. */
export function size(usual: number, long: number): number {
  return isLong ? long : usual;
}

/** A machine that only builds, or has other work than this, may be slower than one that serves. */
export const slack = process.env.CI || (loadavg()[0] ?? 0) > availableParallelism() + 1 ? 3 : 1;

/** One line of JSON for one fault, where `npm run faults` reads it. */
export function report(fault: string, rounds: number, figures: Readonly<Record<string, number | string>>): void {
  const file = process.env.FAULTS_REPORT;
  if (file) appendFileSync(file, `${JSON.stringify({ fault, rounds, ...figures })}\n`);
}
