/** The receipt: a payee's word on one payment, that it was accepted or is void. */
import type { Instant } from '#shared/base/time.ts';
import { type MessageType, messageType } from '#shared/protocol/message.ts';
import { bytes, choice, moment, required, whole } from '#shared/protocol/schema.ts';

/** What a payee may say of a payment; only ever appended to. */
export const RECEIPT_STATUSES = ['accepted', 'void'] as const;
/** What a payee says of a payment. */
export type ReceiptStatus = (typeof RECEIPT_STATUSES)[number];

/** Signed by the payee's device key. Receipts of one device form a chain, so that none can be taken out unseen. */
export interface Receipt {
  /** The payment id: 32 bytes. */
  readonly payment: Uint8Array;
  readonly status: ReceiptStatus;
  readonly time: Instant;
  /** 1, 2, 3, … on the payee's device. */
  readonly counter: number;
  /** Reference (16 bytes) of the receipt before; zeros for the first. */
  readonly previous: Uint8Array;
}

/** How a receipt is written, signed and read. */
export const receiptMessage: MessageType<Receipt> = messageType<Receipt>('receipt', {
  payment: required(1, bytes(32)),
  status: required(2, choice(RECEIPT_STATUSES, 1)),
  time: required(3, moment),
  counter: required(4, whole(1, 0xffff_ffff)),
  previous: required(5, bytes(16)),
});

/** What the first receipt of a device names as its previous one. */
export const FIRST_RECEIPT_PREVIOUS: Uint8Array = new Uint8Array(16);
