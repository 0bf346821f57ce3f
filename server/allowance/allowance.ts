/**
 * Offline money: allowances issued against a hold, closed, stopped and released; and the certificates payees show.
 * Invariant: hold[allowance] in the ledger = total - claimed - returned of its row, at every commit.
 */
import type { Sql } from '#server/platform/database.ts';
import type { Id } from '#shared/base/id.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';

/**
 * live: may be spent. closed: the device closed it; what it signed before may still be claimed. stopped: revoked, its
 * status bit is set; honest claims are still paid. released: the claim window is over and the rest went back.
 */
export type AllowanceState = 'live' | 'closed' | 'stopped' | 'released';

/** Why an allowance was stopped. */
export type StopReason = 'fork' | 'overspent' | 'device-revoked' | 'wallet-frozen';

/** One allowance as the house holds it; sums in minor units of `currency`. */
export interface HeldAllowance {
  readonly region: string;
  readonly id: Id;
  /** The hash that payments name it by. */
  readonly hash: Uint8Array<ArrayBuffer>;
  readonly wallet: Id;
  readonly device: Id;
  readonly currency: Currency;
  readonly total: number;
  /** Paid out of the hold to payees so far. */
  readonly claimed: number;
  /** Given back to the payer by closing or release. */
  readonly returned: number;
  readonly state: AllowanceState;
  readonly stopReason: StopReason | undefined;
  /** The certified payee it is locked to; undefined when it may be spent anywhere. */
  readonly payee: string | undefined;
  readonly issuedAt: Instant;
  readonly expiresAt: Instant;
  /** Last moment of the claim window. */
  readonly claimUntil: Instant;
  /** The signed bytes the device holds. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Who stands behind a payee id: one certificate is one device of one wallet. */
export interface CertifiedPayee {
  readonly region: string;
  /** Payee id as it stands in certificates and payments, base64url. */
  readonly payee: string;
  readonly wallet: Id;
  readonly device: Id;
  readonly name: string;
  /** Compressed public key that signs its invoices, receipts and voids. */
  readonly key: Uint8Array<ArrayBuffer>;
  readonly guaranteeGrade: number;
  /** The house heard of this payee last (its last sync); the guarantee wants this to be recent. */
  readonly seenAt: Instant;
}

/** What PAYMENT needs of allowances, inside its own transaction. */
export interface AllowanceBook {
  /** The rows of these hashes by base64url of the hash, locked in one order until `tx` ends; unknown hashes are absent. */
  readonly lockMany: (tx: Sql, hashes: readonly Uint8Array[]) => Promise<Map<string, HeldAllowance>>;
  /** Notes `amount` more taken out of each hold; the caller posts the same sums in the same `tx`. */
  readonly claim: (
    tx: Sql,
    claims: readonly { readonly region: string; readonly id: Id; readonly amount: number }[],
  ) => Promise<void>;
  /**
   * Stops one allowance and its device: its status bit and those of the device's other live allowances are set, and
   * the device gets no new one. Stopping twice is the same act; the first reason stays.
   */
  readonly stop: (tx: Sql, allowance: { region: string; id: Id }, reason: StopReason, at: Instant) => Promise<void>;
  /** Who stands behind these payee ids (base64url), of every region; unknown ids are absent. */
  readonly payees: (tx: Sql, payees: readonly string[]) => Promise<Map<string, CertifiedPayee>>;
}
