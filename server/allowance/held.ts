/** An allowance as the house holds it, made from its row; the signed message of each row is read once and kept. */
import type { AllowanceRow } from '#server/allowance/store.ts';
import type { Sql } from '#server/platform/database.ts';
import { assert } from '#shared/base/assert.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import type { Allowance } from '#shared/protocol/allowance.ts';
import type { HeldPayment } from '#shared/protocol/chain.ts';
import { knownAllowance, type Verified } from '#shared/protocol/trust.ts';

/**
 * live: may be spent. closed: the device closed it; what it signed before may still be claimed. stopped: revoked, its
 * status bit is set; honest claims are still paid. released: the claim window is over and the rest went back.
 */
type AllowanceState = 'live' | 'closed' | 'stopped' | 'released';

/** Why an allowance was stopped. */
export type StopReason =
  | 'fork'
  | 'overspent'
  | 'device-revoked'
  | 'passkey-revoked'
  | 'wallet-frozen'
  | 'wallet-paused'
  | 'limits-eased';

/** One allowance as the house holds it; sums in minor units of `currency`. */
export interface HeldAllowance {
  readonly region: string;
  readonly id: Id;
  /** 16 bytes: what payments name it by. */
  readonly reference: Uint8Array;
  readonly wallet: Id;
  readonly device: Id;
  readonly currency: Currency;
  readonly total: number;
  /** Paid out of the hold to payees so far. */
  readonly claimed: number;
  /** Given back to the payer by closing or release. */
  readonly returned: number;
  /** What the hold still has: total - claimed - returned. */
  readonly remaining: number;
  readonly state: AllowanceState;
  readonly stopReason: StopReason | undefined;
  /** The certified payee it is locked to; undefined when it may be spent anywhere. */
  readonly payee: Id | undefined;
  readonly issuedAt: Instant;
  readonly expiresAt: Instant;
  /** Last moment of the claim window. */
  readonly claimUntil: Instant;
  /** The message itself; our own signature on it was made here and is not asked again. */
  readonly signed: Verified<Allowance>;
}

/** The payments held of each allowance, read in `tx`; the one who closes hands it in, for payments stand above. */
export type HeldPayments = (
  tx: Sql,
  allowances: readonly HeldAllowance[],
) => Promise<ReadonlyMap<Id, readonly HeldPayment[]>>;

/** Messages kept read: an evening's payers of a busy region, at about 2 kB each. */
const KEPT = 10_000;

const kept = new Map<string, Verified<Allowance>>();

/** The allowance of a row. */
export function heldOf(row: AllowanceRow): HeldAllowance {
  return {
    region: row.region,
    id: row.id,
    reference: row.reference,
    wallet: row.wallet,
    device: row.device,
    currency: row.currency,
    total: row.total,
    claimed: row.claimed,
    returned: row.returned,
    remaining: row.total - row.claimed - row.returned,
    state: row.state,
    stopReason: row.stop_reason ?? undefined,
    payee: row.payee ?? undefined,
    issuedAt: row.issued_at,
    expiresAt: row.expires_at,
    claimUntil: row.claim_until_at,
    signed: signedOf(row),
  };
}

/** The region of an allowance that was read before; undefined when it has to be looked for. */
export function regionKnown(reference: Uint8Array): string | undefined {
  return kept.get(toBase64url(reference))?.message.region;
}

function signedOf(row: AllowanceRow): Verified<Allowance> {
  const name = toBase64url(row.reference);
  const known = kept.get(name);
  if (known !== undefined) return known;
  const read = knownAllowance(row.bytes);
  assert(read.ok, 'an allowance of our own can be read');
  if (kept.size >= KEPT) kept.clear();
  kept.set(name, read.value);
  return read.value;
}
