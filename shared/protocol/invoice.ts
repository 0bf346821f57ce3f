/** The invoice: a payee asks for one sum, now. */
import type { Id } from '#shared/base/id.ts';
import { AMOUNT_MOST, MEMO_BYTES } from '#shared/base/limits.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import { type MessageType, messageType } from '#shared/protocol/message.ts';
import { currencyCode, id, moment, optional, required, text, whole } from '#shared/protocol/schema.ts';

/** Signed by the payee's device key, which its certificate names. */
export interface Invoice {
  readonly payee: Id;
  readonly id: Id;
  /** Minor units of `currency`, at least one. */
  readonly amount: number;
  readonly currency: Currency;
  readonly memo?: string;
  readonly time: Instant;
  /** Seconds from `time` in which it may be paid. */
  readonly lifetime: number;
  /** Number of the newest epoch card the payee holds: how fresh its lists are, on which its guarantee depends. */
  readonly epoch: number;
}

/** How an invoice is written, signed and read. */
export const invoiceMessage: MessageType<Invoice> = messageType<Invoice>('invoice', {
  payee: required(1, id),
  id: required(2, id),
  amount: required(3, whole(1, AMOUNT_MOST)),
  currency: required(4, currencyCode),
  memo: optional(5, text(MEMO_BYTES)),
  time: required(6, moment),
  lifetime: required(7, whole(1, 3600)),
  epoch: required(8, whole(0, 0xffff_ffff)),
});

const SYMBOLS = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';

/**
 * Four symbols of an invoice's id (32 bytes) that both people can compare aloud: 20 bits in an alphabet without 0, 1, I and O.
 * Guards against a mix-up and against a code stuck over another; the name and amount are what a payer must read.
 */
export function matchCode(invoiceId: Uint8Array): string {
  const bits = ((invoiceId[0] ?? 0) << 12) | ((invoiceId[1] ?? 0) << 4) | ((invoiceId[2] ?? 0) >> 4);
  return [15, 10, 5, 0].map((shift) => SYMBOLS[(bits >> shift) & 31]).join('');
}
