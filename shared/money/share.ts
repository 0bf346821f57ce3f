/**
 * A sum in parts that add up to it to the last minor unit.
 * Rule of the remainder: every part gets the same whole number of minor units; what is left over goes one unit each to the
 * parts named first. Whoever asks names himself last and so never pays more than those he asks.
 */
import { assert } from '#shared/base/assert.ts';

/** `total` minor units in `count` parts, largest first, none more than one unit above another. Empty when some would get nothing. */
export function equalShares(total: number, count: number): number[] {
  assert(Number.isSafeInteger(total) && Number.isSafeInteger(count), `not whole: ${total} in ${count}`);
  if (count < 1 || total < count) return [];
  const each = Math.floor(total / count);
  const rest = total % count;
  return Array.from({ length: count }, (_, at) => each + (at < rest ? 1 : 0));
}

/** What of `total` no part has taken yet: nought when `parts` add up to it, below nought when they take too much. */
export function leftOf(total: number, parts: readonly number[]): number {
  return parts.reduce((left, part) => left - part, total);
}
