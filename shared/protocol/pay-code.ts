/**
 * The pay code: what a payer shows before it is known who asks for how much. It moves no money and binds nobody: it
 * tells a house which phone to bring a payee's invoice to, proved by the key that would sign the payment.
 */
import { sameBytes } from '#shared/base/bytes.ts';
import { PAY_CODE_SECONDS } from '#shared/base/limits.ts';
import { ok } from '#shared/base/result.ts';
import { after, duration, type Instant } from '#shared/base/time.ts';
import type { Allowance } from '#shared/protocol/allowance.ts';
import { askSignature, type MessageType, messageType, type Signed } from '#shared/protocol/message.ts';
import { type Checked, no } from '#shared/protocol/refusal.ts';
import { bytes, moment, required, whole } from '#shared/protocol/schema.ts';
import type { Checks } from '#shared/protocol/signature.ts';
import { allowanceReference, type Verified } from '#shared/protocol/trust.ts';

/** Signed by the allowance's device key. */
export interface PayCode {
  /** Reference (16 bytes) of the allowance. */
  readonly allowance: Uint8Array;
  /** What makes this code another one than the last. */
  readonly nonce: Uint8Array;
  readonly time: Instant;
  /** Seconds. */
  readonly lifetime: number;
}

/** How a pay code is written, signed and read. */
export const payCodeMessage: MessageType<PayCode> = messageType<PayCode>('pay-code', {
  allowance: required(1, bytes(16)),
  nonce: required(2, bytes(16)),
  time: required(3, moment),
  lifetime: required(4, whole(1, PAY_CODE_SECONDS)),
});

/**
 * How far the house's time may stand beside the code's, which is the house's own as its phone last heard it, and what
 * bringing it takes: short, because a photographed code is to be worth nothing when its minute is over.
 */
const GRACE = duration(10, 's');

/**
 * A pay code of `allowance`, at `now`: form -> the allowance it names -> device signature -> its time.
 * Refusals: message.*, allowance.unknown, pay-code.signature, pay-code.expired.
 */
export function* payCodeChecks(
  message: Uint8Array,
  allowance: Verified<Allowance>,
  now: Instant,
): Checks<Checked<Signed<PayCode>>> {
  const read = payCodeMessage.read(message);
  if (!read.ok) return read;
  const code = read.value.message;
  if (!sameBytes(code.allowance, allowanceReference(allowance))) return no('allowance.unknown');
  if (!(yield askSignature(read.value, allowance.message.deviceKey))) return no('pay-code.signature');
  const isNow = code.time - GRACE <= now && now <= payCodeEnd(code) + GRACE;
  return isNow ? ok(read.value) : no('pay-code.expired');
}

/** The last moment of a pay code by the clock of the phone that shows it. */
export function payCodeEnd(code: PayCode): Instant {
  return after(code.time, duration(code.lifetime, 's'));
}

/** Six digits of the code with this id (32 bytes), to compare aloud; they open nothing. */
export function payCodeDigits(id: Uint8Array): string {
  const number = new DataView(id.buffer, id.byteOffset).getUint32(0) % 1_000_000;
  return String(number).padStart(6, '0');
}
