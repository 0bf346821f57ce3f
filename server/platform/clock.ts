/** The one place where the house looks at a clock; everybody else is handed the moment. */
import { type Clock, instant } from '#shared/base/time.ts';

/** The clock on the wall of this machine. */
export const systemClock: Clock = () => instant(Date.now());

/** Milliseconds that never go backwards, for deadlines and measuring only. */
export function steadyMs(): number {
  return performance.now();
}
