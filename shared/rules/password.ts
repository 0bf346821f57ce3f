/**
 * The payment password: which six digits nobody may choose, and what proof an act of money asks for.
 * The phone asks before it sends, the server decides: both by these very rules.
 */
import { isCommonPin } from '#shared/rules/common-pins.ts';

/** Why six digits cannot be a payment password. */
export type PasswordFault =
  | 'password.digits'
  | 'password.equal'
  | 'password.run'
  | 'password.repeat'
  | 'password.birthday'
  | 'password.own-number'
  | 'password.common';

/** What is known of who chooses: nobody may take what others can read off an identity card or a telephone book. */
export interface Chooser {
  /** The day of birth, `YYYY-MM-DD`, once it is proved. */
  readonly born?: string;
  /** Phone and citizen number, as far as they are known. */
  readonly numbers: readonly string[];
}

/** What is wrong with `digits` as the payment password of `chooser`; undefined when nothing is. */
export function passwordFault(digits: string, chooser: Chooser): PasswordFault | undefined {
  if (!/^\d{6}$/.test(digits)) return 'password.digits';
  if (/^(\d)\1{5}$/.test(digits)) return 'password.equal';
  if (isRun(digits)) return 'password.run';
  if (/^(?:(\d\d)\1\1|(\d{3})\2)$/.test(digits)) return 'password.repeat';
  if (chooser.born !== undefined && birthForms(chooser.born).includes(digits)) return 'password.birthday';
  const own = chooser.numbers.map((number) => number.replaceAll(/\D/g, ''));
  if (own.some((number) => number.includes(digits))) return 'password.own-number';
  return isCommonPin(digits) ? 'password.common' : undefined;
}

/** Each digit one more, or one less, than the one before; after the nine comes the nought. */
function isRun(digits: string): boolean {
  const steps = [...digits].slice(1).map((digit, at) => (Number(digit) - Number(digits[at]) + 10) % 10);
  return steps.every((step) => step === 1) || steps.every((step) => step === 9);
}

/** The ways people write a day in six digits. */
function birthForms(born: string): string[] {
  const [year = '', month = '', day = ''] = born.split('-');
  const short = year.slice(2);
  return [short + month + day, day + month + short, month + day + short, year + month];
}

/**
 * What an act of money asks for at least. free: nothing while it is small and seldom. always: the payment password or a
 * passkey, however small. both: one and the other, because it cannot be taken back.
 */
export const MONEY_ACTS = {
  transfer: 'free',
  payment: 'free',
  claim: 'free',
  withdrawal: 'always',
  closing: 'both',
} as const satisfies Record<string, 'free' | 'always' | 'both'>;

/** An act of money somebody has to stand for. */
export type MoneyAct = keyof typeof MONEY_ACTS;

/** Why somebody has to stand for an act twice: a phone that is new here, or a password that was found again. */
export type MoneyRisk = 'new-device' | 'recovered';

/** What the proof of an act depends on. Sums in minor units of `currency`. */
export interface ProofQuestion {
  readonly act: MoneyAct;
  readonly amount: number;
  readonly currency: string;
  /** The region's own currency, in which the bounds below are said. */
  readonly home: string;
  /** What goes without a proof: so much at once, and so many more acts today. */
  readonly free: { readonly each: number; readonly left: number };
  /** From this on a sum is large for the person's tier. */
  readonly largeFrom: number;
  readonly risk: MoneyRisk | undefined;
  readonly hasPassword: boolean;
}

/** What has to be proved. either: by the payment password or by a passkey; both: by one and the other. */
export type ProofNeeded = 'nothing' | 'either' | 'passkey' | 'both';

/** The proof an act needs. Who has no payment password proves by the passkey alone. */
export function proofNeeded(question: ProofQuestion): ProofNeeded {
  const { act, amount, currency, home, free, largeFrom, risk, hasPassword } = question;
  const isHome = currency === home;
  const isLarge = isHome && amount >= largeFrom;
  if (MONEY_ACTS[act] === 'both' || risk !== undefined || isLarge) return hasPassword ? 'both' : 'passkey';
  const isFree = MONEY_ACTS[act] === 'free' && isHome && amount <= free.each && free.left > 0;
  if (isFree) return 'nothing';
  return hasPassword ? 'either' : 'passkey';
}
