/** Who may be paid across regions and currencies, who may ask for how much, and what a region starts with. */
import { describe, expect, test } from 'vitest';
import { duration } from '#shared/base/time.ts';
import { mayAskFor, mayBePaid } from '#shared/rules/acceptance.ts';
import { allowancePolicy, DEFAULT_POLICIES, TIERS } from '#shared/rules/policy.ts';
import { CERTIFICATE, minutes, NOON } from '#tests/vectors/cast.ts';

describe('a payee in Beijing takes', () => {
  test.each<[string, 'CNY' | 'HKD' | 'JPY', string, string[], string]>([
    ['its own region', 'CNY', 'CN-BJ', [], 'own-region'],
    ['Shanxi, which it accepts', 'CNY', 'CN-SX', ['CN-SX'], 'other-region'],
    ['Shanxi, which it does not accept', 'CNY', 'CN-SX', ['CN-GD'], 'acceptance.region'],
    ['a second currency', 'HKD', 'CN-BJ', [], 'own-region'],
    ['yen', 'JPY', 'CN-BJ', [], 'acceptance.currency'],
  ])('%s', (_name, currency, region, regions, answer) => {
    const read = mayBePaid(CERTIFICATE, { region, currency }, { regions });
    expect(read.ok ? read.value : read.error.code).toBe(answer);
  });
});

describe('a payee whose list of stopped wallets was the newest', () => {
  const terms = { ...DEFAULT_POLICIES.unproved, statusAge: duration(72, 'h'), staleEach: 30_00 };
  // hours ago (never: none is held) | asks for | may it?
  test.each<[number | 'never', number, string]>([
    [0, 5000_00, 'fresh'],
    [72, 5000_00, 'fresh'],
    [72.01, 30_00, 'old'],
    [72.01, 30_01, 'acceptance.list-old, at most 3000'],
    ['never', 30_00, 'old'],
    ['never', 30_01, 'acceptance.list-old, at most 3000'],
    // A list of the future is no older for it: two clocks differ.
    [-1, 5000_00, 'fresh'],
  ])('%s hours ago, asked for %i: %s', (hours, amount, answer) => {
    const asOf = hours === 'never' ? undefined : minutes(-hours * 60);
    const may = mayAskFor(amount, asOf, NOON, terms);
    expect(may.ok ? may.value : `${may.error.code}, at most ${may.error.detail.most}`).toBe(answer);
  });
});

describe('a region starts with policies', () => {
  test.each(TIERS)('of tier %s whose limits fit into each other', (tier) => {
    for (const wrapped of [true, false]) {
      const policy = allowancePolicy(DEFAULT_POLICIES[tier], wrapped);
      expect(policy.perPayment).toBeLessThanOrEqual(policy.perPayee);
      expect(policy.perPayee).toBeLessThanOrEqual(policy.total);
      expect(policy.noPasskeyEach).toBeLessThanOrEqual(policy.noPasskeySum);
    }
  });

  test('where a device no passkey locks gets 200 for a day', () => {
    expect(allowancePolicy(DEFAULT_POLICIES['two-factor'], false)).toMatchObject({
      total: 200_00,
      perPayment: 200_00,
      life: duration(24, 'h'),
    });
  });
});
