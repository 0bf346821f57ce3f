/** The one place where the house looks at a clock; everybody else is handed the moment. */
import { uptime } from 'node:os';
import { type Clock, instant } from '#shared/base/time.ts';

/** The clock on the wall of this machine. */
export const systemClock: Clock = () => instant(Date.now());

/** Milliseconds that never go backwards, for deadlines and measuring only. */
export function steadyMs(): number {
  return performance.now();
}

/** Milliseconds since this machine was started, with the time it slept: whoever sets its clock does not change them. */
export function bootMs(): number {
  return uptime() * 1000;
}
