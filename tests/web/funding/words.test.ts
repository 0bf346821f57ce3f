/** What a person is told when a provider says no: each reason in words of its own, with what to do, in both languages. */
import { afterAll, describe, expect, test } from 'vitest';
import { reasonWords, rejectWords } from '#web/funding/words.ts';
import { overwriteGetLocale } from '#web/paraglide/runtime.js';

afterAll(() => overwriteGetLocale(() => 'en'));

/** Field 39 of ISO 8583 as the card network answers, and the reasons of ISO 20022 the other providers name. */
const DECLINES = ['05', '14', '51', '54', '61', '62', '68', '91', '96', 'AM04', 'AC04', 'AC06', 'AM05', 'DS02', 'TM01'];
const REJECTS = ['AC04', 'AC06', 'AM04'];

test.each([
  ['AM04', 'sum'],
  ['51', 'sum'],
  ['61', 'sum'],
  ['14', 'card'],
  ['54', 'card'],
  ['05', undefined],
  ['68', undefined],
  ['91', undefined],
  ['XX99', undefined],
])('after %s another %s is wanted', (reason, change) => {
  expect(reasonWords(reason).change).toBe(change);
});

describe.each(['zh', 'en'] as const)('in %s', (language) => {
  test.each([
    ['a top-up', reasonWords, DECLINES],
    ['a withdrawal', rejectWords, REJECTS],
  ] as const)('each reason %s is declined for is told from the others, with a way on', (_what, wordsOf, reasons) => {
    overwriteGetLocale(() => language);
    const unknown = wordsOf('XX99');
    const told = reasons.map(wordsOf);
    expect(new Set(told.map(({ why }) => why)).size).toBe(reasons.length);
    // The code itself is shown only where there are no words for it.
    expect(unknown.why).toContain('XX99');
    for (const { why, remedy } of told)
      expect([why, remedy].join(' ')).toMatch(language === 'zh' ? /^[^A-Za-z]+$/ : /^[\x20-\x7e\u2019]+$/);
    for (const [place, { why }] of told.entries()) expect(why).not.toContain(reasons[place]);
  });
});
