/** The figures of a fault: how long a run is, and where its line goes. */
import { appendFileSync } from 'node:fs';

/** Whether this is the long run (`npm run faults -- --long`). */
export const isLong = process.env.FAULTS_LONG === '1';

/** `long` in the long run, otherwise `usual`: what stands in every run of the tests. */
export function size(usual: number, long: number): number {
  return isLong ? long : usual;
}

/** Machines that only build may be slower than those that serve. */
export const slack = process.env.CI ? 3 : 1;

/** One line of JSON for one fault, where `npm run faults` reads it. */
export function report(fault: string, rounds: number, figures: Readonly<Record<string, number | string>>): void {
  const file = process.env.FAULTS_REPORT;
  if (file) appendFileSync(file, `${JSON.stringify({ fault, rounds, ...figures })}\n`);
}
