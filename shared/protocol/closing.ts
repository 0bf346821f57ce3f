/** The closing: a payer's word that an allowance will pay no more, so that the rest can be released at once. */
import { AMOUNT_MOST, COUNT_MOST } from '#shared/base/limits.ts';
import { type MessageType, messageType } from '#shared/protocol/message.ts';
import { bytes, required, whole } from '#shared/protocol/schema.ts';

/** Signed by the allowance's device key. */
export interface Closing {
  /** Reference (16 bytes) of the allowance. */
  readonly allowance: Uint8Array;
  /** Number of the last payment; 0 when there was none. */
  readonly lastNumber: number;
  /** Cumulative total of the last payment, in minor units. */
  readonly lastTotal: number;
  /** Reference (16 bytes) of the last payment; the allowance's anchor when there was none. */
  readonly last: Uint8Array;
}

/** How a closing is written, signed and read. */
export const closingMessage: MessageType<Closing> = messageType<Closing>('closing', {
  allowance: required(1, bytes(16)),
  lastNumber: required(2, whole(0, COUNT_MOST)),
  lastTotal: required(3, whole(0, AMOUNT_MOST)),
  last: required(4, bytes(16)),
});
