/** When the guarantee fund stands behind a payment that the payer's allowance does not cover; the same for payee and server. */
import { CLOCK_SKEW } from '#shared/base/limits.ts';
import { after, type Duration, type Instant } from '#shared/base/time.ts';

/** What the fund promises in one region, in minor units of one currency. */
export interface GuaranteePolicy {
  /** How old the payee's newest epoch card may have been when it was paid. */
  readonly epochAge: Duration;
  /** Most the fund pays to one payee within `window`. */
  readonly payeeCap: number;
  /** The window of `payeeCap`. */
  readonly window: Duration;
  /** Most the fund may be owed by all payers together. */
  readonly fundCap: number;
}

/** One shortfall and what is known about it; sums in minor units. */
export interface GuaranteeClaim {
  readonly shortfall: number;
  /** When the payer signed. */
  readonly signedAt: Instant;
  /** When the house heard of the payment, and until when it honours payments of its allowance. */
  readonly uploadedAt: Instant;
  readonly claimUntil: Instant;
  /** When the epoch card was issued whose number stands in the core; undefined when there is no such card. */
  readonly epochTime: Instant | undefined;
  /** Whether payer and payee are one person, or share a device. */
  readonly linked: boolean;
  /** Whether the payee's certificate promises a guarantee at all. */
  readonly graded: boolean;
  /** Already paid to this payee within the window. */
  readonly paidToPayee: number;
  /** What all payers together owe the fund. */
  readonly exposure: number;
}

/** Why the fund does not pay. */
export type GuaranteeFault =
  | 'guarantee.linked'
  | 'guarantee.not-promised'
  | 'guarantee.stale-epoch'
  | 'guarantee.too-late'
  | 'guarantee.payee-cap'
  | 'guarantee.fund-cap';

/** The first reason why the fund does not pay `claim`, or undefined when it pays in full. It never pays in part. */
export function guaranteeFault(claim: GuaranteeClaim, policy: GuaranteePolicy): GuaranteeFault | undefined {
  if (claim.linked) return 'guarantee.linked';
  if (!claim.graded) return 'guarantee.not-promised';
  const { epochTime } = claim;
  // A card of the future is no proof of freshness: nobody can hold one.
  if (epochTime === undefined || epochTime > claim.signedAt + CLOCK_SKEW) return 'guarantee.stale-epoch';
  if (after(epochTime, policy.epochAge) < claim.signedAt) return 'guarantee.stale-epoch';
  if (claim.uploadedAt > claim.claimUntil) return 'guarantee.too-late';
  if (claim.paidToPayee + claim.shortfall > policy.payeeCap) return 'guarantee.payee-cap';
  return claim.exposure + claim.shortfall > policy.fundCap ? 'guarantee.fund-cap' : undefined;
}
