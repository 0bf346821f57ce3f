/** The chain of payments inside one allowance: numbers, cumulative totals and references that must agree with each other. */
import { sameBytes } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import type { Allowance } from '#shared/protocol/allowance.ts';
import { referenceOf } from '#shared/protocol/message.ts';
import type { SignedPayment } from '#shared/protocol/payment.ts';

/** What a verifier remembers of a payment it has accepted; `id` is 32 bytes, `previous` 16, sums are in the allowance's currency. */
export interface HeldPayment {
  readonly id: Uint8Array;
  readonly number: number;
  readonly amount: number;
  readonly total: number;
  readonly payee: Id;
  readonly previous: Uint8Array;
}

/** What to remember of a payment. */
export function heldOf(payment: SignedPayment): HeldPayment {
  const { number, amount, total, payee, previous } = payment.message;
  return { id: payment.id, number, amount, total, payee, previous };
}

/**
 * Whether a payment could stand in any honest chain of its allowance: the first names the anchor and is its own total;
 * a later one leaves at least one minor unit for each payment before it.
 */
export function couldStand(payment: HeldPayment, allowance: Allowance): boolean {
  const before = payment.total - payment.amount;
  if (payment.number === 1) return before === 0 && sameBytes(payment.previous, allowance.anchor);
  return before >= payment.number - 1;
}

/** The first held payment with the number of `payment` but another id: a fork. */
export function forkIn(held: readonly HeldPayment[], payment: HeldPayment): HeldPayment | undefined {
  return held.find((one) => one.number === payment.number && !sameBytes(one.id, payment.id));
}

/** The first held payment of another number that cannot stand in one chain with `payment`. */
export function contradictionIn(held: readonly HeldPayment[], payment: HeldPayment): HeldPayment | undefined {
  return held.find((one) => {
    if (one.number === payment.number) return false;
    return one.number < payment.number ? !follows(one, payment) : !follows(payment, one);
  });
}

/**
 * Whether `later` is the very next payment and names `earlier`: who signed it signed for all that it names, for nobody finds
 * another payment with that reference (an authenticated chain: Gennaro and Rohatgi, "How to sign digital streams", 1997).
 */
export function signsFor(later: HeldPayment, earlier: HeldPayment): boolean {
  return later.number === earlier.number + 1 && follows(earlier, later);
}

function follows(earlier: HeldPayment, later: HeldPayment): boolean {
  const between = later.number - earlier.number - 1;
  const room = later.total - later.amount - earlier.total;
  if (between > 0) return room >= between;
  return room === 0 && sameBytes(later.previous, referenceOf(earlier.id));
}
