/** Moments and lengths of time as different types, both in whole milliseconds; the clock itself is always handed in. */
import { assert } from '#shared/base/assert.ts';
import type { Brand } from '#shared/base/brand.ts';

/** Milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = Brand<number, 'Instant'>;

/** A length of time in milliseconds. */
export type Duration = Brand<number, 'Duration'>;

/** Tells the present moment; the only way a rule may learn it. */
export type Clock = () => Instant;

/** Checks and brands milliseconds since the epoch. */
export function instant(milliseconds: number): Instant {
  assert(Number.isSafeInteger(milliseconds) && milliseconds >= 0, `not an instant: ${milliseconds}`);
  return milliseconds as Instant;
}

const UNIT_MS = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A length in the unit a person would say it in: `duration(72, 'h')`. */
export function duration(count: number, unit: keyof typeof UNIT_MS): Duration {
  const length = count * UNIT_MS[unit];
  assert(Number.isSafeInteger(length), `not a duration: ${count} ${unit}`);
  return length as Duration;
}

/** The moment `length` after `from` (before it when negative). */
export function after(from: Instant, length: Duration): Instant {
  return instant(from + length);
}

/** How long it is from `from` to `to`; negative when `to` is earlier. */
export function between(from: Instant, to: Instant): Duration {
  return (to - from) as Duration;
}

/** Whole seconds since the epoch, the unit of signed messages. */
export function toSeconds(moment: Instant): number {
  return Math.floor(moment / 1000);
}

/** The moment `seconds` whole seconds after the epoch. */
export function fromSeconds(seconds: number): Instant {
  return instant(seconds * 1000);
}
