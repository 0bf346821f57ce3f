/** What a card number says before anybody is asked about it. */
import { expect, test } from 'vitest';
import { BANKS, BINS, hasCheckDigit, readCardNumber, withCheckDigit } from '#shared/rules/card-number.ts';

test.each([
  // typed, what it is
  ['6225880123456783', 'cmb debit'],
  ['6225 8801 2345 6783', 'cmb debit'],
  ['6225-8801-2345-6783', 'cmb debit'],
  ['6225750123456788', 'cmb credit'],
  ['6222020123456789015', 'icbc debit'],
  ['6225880123456784', 'check-digit'],
  ['6225880123456738', 'check-digit'],
  ['4111111111111111', 'unknown-bank'],
  ['622588012345676', 'length'],
  ['', 'not-a-number'],
  ['62258801234567８3', 'not-a-number'],
  ['6225880123456783 x', 'not-a-number'],
  ['0'.repeat(400), 'not-a-number'],
])('%s: %s', (typed, expected) => {
  const card = readCardNumber(typed);
  expect(typeof card === 'string' ? card : `${card.issuer.bank} ${card.issuer.kind}`).toBe(expected);
});

test('one digit mistyped, or two neighbours exchanged, is seen', () => {
  const number = '6222020123456789015';
  for (let at = 0; at < number.length; at += 1) {
    for (const digit of '0123456789') {
      const changed = number.slice(0, at) + digit + number.slice(at + 1);
      expect(hasCheckDigit(changed)).toBe(digit === number[at]);
    }
    const [left = '', right = ''] = number.slice(at, at + 2);
    const pair = new Set([left, right]);
    // The formula cannot tell 09 from 90.
    if (right === '' || left === right || (pair.has('0') && pair.has('9'))) continue;
    expect(hasCheckDigit(number.slice(0, at) + right + left + number.slice(at + 2))).toBe(false);
  }
});

test('every issuer is a bank with a name in both languages, and stands in the table once', () => {
  expect(new Set(BINS.map(({ bin }) => bin)).size).toBe(BINS.length);
  for (const { bin, bank, digits } of BINS) {
    expect(BANKS[bank]?.zh && BANKS[bank]?.en).toBeTruthy();
    const number = withCheckDigit(bin.padEnd(digits - 1, '7'));
    expect(readCardNumber(number)).toMatchObject({ number });
  }
});
