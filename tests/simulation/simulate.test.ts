/** The simulation itself: quiet over the house as it is, the same for one seed, and loud over every planted mistake. */
import { expect, test } from 'vitest';
import { MUTANTS } from '#tests/simulation/faults.ts';
import { simulate } from '#tests/simulation/simulate.ts';

test.each([1, 5, 7])('seed %i: nothing is violated', async (seed) => {
  const found = await simulate({ seed, wallets: 8, events: 400, forks: 5 });
  expect(found.violations).toEqual([]);
  expect(found.sumByCurrency).toEqual({ CNY: 0 });
  expect(found.accepted).toBeGreaterThan(50);
});

test('one seed is one world', async () => {
  const run = { seed: 11, wallets: 5, events: 150, forks: 2 };
  const [one, other] = [await simulate(run), await simulate(run)];
  expect(one).toEqual(other);
  expect((await simulate({ ...run, seed: 12 })).traceHash).not.toBe(one.traceHash);
});

test('at least twenty mistakes are planted', () => {
  expect(Object.keys(MUTANTS).length).toBeGreaterThanOrEqual(30);
});

/** A mistake may need a rare event; these seeds bring all of them about. */
const SEEDS = [2, 3, 4];

test.each(Object.keys(MUTANTS))('%s is found', async (mutant) => {
  for (const seed of SEEDS) {
    const found = await simulate({ seed, wallets: 6, events: 400, forks: 8, mutant });
    if (found.violations.length > 0) return;
  }
  expect.unreachable(`nobody noticed ${mutant}`);
});
