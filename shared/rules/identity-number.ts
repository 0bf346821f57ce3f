/**
 * The citizen identity number of GB 11643-1999: read, proved by its own check digit, dated and masked.
 * That a number is well formed says nothing of whose it is: only the register can tell.
 */
import type { Instant } from '#shared/base/time.ts';

/** A well-formed number: 18 characters, `X` in capitals, and the day of birth it tells, `YYYY-MM-DD`. */
export interface IdentityNumber {
  readonly text: string;
  readonly born: string;
}

/** Weights of the first 17 digits and the letters of the check digit by the weighted sum mod 11 (ISO 7064, MOD 11-2). */
const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const LETTERS = '10X98765432';

/** Provinces by their first two digits (GB/T 2260), with Hong Kong, Macao and Taiwan residents and foreign residents. */
const PROVINCES = /^(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|91)/;

/** China has one time all over the country: UTC+8, with no summer time. */
const CHINA_AHEAD_MS = 8 * 3_600_000;

/** The calendar day in China at `now`, `YYYY-MM-DD`. */
function chinaDay(now: Instant): string {
  return new Date(now + CHINA_AHEAD_MS).toISOString().slice(0, 10);
}

/** The number in `typed` (blanks are forgiven), or undefined when no person can have it at `now`. */
export function readIdentityNumber(typed: string, now: Instant): IdentityNumber | undefined {
  const text = typed.replaceAll(/\s/g, '').toUpperCase();
  const [, year, month, day] = /^\d{6}(\d{4})(\d{2})(\d{2})\d{3}[\dX]$/.exec(text) ?? [];
  if (year === undefined || !PROVINCES.test(text) || checkLetter(text) !== text[17]) return undefined;
  const born = `${year}-${month}-${day}`;
  // A 30th of February would roll over into March.
  const midnight = new Date(`${born}T00:00:00Z`);
  const isDay = !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(born);
  return isDay && born >= '1900' && born <= chinaDay(now) ? { text, born } : undefined;
}

/** The check digit that belongs to the first 17 digits of `text`. */
export function checkLetter(text: string): string {
  const sum = WEIGHTS.reduce((total, weight, at) => total + weight * Number(text[at]), 0);
  return LETTERS[sum % 11] ?? '';
}

/** Full years of age at `now`, by the calendar of China. */
export function ageAt({ born }: IdentityNumber, now: Instant): number {
  const today = chinaDay(now);
  const years = Number(today.slice(0, 4)) - Number(born.slice(0, 4));
  return today.slice(5) < born.slice(5) ? years - 1 : years;
}

/** The number as it may be shown: first and last character. */
export function maskIdentityNumber(text: string): string {
  return `${text.slice(0, 1)}${'*'.repeat(16)}${text.slice(-1)}`;
}
