/** May the payer spend? The same limits a verifier will walk through, asked before anything is reserved or signed. */
import type { Id } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Money } from '#shared/money/money.ts';
import type { Allowance } from '#shared/protocol/allowance.ts';
import { needsPasskey } from '#shared/protocol/verify.ts';

/** Why an allowance cannot make a payment. */
export type SpendingCode =
  | 'spending.not-yet-valid'
  | 'spending.expired'
  | 'spending.currency'
  | 'spending.payee-not-allowed'
  | 'spending.over-each'
  | 'spending.over-payee'
  | 'spending.over-total'
  | 'spending.over-count'
  | 'spending.passkey-missing';

/** A refusal to spend; `most` in the detail is what could be spent instead, in minor units. */
export interface SpendingRefusal {
  readonly code: SpendingCode;
  readonly detail?: Readonly<Record<string, number>>;
}

/** What of an allowance is used, reserved entries included, in minor units of its currency. */
export interface Spent {
  readonly count: number;
  readonly total: number;
  readonly toPayee: number;
}

/** What the payment would be. */
export interface Spending {
  readonly number: number;
  readonly amount: number;
  readonly total: number;
  readonly needsPasskey: boolean;
}

/**
 * What paying `sum` to `payee` would be, or why not. `present` is the later of the clock and the time floor.
 * Stricter than the verifier: no clock skew is used up by the payer itself.
 */
export function maySpend(
  allowance: Allowance,
  spent: Spent,
  payee: Id,
  sum: Money,
  present: Instant,
): Result<Spending, SpendingRefusal> {
  if (present < allowance.notBefore) return refuse({ code: 'spending.not-yet-valid' });
  if (present > allowance.expires) return refuse({ code: 'spending.expired' });
  if (sum.currency !== allowance.currency) return refuse({ code: 'spending.currency' });
  if (allowance.payees !== undefined && !allowance.payees.includes(payee)) {
    return refuse({ code: 'spending.payee-not-allowed' });
  }
  const code = limitPassed(allowance, spent, sum.minor);
  if (code !== undefined) return refuse({ code, detail: { most: spendable(allowance, spent) } });
  const total = spent.total + sum.minor;
  const passkey = needsPasskey(allowance, sum.minor, total);
  if (passkey && allowance.passkey === undefined) return refuse({ code: 'spending.passkey-missing' });
  return ok({ number: spent.count + 1, amount: sum.minor, total, needsPasskey: passkey });
}

/** The most one payment to this payee may be, in minor units; 0 when none may be made. */
export function spendable(allowance: Allowance, spent: Spent): number {
  if (spent.count >= allowance.maxCount) return 0;
  const left = Math.min(allowance.perPayment, allowance.perPayee - spent.toPayee, allowance.total - spent.total);
  return Math.max(0, left);
}

function limitPassed(allowance: Allowance, spent: Spent, amount: number): SpendingCode | undefined {
  if (spent.count >= allowance.maxCount) return 'spending.over-count';
  if (amount > allowance.perPayment) return 'spending.over-each';
  if (spent.total + amount > allowance.total) return 'spending.over-total';
  if (spent.toPayee + amount > allowance.perPayee) return 'spending.over-payee';
  return undefined;
}
