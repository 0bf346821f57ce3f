/** The allowance: money the issuer has set aside, and the key and limits with which it may be paid out without asking. */

import type { Id } from '#shared/base/id.ts';
import { COUNT_MOST, PAYEES_MOST } from '#shared/base/limits.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import { GUARANTEE_GRADES, type GuaranteeGrade } from '#shared/protocol/certificate.ts';
import { type MessageType, messageType } from '#shared/protocol/message.ts';
import {
  bytes,
  choice,
  currencyCode,
  id,
  list,
  minorUnits,
  moment,
  optional,
  record,
  regionCode,
  required,
  whole,
} from '#shared/protocol/schema.ts';

/** The version of allowances this program writes, and the only one it accepts: an older format cannot lower a limit. */
export const ALLOWANCE_VERSION = 1;

/** The passkey that confirms payments above the no-passkey limits. `backupEligible` must be so in every assertion (WebAuthn BE). */
export interface AllowancePasskey {
  /** 33 bytes. */
  readonly key: Uint8Array;
  readonly backupEligible: boolean;
}

/** Signed by the region's issuer. Sums are minor units of `currency`. */
export interface Allowance {
  readonly version: number;
  readonly region: string;
  readonly id: Id;
  /** 8 random bytes, fresh for each allowance, so that payees cannot link two of them. */
  readonly pseudonym: Uint8Array;
  readonly notBefore: Instant;
  /** No payment may be signed later. */
  readonly expires: Instant;
  /** The issuer honours payments uploaded until here; then it releases the rest. */
  readonly claimUntil: Instant;
  /** 33 bytes, fresh for each allowance; signs payments and the closing. */
  readonly deviceKey: Uint8Array;
  readonly passkey?: AllowancePasskey;
  readonly currency: Currency;
  readonly total: number;
  readonly perPayment: number;
  readonly perPayee: number;
  readonly maxCount: number;
  /** A payment above this needs the passkey. */
  readonly noPasskeyEach: number;
  /** A payment that brings the cumulative total above this needs the passkey. */
  readonly noPasskeySum: number;
  /** When present, only these payees may be paid: then a double spend is prevented, not only found. */
  readonly payees?: readonly Id[];
  /** The card of exchange rates locked for payments in another currency. */
  readonly rateCard?: Id;
  /** Place of this allowance's bit in the region's status list. */
  readonly statusIndex: number;
  readonly policyEpoch: number;
  /** 16 random bytes: what the first payment names as its previous one. */
  readonly anchor: Uint8Array;
  /** How far the guarantee fund stands behind it, whatever the payee's own grade; absent: in full. */
  readonly guarantee?: GuaranteeGrade;
}

/** How an allowance is written, signed and read. */
export const allowanceMessage: MessageType<Allowance> = messageType<Allowance>('allowance', {
  version: required(1, whole(0, 255)),
  region: required(2, regionCode),
  id: required(3, id),
  pseudonym: required(4, bytes(8)),
  notBefore: required(5, moment),
  expires: required(6, moment),
  claimUntil: required(7, moment),
  deviceKey: required(8, bytes(33)),
  passkey: optional(
    9,
    record<AllowancePasskey>({
      key: required(1, bytes(33)),
      backupEligible: required(2, {
        read: (wire) => (typeof wire === 'boolean' ? wire : undefined),
        write: (value) => value,
      }),
    }),
  ),
  currency: required(10, currencyCode),
  total: required(11, minorUnits),
  perPayment: required(12, minorUnits),
  perPayee: required(13, minorUnits),
  maxCount: required(14, whole(1, COUNT_MOST)),
  noPasskeyEach: required(15, minorUnits),
  noPasskeySum: required(16, minorUnits),
  payees: optional(17, list(id, 1, PAYEES_MOST)),
  rateCard: optional(18, id),
  statusIndex: required(19, whole(0, 0xffff_ffff)),
  policyEpoch: required(20, whole(0, 0xffff_ffff)),
  anchor: required(21, bytes(16)),
  guarantee: optional(22, choice(GUARANTEE_GRADES, 0)),
});
