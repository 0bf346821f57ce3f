/** A thousand worlds of ten thousand events: nothing is violated, one seed is one world, and every slip is noticed. */
import { expect, test } from 'vitest';
import { GUARANTEE_FAULTS } from '#shared/rules/guarantee.ts';
import { runCrowd } from '#tests/simulation/crowd.ts';
import { GUARANTEE, runUnsigned, SLIPS } from '#tests/simulation/unsigned.ts';

test('a thousand worlds of ten thousand events each', { timeout: 900_000 }, async () => {
  const found = await runCrowd({ seeds: 1000, wallets: 20, events: 10_000, forks: 30 });
  console.log(JSON.stringify(found));
  expect(found.violations).toEqual([]);
  expect(found.accepted).toBeGreaterThan(2_000_000);
  expect(found.forks).toBeGreaterThan(20_000);
  expect(found.guaranteePaid).toBeGreaterThan(0);
  // Every bound of the fund was reached, and so is seen to hold.
  expect(Object.keys(found.unpaid).sort()).toEqual(GUARANTEE_FAULTS.toSorted());
  expect(Math.min(...Object.values(found.unpaid))).toBeGreaterThan(500);
  expect(found.unissued).toBeGreaterThan(10_000);
  expect(found.closed).toBeGreaterThan(2000);
  // What gangs left unpaid is no more than one payer may owe each, and all of it stands against a proved name.
  expect(found.gangs.count).toBeGreaterThan(2000);
  expect(found.gangs.gain).toBeGreaterThan(0);
  expect(found.gangs.most).toBeLessThanOrEqual(GUARANTEE.payerCap);
  expect(found.gangs.net).toBe(0);
});

test('one seed is one world, to the hash of its trace', () => {
  const world = runUnsigned(7, 20, 2000, 20);
  expect(runUnsigned(7, 20, 2000, 20)).toEqual(world);
  expect(runUnsigned(8, 20, 2000, 20).traceHash).not.toBe(world.traceHash);
});

test.each(SLIPS)('a house that %s is found', (slip) => {
  const seeds = Array.from({ length: 20 }, (_, at) => at + 1);
  const found = seeds.find((seed) => runUnsigned(seed, 10, 3000, 60, slip).violations.length > 0);
  expect(found).toBeDefined();
});
