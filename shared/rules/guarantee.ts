/** When the guarantee fund stands behind a payment that the payer's allowance does not cover; the same for payee and server. */
import { CLOCK_SKEW } from '#shared/base/limits.ts';
import { after, type Duration, type Instant } from '#shared/base/time.ts';
import type { Allowance } from '#shared/protocol/allowance.ts';
import type { Tier } from '#shared/rules/policy.ts';

/** What the fund promises in one region, in minor units of one currency. */
export interface GuaranteePolicy {
  /** How old the payee's newest epoch card may have been when it was paid. */
  readonly epochAge: Duration;
  /** Most the fund pays to one payee within `window`. */
  readonly payeeCap: number;
  /** The window of `payeeCap`. */
  readonly window: Duration;
  /** Most one payer may owe the fund. */
  readonly payerCap: number;
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
  /** Whether its allowance was issued with one: {@link hasGuarantee}. */
  readonly answerable: boolean;
  /** Already paid to this payee within the window. */
  readonly paidToPayee: number;
  /** What its payer owes the fund already. */
  readonly owedByPayer: number;
  /** Already paid for other payments of its allowance, and what issuing set aside of the fund for them all. */
  readonly paidForAllowance: number;
  readonly reserved: number;
  /** What all payers together owe the fund. */
  readonly owed: number;
}

/** Why the fund does not pay. */
export const GUARANTEE_FAULTS = [
  'guarantee.linked',
  'guarantee.not-promised',
  'guarantee.payer-unproved',
  'guarantee.stale-epoch',
  'guarantee.too-late',
  'guarantee.payee-cap',
  'guarantee.payer-cap',
  'guarantee.allowance-cap',
  'guarantee.fund-cap',
] as const;
/** Why the fund does not pay. */
export type GuaranteeFault = (typeof GUARANTEE_FAULTS)[number];

/**
 * The guarantee an open allowance is issued with. What the fund pays for a payer he owes it, and only who has proved a name
 * can be held to that: a wallet opened with nothing but a phone number would be given up with its debt, and opened again.
 */
export function guaranteeOf(tier: Tier): NonNullable<Allowance['guarantee']> {
  return tier === 'unproved' ? 'none' : 'full';
}

/** Whether the fund stands behind payments of an allowance at all, as its issuer has signed. */
export function hasGuarantee({ guarantee }: Pick<Allowance, 'guarantee'>): boolean {
  return guarantee !== 'none';
}

/**
 * What issuing an allowance of `total` sets aside of the fund, and so the most the fund pays for it, whoever claims: as many
 * copies as its region reckons with. Nothing for one that is locked to a payee, who sees every payment of it and so both of two.
 */
export function reservedFor({ total, isLocked }: { total: number; isLocked: boolean }, clonesAssumed: number): number {
  return isLocked ? 0 : clonesAssumed * total;
}

/** The first reason why the fund does not pay `claim`, or undefined when it pays in full. It never pays in part. */
export function guaranteeFault(claim: GuaranteeClaim, policy: GuaranteePolicy): GuaranteeFault | undefined {
  if (claim.linked) return 'guarantee.linked';
  if (!claim.graded) return 'guarantee.not-promised';
  if (!claim.answerable) return 'guarantee.payer-unproved';
  const { epochTime } = claim;
  // A card of the future is no proof of freshness: nobody can hold one.
  if (epochTime === undefined || epochTime > claim.signedAt + CLOCK_SKEW) return 'guarantee.stale-epoch';
  if (after(epochTime, policy.epochAge) < claim.signedAt) return 'guarantee.stale-epoch';
  if (claim.uploadedAt > claim.claimUntil) return 'guarantee.too-late';
  const { shortfall } = claim;
  if (claim.paidToPayee + shortfall > policy.payeeCap) return 'guarantee.payee-cap';
  // Who conspires with the payee may never pay the debt: these two are the most that can come to stand against a name.
  if (claim.owedByPayer + shortfall > policy.payerCap) return 'guarantee.payer-cap';
  if (claim.paidForAllowance + shortfall > claim.reserved) return 'guarantee.allowance-cap';
  return claim.owed + shortfall > policy.fundCap ? 'guarantee.fund-cap' : undefined;
}
