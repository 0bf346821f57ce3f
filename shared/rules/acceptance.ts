/** May the payee be paid like this, and ask for it? Decided alike on the phone and by the server. */
import { ok, type Result, refuse } from '#shared/base/result.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import type { Certificate } from '#shared/protocol/certificate.ts';
import type { Policy } from '#shared/rules/policy.ts';

/** Why a payee cannot be paid with an allowance. */
export type AcceptanceCode = 'acceptance.currency' | 'acceptance.region' | 'acceptance.list-old';

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

/** What a region lets its payees do: how long an invoice lives, and how far an old list of stopped wallets is relied on. */
export type PayeeTerms = Pick<Policy, 'invoiceLifetime' | 'statusAge' | 'staleEach'>;

/** Whether the list of stopped wallets, known at `asOf` to be the newest, is too old to be relied on; one never held is. */
export function isListOld(asOf: Instant | undefined, now: Instant, terms: Pick<PayeeTerms, 'statusAge'>): boolean {
  return asOf === undefined || now - asOf > terms.statusAge;
}

/**
 * Whether a payee whose list was the newest at `asOf` may ask for `amount` (minor units). It is decided before anything
 * is signed: what a payer has signed for an open invoice is taken however old the list is, for the house will credit it.
 */
export function mayAskFor(
  amount: number,
  asOf: Instant | undefined,
  now: Instant,
  terms: PayeeTerms,
): Result<'fresh' | 'old', { readonly code: AcceptanceCode; readonly detail: Readonly<Record<string, number>> }> {
  if (!isListOld(asOf, now, terms)) return ok('fresh');
  return amount <= terms.staleEach
    ? ok('old')
    : refuse({ code: 'acceptance.list-old', detail: { most: terms.staleEach } });
}
