/** The status list: one bit an allowance, small on the journey, honest about its bounds. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isRevoked, packStatus, statusBits, unpackStatus } from '#shared/protocol/status.ts';

test('exactly the revoked are revoked, also after the journey', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.nat(9_999), { maxLength: 60 }), async (revoked) => {
      const unpacked = await unpackStatus(await packStatus(statusBits(10_000, revoked)));
      if (!unpacked.ok) throw new Error(unpacked.error.code);
      const list = { epoch: 1, bits: unpacked.value };
      const found = Array.from({ length: 10_000 }, (_, index) => index).filter((index) => isRevoked(list, index));
      expect(found).toEqual(revoked.toSorted((left, right) => left - right));
    }),
    { numRuns: 20 },
  );
});

test('an index beyond the list is not known to be revoked', () => {
  expect(isRevoked({ epoch: 1, bits: statusBits(8, [0, 1, 2, 3, 4, 5, 6, 7]) }, 8)).toBe(false);
});

test('a million allowances with a thousand revoked travel in under 4 kB', async () => {
  const revoked = Array.from({ length: 1000 }, (_, at) => (at * 7919) % 1_000_000);
  expect((await packStatus(statusBits(1_000_000, revoked))).length).toBeLessThan(4000);
});
