/** A thousand worlds of ten thousand events: nothing is violated, one seed is one world, and every slip is noticed. */
import { expect, test } from 'vitest';
import { runCrowd } from '#tests/simulation/crowd.ts';
import { runUnsigned, SLIPS } from '#tests/simulation/unsigned.ts';

test('a thousand worlds of ten thousand events each', { timeout: 900_000 }, async () => {
  const found = await runCrowd({ seeds: 1000, wallets: 20, events: 10_000, forks: 30 });
  console.log(JSON.stringify(found));
  expect(found.violations).toEqual([]);
  expect(found.accepted).toBeGreaterThan(2_000_000);
  expect(found.forks).toBeGreaterThan(20_000);
  expect(found.guaranteePaid).toBeGreaterThan(0);
});

test('one seed is one world', () => {
  expect(runUnsigned(7, 20, 2000, 20)).toEqual(runUnsigned(7, 20, 2000, 20));
  expect(runUnsigned(8, 20, 2000, 20)).not.toEqual(runUnsigned(7, 20, 2000, 20));
});

test.each(SLIPS)('a house that %s is found', (slip) => {
  const seeds = Array.from({ length: 20 }, (_, at) => at + 1);
  const found = seeds.find((seed) => runUnsigned(seed, 10, 3000, 60, slip).violations.length > 0);
  expect(found).toBeDefined();
});
