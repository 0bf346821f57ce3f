/**
 * An exact sum: whole minor units with their currency, made by one checking constructor.
 * Invariant: `minor` is a safe integer; two currencies never meet in one sum.
 */
import { assert } from '#shared/base/assert.ts';
import { type Currency, currencyDigits } from '#shared/money/currency.ts';

/** `minor` units (fen for CNY) of `currency`; frozen. */
export interface Money {
  readonly minor: number;
  readonly currency: Currency;
}

/** The only way to make a sum. Throws a Fault when `minor` is no safe integer. */
export function money(minor: number, currency: Currency): Money {
  assert(Number.isSafeInteger(minor), `not minor units: ${minor}`);
  return Object.freeze({ minor: minor === 0 ? 0 : minor, currency });
}

/** The sum as plain decimal text with a point: `12.30`; for keypads and exports, not for people (see the web's own format). */
export function toDecimal(sum: Money): string {
  const digits = currencyDigits(sum.currency);
  const text = String(Math.abs(sum.minor)).padStart(digits + 1, '0');
  const sign = sum.minor < 0 ? '-' : '';
  return digits === 0 ? sign + text : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** The sum a person typed (`12`, `12.3`, `12.30`), or undefined when it is no exact non-negative sum of `currency`. */
export function fromDecimal(text: string, currency: Currency): Money | undefined {
  const digits = currencyDigits(currency);
  const match = /^(\d{1,13})(?:\.(\d+))?$/.exec(text);
  const fraction = match?.[2] ?? '';
  if (!match || fraction.length > digits) return undefined;
  const minor = Number(`${match[1]}${fraction.padEnd(digits, '0')}`);
  return Number.isSafeInteger(minor) ? money(minor, currency) : undefined;
}
