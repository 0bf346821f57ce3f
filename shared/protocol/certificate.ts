/** The payee certificate: the issuer's word on who a payee is, which key speaks for it, and what it takes. */
import type { Id } from '#shared/base/id.ts';
import { NAME_BYTES } from '#shared/base/limits.ts';
import type { Instant } from '#shared/base/time.ts';
import { CURRENCIES, type Currency } from '#shared/money/currency.ts';
import { type MessageType, messageType } from '#shared/protocol/message.ts';
import { bytes, choice, currencyCode, id, list, moment, regionCode, required, text } from '#shared/protocol/schema.ts';

/** What a payee is to the network; only ever appended to. */
export const PAYEE_CATEGORIES = ['person', 'trader', 'company', 'public'] as const;
/** What a payee is to the network. */
export type PayeeCategory = (typeof PAYEE_CATEGORIES)[number];

/** How far the guarantee fund stands behind what a payee accepts offline; only ever appended to. */
export const GUARANTEE_GRADES = ['none', 'basic', 'full'] as const;
/** How far the guarantee fund stands behind what a payee accepts offline. */
export type GuaranteeGrade = (typeof GUARANTEE_GRADES)[number];

/** Signed by the payee's region. One device key each: a payee with two phones has two certificates. */
export interface Certificate {
  readonly payee: Id;
  /** 33 bytes; signs invoices and receipts. */
  readonly key: Uint8Array;
  /** The verified name, as the payer sees it. */
  readonly name: string;
  readonly category: PayeeCategory;
  readonly region: string;
  readonly currencies: readonly Currency[];
  readonly expires: Instant;
  readonly guarantee: GuaranteeGrade;
}

/** How a certificate is written, signed and read. */
export const certificateMessage: MessageType<Certificate> = messageType<Certificate>('certificate', {
  payee: required(1, id),
  key: required(2, bytes(33)),
  name: required(3, text(NAME_BYTES)),
  category: required(4, choice(PAYEE_CATEGORIES, 0)),
  region: required(5, regionCode),
  currencies: required(6, list(currencyCode, 1, CURRENCIES.length)),
  expires: required(7, moment),
  guarantee: required(8, choice(GUARANTEE_GRADES, 0)),
});
