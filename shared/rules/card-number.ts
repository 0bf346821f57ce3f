/** Numbers of bank cards: the check digit (ISO/IEC 7812-1 annex B), and which bank issued one, by its first six digits. */

/** A bank of the table, and what kind of card the six digits stand for. */
export interface Bin {
  readonly bin: string;
  readonly bank: string;
  readonly kind: 'debit' | 'credit';
  /** Digits of a whole number. */
  readonly digits: number;
}

/** Banks by their short names, as people call them. */
export const BANKS: Readonly<Record<string, { readonly zh: string; readonly en: string }>> = {
  abc: { zh: '农业银行', en: 'Agricultural Bank' },
  boc: { zh: '中国银行', en: 'Bank of China' },
  bocom: { zh: '交通银行', en: 'Bank of Communications' },
  ccb: { zh: '建设银行', en: 'China Construction Bank' },
  cmb: { zh: '招商银行', en: 'China Merchants Bank' },
  icbc: { zh: '工商银行', en: 'ICBC' },
};

/** The issuers the house works with. */
export const BINS: readonly Bin[] = [
  { bin: '622202', bank: 'icbc', kind: 'debit', digits: 19 },
  { bin: '621700', bank: 'ccb', kind: 'debit', digits: 19 },
  { bin: '622848', bank: 'abc', kind: 'debit', digits: 19 },
  { bin: '621661', bank: 'boc', kind: 'debit', digits: 19 },
  { bin: '622588', bank: 'cmb', kind: 'debit', digits: 16 },
  { bin: '622230', bank: 'icbc', kind: 'credit', digits: 16 },
  { bin: '622575', bank: 'cmb', kind: 'credit', digits: 16 },
  { bin: '622252', bank: 'bocom', kind: 'credit', digits: 16 },
];

/** What is wrong with a card number before anybody is asked about it. */
export type CardNumberFault = 'not-a-number' | 'check-digit' | 'unknown-bank' | 'length';

/** The issuer of the card number in `text` (spaces and hyphens between digits are fine), or what is wrong with it. */
export function readCardNumber(text: string): { readonly number: string; readonly issuer: Bin } | CardNumberFault {
  const number = text.replaceAll(/[\s-]/g, '');
  if (!/^\d{13,19}$/.test(number)) return 'not-a-number';
  if (!hasCheckDigit(number)) return 'check-digit';
  const issuer = issuerOf(number.slice(0, 6));
  if (!issuer) return 'unknown-bank';
  return number.length === issuer.digits ? { number, issuer } : 'length';
}

/** The issuer whose cards begin with the six digits `bin`. */
export function issuerOf(bin: string): Bin | undefined {
  return BINS.find((one) => one.bin === bin);
}

/** Whether the last digit of `digits` is the right one by the Luhn formula. */
export function hasCheckDigit(digits: string): boolean {
  let sum = 0;
  for (let at = 0; at < digits.length; at += 1) {
    const digit = Number(digits[digits.length - 1 - at]) * (at % 2 === 1 ? 2 : 1);
    sum += digit > 9 ? digit - 9 : digit;
  }
  return sum % 10 === 0;
}

/** `digits` with the check digit that makes them a number of a card or a slip. */
export function withCheckDigit(digits: string): string {
  return [...'0123456789'].map((last) => digits + last).find(hasCheckDigit) ?? digits;
}
