/** The currencies the house knows and how many digits their smallest unit stands behind the point (ISO 4217). */

const DIGITS = { CNY: 2, HKD: 2, USD: 2, EUR: 2, GBP: 2, SGD: 2, JPY: 0, KRW: 0 } as const;

/** An ISO 4217 code of a currency the house takes. */
export type Currency = keyof typeof DIGITS;

/** Every currency, in the order signed messages number them; only ever appended to. */
export const CURRENCIES: readonly Currency[] = ['CNY', 'HKD', 'USD', 'EUR', 'GBP', 'SGD', 'JPY', 'KRW'];

/** Whether `text` is the code of a known currency. */
export function isCurrency(text: string): text is Currency {
  return Object.hasOwn(DIGITS, text);
}

/** Digits behind the decimal point: 2 for CNY, 0 for JPY. */
export function currencyDigits(currency: Currency): number {
  return DIGITS[currency];
}
