/** The printed recovery code: written in groups, read with slips of the eye forgiven and slips of the pen found. */
import { expect, test } from 'vitest';
import { readRecoveryCode, writeRecoveryCode } from '#shared/rules/recovery-code.ts';

const code = writeRecoveryCode(Uint8Array.from({ length: 19 }, (_, at) => at));

test('twenty letters in groups of five, and what is written is read', () => {
  expect(code).toMatch(/^(?:[0-9A-HJKMNP-TV-Z]{5}-){3}[0-9A-HJKMNP-TV-Z]{5}$/);
  expect(readRecoveryCode(code)).toBe(code.replaceAll('-', ''));
});

test.each([
  ['in small letters', (text: string) => text.toLowerCase()],
  ['with blanks for hyphens', (text: string) => text.replaceAll('-', ' ')],
  ['without any', (text: string) => text.replaceAll('-', '')],
  ['with O for 0', (text: string) => text.replaceAll('0', 'O')],
  ['with l for 1', (text: string) => text.replaceAll('1', 'l')],
  ['with i for 1', (text: string) => text.replaceAll('1', 'i')],
])('typed %s it is the same', (_how, type) => {
  expect(readRecoveryCode(type(code))).toBe(code.replaceAll('-', ''));
});

test('any one letter typed wrong, and any two neighbours exchanged, is found, but for 0 and Z that weigh alike', () => {
  const whole = code.replaceAll('-', '');
  const alphabet = '123456789ABCDEFGHJKMNPQRSTVWXY';
  for (let at = 0; at < 19; at += 1) {
    for (const letter of alphabet) {
      if (letter === whole[at]) continue;
      const typed = whole.slice(0, at) + letter + whole.slice(at + 1);
      expect(`${typed}: ${readRecoveryCode(typed)}`).toBe(`${typed}: undefined`);
    }
    const swapped = whole.slice(0, at) + (whole[at + 1] ?? '') + (whole[at] ?? '') + whole.slice(at + 2);
    if (swapped !== whole) expect(readRecoveryCode(swapped)).toBeUndefined();
  }
});

test.each(['', 'A', code.slice(0, -1), `${code}A`, '-'.repeat(23), code.replace('0', 'U'), `${code.slice(0, -1)}票`])(
  '"%s" is none',
  (typed) => {
    expect(readRecoveryCode(typed)).toBeUndefined();
  },
);
