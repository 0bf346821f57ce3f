/** A sum in parts: to the last fen, and fair. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { equalShares, leftOf } from '#shared/money/share.ts';

test.each([
  // total, people, parts
  [100_00, 4, [25_00, 25_00, 25_00, 25_00]],
  [100_00, 3, [33_34, 33_33, 33_33]],
  [1, 1, [1]],
  [5, 3, [2, 2, 1]],
  [7, 7, [1, 1, 1, 1, 1, 1, 1]],
  [2, 3, []],
  [0, 2, []],
  [10, 0, []],
])('%i fen among %i', (total, count, parts) => expect(equalShares(total, count)).toEqual(parts));

test.each([
  [100_00, [25_00, 75_00], 0],
  [100_00, [25_00, 74_99], 1],
  [100_00, [25_00, 75_01], -1],
  [100_00, [], 100_00],
])('of %i the parts %j leave %i', (total, parts, left) => expect(leftOf(total, parts)).toBe(left));

test('whatever the sum, the parts add up to it, differ by a fen at most, and whoever is last pays least', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000_000_00 }), fc.integer({ min: 1, max: 21 }), (total, count) => {
      const parts = equalShares(total, count);
      if (total < count) return parts.length === 0;
      const [most = 0, least = 0] = [parts[0], parts.at(-1)];
      return parts.length === count && leftOf(total, parts) === 0 && most - least <= 1 && least > 0;
    }),
  );
});
