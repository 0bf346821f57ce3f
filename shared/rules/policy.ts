/** What a region allows a person of a tier to do without asking. The server keeps one row per region and tier; these are the first ones. */
import { CLOCK_SKEW } from '#shared/base/limits.ts';
import { type Duration, duration, type Instant, instant } from '#shared/base/time.ts';

/** How well a person is known; later tiers are better known. */
export const TIERS = ['unproved', 'real-name', 'two-factor'] as const;
/** How well a person is known. */
export type Tier = (typeof TIERS)[number];

/** The limits of one allowance, in minor units of its currency, and how long it lives. */
export interface AllowancePolicy {
  readonly total: number;
  readonly perPayment: number;
  readonly perPayee: number;
  readonly maxCount: number;
  /** A payment above this needs the passkey. */
  readonly noPasskeyEach: number;
  /** A payment that brings the cumulative total above this needs the passkey. */
  readonly noPasskeySum: number;
  readonly life: Duration;
}

/** Everything a region decides for a tier. */
export interface Policy extends AllowancePolicy {
  /** Counts up with each change; an allowance names the one it was issued under. */
  readonly epoch: number;
  /** How long after its end an allowance's payments are still honoured. */
  readonly claimWindow: Duration;
  readonly invoiceLifetime: Duration;
  /** How old a payee's list of stopped wallets may be before it asks for small sums only. */
  readonly statusAge: Duration;
  /** The most it then asks for at once. */
  readonly staleEach: number;
  /** The guarantee covers payees whose newest epoch card is at most this old. */
  readonly guaranteeEpochAge: Duration;
  readonly clockSkew: Duration;
  /** What all allowances of one person may come to in a day, over all devices (PBoC Notice 43/2015, article 24). */
  readonly perDay: number;
  readonly devicesMost: number;
  /**
   * What a person may spend from the balance in all, in minor units: for life while nothing but a phone is proved, in a
   * calendar year of China after that (PBoC Notice 261/2015, article 11: classes I, II and III of payment accounts).
   */
  readonly spend: { readonly most: number; readonly per: 'life' | 'year' };
  /** Caps for a device whose keys no passkey locks (no PRF): a copied browser profile can spend with them. */
  readonly unwrapped: { readonly total: number; readonly life: Duration };
}

const COMMON = {
  epoch: 1,
  noPasskeyEach: 30_00,
  noPasskeySum: 100_00,
  life: duration(72, 'h'),
  claimWindow: duration(14, 'd'),
  invoiceLifetime: duration(120, 's'),
  statusAge: duration(72, 'h'),
  staleEach: 30_00,
  guaranteeEpochAge: duration(72, 'h'),
  clockSkew: CLOCK_SKEW,
  perDay: 1000_00,
  devicesMost: 2,
  unwrapped: { total: 200_00, life: duration(24, 'h') },
} as const;

/** The policies a new region starts with, in fen. One payee gets no more from one allowance than one payment may carry. */
export const DEFAULT_POLICIES: Readonly<Record<Tier, Policy>> = {
  unproved: {
    ...COMMON,
    total: 200_00,
    perPayment: 100_00,
    perPayee: 100_00,
    maxCount: 5,
    spend: { most: 1_000_00, per: 'life' },
  },
  'real-name': {
    ...COMMON,
    total: 500_00,
    perPayment: 200_00,
    perPayee: 200_00,
    maxCount: 10,
    spend: { most: 100_000_00, per: 'year' },
  },
  'two-factor': {
    ...COMMON,
    total: 1000_00,
    perPayment: 500_00,
    perPayee: 500_00,
    maxCount: 20,
    spend: { most: 200_000_00, per: 'year' },
  },
};

/** From when on spending counts at `now`: from the first moment, or from the year's beginning in China (UTC+8). */
export function spendSince({ per }: Policy['spend'], now: Instant): Instant {
  if (per === 'life') return instant(0);
  const ahead = duration(8, 'h');
  const year = new Date(now + ahead).getUTCFullYear();
  return instant(Date.UTC(year, 0, 1) - ahead);
}

/**
 * `policy` at `percent` of its sums, as for a while after a payment password was found again; and with no more going
 * without a passkey than the person lets go without a proof, where they have said so: phone, payee and server then hold
 * the same line, because it is signed into the allowance.
 */
export function boundedPolicy(
  policy: Policy,
  percent: number,
  free: { readonly each: number; readonly count: number } | undefined,
): Policy {
  const part = (sum: number) => Math.floor((sum * percent) / 100);
  return {
    ...policy,
    total: part(policy.total),
    perPayment: part(policy.perPayment),
    perPayee: part(policy.perPayee),
    perDay: part(policy.perDay),
    noPasskeyEach: Math.min(part(policy.noPasskeyEach), free?.each ?? policy.noPasskeyEach),
    noPasskeySum: Math.min(part(policy.noPasskeySum), free ? free.each * free.count : policy.noPasskeySum),
    unwrapped: { ...policy.unwrapped, total: part(policy.unwrapped.total) },
  };
}

/** The limits for one device of a tier: `wrapped` says whether a passkey locks its keys. */
export function allowancePolicy(policy: Policy, wrapped: boolean): AllowancePolicy {
  const { total, perPayment, perPayee, maxCount, noPasskeyEach, noPasskeySum, life } = policy;
  if (wrapped) return { total, perPayment, perPayee, maxCount, noPasskeyEach, noPasskeySum, life };
  const cap = Math.min(total, policy.unwrapped.total);
  return {
    total: cap,
    perPayment: Math.min(perPayment, cap),
    perPayee: Math.min(perPayee, cap),
    maxCount,
    noPasskeyEach: Math.min(noPasskeyEach, cap),
    noPasskeySum: Math.min(noPasskeySum, cap),
    life: Math.min(life, policy.unwrapped.life) as Duration,
  };
}
