/** Identity numbers: the standard's own examples, every way to write one wrong, and ages to the day. */
import { describe, expect, test } from 'vitest';
import { instant } from '#shared/base/time.ts';
import { ageAt, checkLetter, maskIdentityNumber, readIdentityNumber } from '#shared/rules/identity-number.ts';

/** 2026-11-24, noon in China. */
const NOW = instant(Date.UTC(2026, 10, 24, 4));
/** Puts the right check digit behind 17 digits. */
const whole = (digits: string) => digits + checkLetter(digits);

test.each([
  // as typed, born (undefined: no such number)
  ['11010519491231002X', '1949-12-31'],
  ['11010519491231002x', '1949-12-31'],
  ['110105 19491231 002X', '1949-12-31'],
  [whole('14010619900307123'), '1990-03-07'],
  [whole('14010620000229123'), '2000-02-29'],
  ['110105194912310021', undefined],
  ['11010519491231020X', undefined],
  ['1101051949123100X', undefined],
  ['11010519491231002', undefined],
  ['', undefined],
  ['XXXXXXXXXXXXXXXXXX', undefined],
  ['１１０１０５１９４９１２３１００２Ｘ', undefined],
  [whole('14010619000229123'), undefined],
  [whole('14010619901307123'), undefined],
  [whole('14010619900431123'), undefined],
  [whole('14010619900000123'), undefined],
  [whole('14010618991231123'), undefined],
  [whole('00010619900307123'), undefined],
  [whole('99010619900307123'), undefined],
  [whole('14010620261124123'), '2026-11-24'],
  [whole('14010620261125123'), undefined],
])('"%s" is of somebody born %s', (typed, born) => {
  expect(readIdentityNumber(typed, NOW)?.born).toBe(born);
});

test('the example of GB 11643-1999 annex A for the letter 4, of a person born in 1880, has that letter', () => {
  expect(checkLetter('44052418800101001')).toBe('4');
});

test('any one digit changed, and any two neighbours exchanged, is seen', () => {
  const good = '11010519491231002X';
  for (let at = 0; at < 17; at += 1) {
    for (const digit of '0123456789') {
      const changed = good.slice(0, at) + digit + good.slice(at + 1);
      if (changed !== good) expect(readIdentityNumber(changed, NOW)).toBeUndefined();
    }
    const swapped = good.slice(0, at) + (good[at + 1] ?? '') + (good[at] ?? '') + good.slice(at + 2);
    if (swapped !== good) expect(readIdentityNumber(swapped, NOW)).toBeUndefined();
  }
});

describe('age by the calendar of China', () => {
  test.each([
    // born, moment, years
    ['20101124', Date.UTC(2026, 10, 23, 15, 59), 15],
    ['20101124', Date.UTC(2026, 10, 23, 16, 0), 16],
    ['20101125', Date.UTC(2026, 10, 24, 4), 15],
    ['20000229', Date.UTC(2026, 1, 28, 4), 25],
    ['20000229', Date.UTC(2026, 2, 1, 4), 26],
    ['19491231', Date.UTC(2026, 10, 24, 4), 76],
  ])('born %s, at %i: %i', (born, at, years) => {
    const number = readIdentityNumber(whole(`140106${born}123`), instant(at));
    expect(number && ageAt(number, instant(at))).toBe(years);
  });
});

test('a masked number shows its ends alone', () => {
  expect(maskIdentityNumber('11010519491231002X')).toBe('1****************X');
});
