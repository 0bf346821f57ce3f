/** The finality receipt: the issuer's word that a payment is settled, for a payee who has no signal but faces a payer who has. */
import type { Id } from '#shared/base/id.ts';
import { AMOUNT_MOST } from '#shared/base/limits.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import { type MessageType, messageType } from '#shared/protocol/message.ts';
import { bytes, currencyCode, id, moment, regionCode, required, whole } from '#shared/protocol/schema.ts';

/** Signed by the payee's region. Amount and currency are what the payee got. */
export interface Finality {
  readonly region: string;
  /** The payment id: 32 bytes. */
  readonly payment: Uint8Array;
  readonly payee: Id;
  /** Reference (16 bytes) of the invoice, by which a payee who never saw the payment knows what was paid. */
  readonly invoice: Uint8Array;
  readonly amount: number;
  readonly currency: Currency;
  readonly time: Instant;
}

/** How a finality receipt is written, signed and read. */
export const finalityMessage: MessageType<Finality> = messageType<Finality>('finality', {
  region: required(1, regionCode),
  payment: required(2, bytes(32)),
  payee: required(3, id),
  invoice: required(4, bytes(16)),
  amount: required(5, whole(1, AMOUNT_MOST)),
  currency: required(6, currencyCode),
  time: required(7, moment),
});
