/** Which column a bill stands in, and what it did to the wallet, as a table. */
import { expect, test } from 'vitest';
import { flowOf, isCounted, type Moved, signOf } from '#shared/rules/bill.ts';

const TABLE: readonly (readonly [kind: Moved['kind'], way: Moved['direction'], column: string, sign: number])[] = [
  ['payment', 'in', 'in', 1],
  ['payment', 'out', 'out', -1],
  // To oneself.
  ['payment', 'neutral', 'neutral', 0],
  ['top-up', 'neutral', 'neutral', 1],
  ['withdrawal', 'neutral', 'neutral', -1],
  ['refund', 'in', 'neutral', 1],
  ['refund', 'out', 'neutral', -1],
  // What was owed was spent by the payment already.
  ['debt', 'out', 'neutral', 0],
];

test.each(TABLE)('a %s %s stands under %s and counts %i', (kind, direction, column, sign) => {
  expect(flowOf({ kind, direction })).toBe(column);
  expect(signOf({ kind, direction })).toBe(sign);
});

test.each([
  ['settled', true],
  ['arriving', true],
  ['disputed', false],
  ['declined', false],
  ['reversed', false],
])('one that is %s counts: %s', (state, counts) => {
  expect(isCounted({ state })).toBe(counts);
});
