/** The days of the providers' statements: which one a moment falls in, when it begins, and how it is written. */
import { STATEMENT_DAY_OFFSET } from '#shared/api/bank.ts';
import { duration, type Instant, instant } from '#shared/base/time.ts';

const DAY = duration(1, 'd');

/** The provider's day that `now` falls in. */
export function dayAt(now: Instant): number {
  return Math.floor((now + STATEMENT_DAY_OFFSET) / DAY);
}

/** When `day` begins; the next one begins when it ends. */
export function dayBegin(day: number): Instant {
  return instant(Math.max(0, day * DAY - STATEMENT_DAY_OFFSET));
}

/** `day` as a statement calls it: 2026-11-26. */
export function dayName(day: number): string {
  return new Date(day * DAY).toISOString().slice(0, 10);
}
