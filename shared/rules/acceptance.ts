/** May the payee be paid like this, and will the guarantee stand behind it? Decided alike on the phone and by the server. */
import { ok, type Result, refuse } from '#shared/base/result.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import type { Certificate } from '#shared/protocol/certificate.ts';
import type { Policy } from '#shared/rules/policy.ts';

/** Why a payee cannot be paid with an allowance. */
export type AcceptanceCode = 'acceptance.currency' | 'acceptance.region';

/** What a payee takes beyond its certificate: other regions whose allowances it accepts, from the region pack. */
export interface Acceptance {
  readonly regions: readonly string[];
}

/**
 * Whether an allowance of `region` in `currency` may pay the holder of `certificate`: of its own region always,
 * of another when the payee accepts that region; in a currency of the certificate.
 */
export function mayBePaid(
  certificate: Certificate,
  allowance: { readonly region: string; readonly currency: Currency },
  acceptance: Acceptance,
): Result<'own-region' | 'other-region', { readonly code: AcceptanceCode }> {
  if (!certificate.currencies.includes(allowance.currency)) return refuse({ code: 'acceptance.currency' });
  if (allowance.region === certificate.region) return ok('own-region');
  return acceptance.regions.includes(allowance.region) ? ok('other-region') : refuse({ code: 'acceptance.region' });
}

/**
 * Whether the guarantee fund stands behind an offline payment, as far as time decides it: the payee's lists (its newest epoch
 * card, made at `epochTime`) must be fresh enough at the time of the payment. Caps and links between people come on top.
 */
export function isGuaranteed(
  grade: Certificate['guarantee'],
  epochTime: Instant,
  paymentTime: Instant,
  policy: Pick<Policy, 'guaranteeEpochAge' | 'clockSkew'>,
): boolean {
  return grade !== 'none' && paymentTime - epochTime <= policy.guaranteeEpochAge + policy.clockSkew;
}
