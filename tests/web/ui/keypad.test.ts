/** What the money keypad makes of the keys people press. */
import { expect, test } from 'vitest';
import { typed } from '#web/ui/keypad.ts';

test.each([
  // keys pressed, decimals of the currency, text that stands there
  ['1 2', 2, '12'],
  ['1 2 . 3', 2, '12.3'],
  ['1 2 . 3 0', 2, '12.30'],
  ['1 . 2 3 4', 2, '1.23'],
  ['. 5', 2, '0.5'],
  ['0 0 7', 2, '7'],
  ['0 . 0 1', 2, '0.01'],
  ['1 . .', 2, '1.'],
  ['1 2 Backspace', 2, '1'],
  ['1 . Backspace', 2, '1'],
  ['Backspace', 2, ''],
  ['5 . 5', 0, '55'],
  ['1 2 3 4 5 6 7 8 9 9 9', 2, '123456789'],
  ['1 e - 2', 2, '12'],
])('%s with %i decimals reads %s', (keys, digits, text) => {
  expect(keys.split(' ').reduce((before, key) => typed(before, key, digits), '')).toBe(text);
});
