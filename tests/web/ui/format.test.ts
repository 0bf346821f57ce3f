/** Sums, days and lengths of time as people read them in both languages. */
import { beforeEach, describe, expect, test } from 'vitest';
import { overwriteGetLocale } from '#web/paraglide/runtime.js';
import { agoText, dayText, monthText, sumParts, sumText, timeText } from '#web/ui/format.ts';

const NOON = new Date(2026, 10, 23, 12).getTime();
const HOUR = 3_600_000;

test.each([
  [0, 'CNY', '¥0.00'],
  [5, 'CNY', '¥0.05'],
  [123_456_789, 'CNY', '¥1,234,567.89'],
  [-2_600, 'CNY', '−¥26.00'],
  [1_500, 'JPY', 'JP¥1,500'],
  [100, 'USD', '$1.00'],
  [7, 'XAU', 'XAU 7'],
])('%i of %s reads %s', (minor, currency, text) => {
  expect(sumText(minor, currency)).toBe(text);
});

test('the parts of a sum are its mark, its whole and its decimals', () => {
  expect(sumParts(123_450, 'CNY')).toEqual({ mark: '¥', whole: '1,234', decimals: '50' });
});

const AGO = {
  zh: ['刚刚', '1分钟前', '3分钟前', '59分钟前', '1小时前', '23小时前', '昨天', '30天前'],
  en: [
    'just now',
    '1 minute ago',
    '3 minutes ago',
    '59 minutes ago',
    '1 hour ago',
    '23 hours ago',
    'yesterday',
    '30 days ago',
  ],
} as const;

describe.each([
  ['zh', '今天', '昨天', '11月20日'],
  ['en', 'Today', 'Yesterday', '20 November'],
] as const)('in %s', (locale, today, yesterday, friday) => {
  beforeEach(() => overwriteGetLocale(() => locale));

  test('days near now are named, others dated', () => {
    expect(dayText(NOON - HOUR, NOON)).toBe(today);
    expect(dayText(NOON - 13 * HOUR, NOON)).toBe(yesterday);
    expect(dayText(NOON - 72 * HOUR, NOON)).toContain(friday);
    expect(dayText(new Date(2025, 10, 20).getTime(), NOON)).toContain('2025');
  });

  test('how long ago is said roughly, and a clock that runs ahead is never in the future', () => {
    const lengths = [59_999, 60_000, 200_000, HOUR - 1, HOUR, 24 * HOUR - 1, 24 * HOUR, 30.5 * 24 * HOUR];
    expect(lengths.map((past) => agoText(NOON - past, NOON))).toEqual(AGO[locale]);
    expect(agoText(NOON + HOUR, NOON)).toBe(AGO[locale][0]);
  });

  test('days and months are what the browser itself would write', () => {
    const tag = locale === 'zh' ? 'zh-CN' : 'en-GB';
    const day = { month: 'long', day: 'numeric', weekday: 'short' } as const;
    const thisYear = new Intl.DateTimeFormat(tag, day);
    const otherYear = new Intl.DateTimeFormat(tag, { ...day, year: 'numeric' });
    const month = new Intl.DateTimeFormat(tag, { year: 'numeric', month: 'long' });
    for (let number = 0; number < 12; number += 1) {
      const [now, before] = [2026, 2025].map((year) => new Date(year, number, 1 + 2 * number, 9).getTime());
      if (now === undefined || before === undefined) continue;
      const afterwards = new Date(2026, 11, 31, 9).getTime();
      expect(dayText(now, afterwards)).toBe(thisYear.format(now));
      expect(dayText(before, afterwards)).toBe(otherYear.format(before));
      expect(monthText(`2026-${String(number + 1).padStart(2, '0')}`)).toBe(month.format(now));
    }
  });

  test('the time of day is what the browser itself would write', () => {
    const browser = new Intl.DateTimeFormat(locale === 'zh' ? 'zh-CN' : 'en-GB', { timeStyle: 'short' });
    for (const hour of [-12, -3, 0, 1.5, 11.99]) {
      expect(timeText(NOON + hour * HOUR)).toBe(browser.format(NOON + hour * HOUR));
    }
  });
});
