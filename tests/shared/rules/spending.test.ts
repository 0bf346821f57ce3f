/** What a payer may spend, read aloud: limits, time, payee, and when the passkey is needed. */
import { describe, expect, test } from 'vitest';
import { type Instant, instant } from '#shared/base/time.ts';
import { money } from '#shared/money/money.ts';
import type { Allowance } from '#shared/protocol/allowance.ts';
import { maySpend, spendable } from '#shared/rules/spending.ts';
import { ALLOWANCE, idOf, minutes, NOON } from '#tests/vectors/cast.ts';

const { passkey: _none, ...UNLOCKED } = ALLOWANCE;
const LOCKED: Allowance = { ...ALLOWANCE, payees: [idOf('payee')] };
const PAYEE = idOf('payee');

interface Row {
  allowance?: Allowance;
  spent?: [count: number, total: number, toPayee: number];
  sum: number;
  at?: Instant;
  answer: string;
}

const ROWS: [string, Row][] = [
  ['a bowl of noodles', { sum: 18_00, answer: 'number 1, total 1800' }],
  ['exactly the sum that needs no passkey', { sum: 30_00, answer: 'number 1, total 3000' }],
  ['a fen more', { sum: 30_01, answer: 'number 1, total 3001, passkey' }],
  ['up to the cumulative limit', { spent: [4, 90_00, 0], sum: 10_00, answer: 'number 5, total 10000' }],
  ['a fen beyond it', { spent: [4, 90_00, 0], sum: 10_01, answer: 'number 5, total 10001, passkey' }],
  ['a passkey needed but not there', { allowance: UNLOCKED, sum: 30_01, answer: 'spending.passkey-missing' }],
  ['as much as one payment may be', { sum: 200_00, answer: 'number 1, total 20000, passkey' }],
  ['a fen more than that', { sum: 200_01, answer: 'spending.over-each most 20000' }],
  ['more than this payee may get', { spent: [1, 150_00, 150_00], sum: 50_01, answer: 'spending.over-payee most 5000' }],
  ['more than is left', { spent: [3, 450_00, 0], sum: 50_01, answer: 'spending.over-total most 5000' }],
  ['the last fen', { spent: [3, 499_99, 0], sum: 1, answer: 'number 4, total 50000, passkey' }],
  ['an eleventh payment', { spent: [10, 100_00, 0], sum: 1, answer: 'spending.over-count most 0' }],
  ['at the very end', { sum: 1, at: ALLOWANCE.expires, answer: 'number 1, total 1' }],
  ['a moment after it', { sum: 1, at: instant(ALLOWANCE.expires + 1), answer: 'spending.expired' }],
  ['before the start', { sum: 1, at: minutes(-121), answer: 'spending.not-yet-valid' }],
  ['locked to this payee', { allowance: LOCKED, sum: 1, answer: 'number 1, total 1' }],
  [
    'locked to another',
    { allowance: { ...LOCKED, payees: [idOf('other')] }, sum: 1, answer: 'spending.payee-not-allowed' },
  ],
];

describe('a payer spends', () => {
  test.each(ROWS)('%s', (_name, { allowance = ALLOWANCE, spent = [0, 0, 0], sum, at = NOON, answer }) => {
    const [count, total, toPayee] = spent;
    const read = maySpend(allowance, { count, total, toPayee }, PAYEE, money(sum, 'CNY'), at);
    const said = read.ok
      ? `number ${read.value.number}, total ${read.value.total}${read.value.needsPasskey ? ', passkey' : ''}`
      : `${read.error.code}${read.error.detail === undefined ? '' : ` most ${read.error.detail['most']}`}`;
    expect(said).toBe(answer);
  });

  test('no other currency', () => {
    const read = maySpend(ALLOWANCE, { count: 0, total: 0, toPayee: 0 }, PAYEE, money(1, 'HKD'), NOON);
    expect(read).toMatchObject({ ok: false, error: { code: 'spending.currency' } });
  });

  test('never less than nothing is spendable', () => {
    expect(spendable(ALLOWANCE, { count: 1, total: 600_00, toPayee: 0 })).toBe(0);
  });
});
