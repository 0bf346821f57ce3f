/** Where a bill belongs: by hand, else by the oldest rule that fits, else by what kind of bill it is. */
import { spokenCategory } from '#shared/rules/filing-words.ts';

/** The categories everybody has; a person's own stand beside them under their ids. */
export const CATEGORIES = [
  'food',
  'shopping',
  'transport',
  'home',
  'health',
  'fun',
  'study',
  'family',
  'income',
  'moving',
  'other',
] as const;
/** One of the categories everybody has. */
export type BuiltInCategory = (typeof CATEGORIES)[number];

/** What of a bill is looked at. `amount` in minor units. */
export interface Filed {
  readonly id: string;
  readonly kind: string;
  readonly direction: 'in' | 'out' | 'neutral';
  readonly amount: number;
  readonly currency: string;
  readonly peer?: { readonly name: string };
  readonly memo?: string;
  /** What another wallet called it that the bill was brought in from. */
  readonly filed?: string;
}

/** What a rule asks of a bill; what it does not say it does not ask. */
export interface FilingWhen {
  readonly peer?: string;
  readonly memo?: string;
  readonly kind?: string;
  readonly direction?: 'in' | 'out';
  readonly currency?: string;
  readonly least?: number;
  readonly most?: number;
}

/** A rule as it is followed. */
export interface FilingRule {
  readonly when: FilingWhen;
  readonly category: string;
}

/** The category of `bill`: `chosen` by hand, else that of the first of `rules` (oldest first) that fits, else the usual one. */
export function categoryOf(bill: Filed, rules: readonly FilingRule[], chosen?: string): string {
  return chosen ?? rules.find((rule) => fits(bill, rule.when))?.category ?? usualCategory(bill);
}

/** Whether everything `when` asks holds of `bill`; a rule that asks nothing fits nothing. */
export function fits(bill: Filed, when: FilingWhen): boolean {
  const { peer, memo, kind, direction, currency, least, most } = when;
  if (Object.values(when).every((asked) => asked === undefined)) return false;
  return (
    (peer === undefined || has(bill.peer?.name, peer)) &&
    (memo === undefined || has(bill.memo, memo)) &&
    (kind === undefined || bill.kind === kind) &&
    (direction === undefined || bill.direction === direction) &&
    (currency === undefined || bill.currency === currency) &&
    (least === undefined || bill.amount >= least) &&
    (most === undefined || bill.amount <= most)
  );
}

/**
 * Own money that moves between own places is no spending, money that comes is income until somebody says otherwise, and
 * what is spent is filed by what its words speak of.
 */
export function usualCategory({ kind, direction, filed, peer, memo }: Filed): BuiltInCategory {
  if (direction === 'neutral' || kind !== 'payment') return 'moving';
  if (direction === 'in') return 'income';
  return spokenCategory([filed, peer?.name, memo]) ?? 'other';
}

function has(text: string | undefined, wanted: string): boolean {
  return text !== undefined && plain(text).includes(plain(wanted));
}

/** Full-width letters, upper case and lower case are one to whoever looks for a word. */
function plain(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

/** How far a budget is used up: `notice` from `noticeAt` percent on, `over` beyond all of it. */
export type BudgetState = 'within' | 'notice' | 'over';

/** How far `spent` of `amount` is, with no rounding: 80 percent is not reached by 79.999. */
export function budgetState(spent: number, amount: number, noticeAt: number): BudgetState {
  if (spent > amount) return 'over';
  return BigInt(spent) * 100n >= BigInt(amount) * BigInt(noticeAt) ? 'notice' : 'within';
}
