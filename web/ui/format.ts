/**
 * Sums, moments and lengths of time as people read them, in the language of the app. What lists show is put together
 * from words of our own: the first date a browser formats by its tables costs a slow phone a seventh of a second.
 */

import { isCurrency } from '#shared/money/currency.ts';
import { money, toDecimal } from '#shared/money/money.ts';
import { m } from '#web/paraglide/messages.js';
import { getLocale } from '#web/paraglide/runtime.js';

const SIGNS: Readonly<Record<string, string>> = {
  CNY: '¥',
  USD: '$',
  EUR: '€',
  GBP: '£',
  HKD: 'HK$',
  SGD: 'S$',
  JPY: 'JP¥',
  KRW: '₩',
};
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The parts of a sum of `minor` units: its sign, its whole digits in groups of three, and its decimals without the point. */
export function sumParts(minor: number, currency: string): { mark: string; whole: string; decimals: string } {
  const text = isCurrency(currency) ? toDecimal(money(Math.abs(minor), currency)) : String(Math.abs(minor));
  const [whole = '0', decimals = ''] = text.split('.');
  return { mark: SIGNS[currency] ?? `${currency} `, whole: whole.replace(/\B(?=(\d{3})+$)/g, ','), decimals };
}

/** A sum in one line: `¥1,234.50`. */
export function sumText(minor: number, currency: string): string {
  const { mark, whole, decimals } = sumParts(minor, currency);
  return `${minor < 0 ? '−' : ''}${mark}${whole}${decimals ? `.${decimals}` : ''}`;
}

/** The language tag dates and lists are written in. */
export function languageTag(): 'zh-CN' | 'en-GB' {
  return getLocale() === 'zh' ? 'zh-CN' : 'en-GB';
}

/** A moment (milliseconds) to the minute, with its day. */
export function momentText(at: number): string {
  return new Intl.DateTimeFormat(languageTag(), { dateStyle: 'medium', timeStyle: 'short' }).format(at);
}

/** The day of a moment (milliseconds), with its year. */
export function dateText(at: number): string {
  return new Intl.DateTimeFormat(languageTag(), { dateStyle: 'medium' }).format(at);
}

/** A moment (milliseconds) to the second, as receipts state it. */
export function exactText(at: number): string {
  return new Intl.DateTimeFormat(languageTag(), { dateStyle: 'medium', timeStyle: 'medium' }).format(at);
}

/** The time of day of a moment (milliseconds): both languages write it alike. */
export function timeText(at: number): string {
  const moment = new Date(at);
  const digits = (count: number) => String(count).padStart(2, '0');
  return `${digits(moment.getHours())}:${digits(moment.getMinutes())}`;
}

/** The day of a moment as the head of a list: today and yesterday by name, else the date. */
export function dayText(at: number, now: number): string {
  const days = Math.round((startOfDay(now) - startOfDay(at)) / DAY);
  if (days === 0) return m.ui_day_today();
  if (days === 1) return m.ui_day_yesterday();
  const moment = new Date(at);
  const [year, day] = [moment.getFullYear(), moment.getDate()];
  const month = nth(m.ui_months(), moment.getMonth());
  const weekday = nth(m.ui_weekdays(), moment.getDay());
  return year === new Date(now).getFullYear()
    ? m.ui_day_of_month({ month, day, weekday })
    : m.ui_day_of_year({ year, month, day, weekday });
}

/** A month (`2026-11`) by its name and year. */
export function monthText(month: string): string {
  const [year = 1970, number = 1] = month.split('-').map(Number);
  return m.ui_month_of_year({ year, month: nth(m.ui_months(), number - 1) });
}

/** One of some names that stand in a message with spaces between. */
function nth(names: string, place: number): string {
  return names.split(' ')[place] ?? '';
}

/** How long ago a moment was, roughly: `3 minutes ago`. */
export function agoText(at: number, now: number): string {
  const past = Math.max(0, now - at);
  if (past < MINUTE) return m.ui_ago_now();
  if (past < HOUR) return counted(past / MINUTE, m.ui_ago_minute, m.ui_ago_minutes);
  if (past < DAY) return counted(past / HOUR, m.ui_ago_hour, m.ui_ago_hours);
  return counted(past / DAY, m.ui_ago_day, m.ui_ago_days);
}

function counted(length: number, one: () => string, many: (words: { count: number }) => string): string {
  const count = Math.floor(length);
  return count === 1 ? one() : many({ count });
}

function startOfDay(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0);
}
