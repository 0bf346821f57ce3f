/** The fork proof: an allowance and two payments of it with one number. It needs no signature of its own; anybody may show it. */
import { MESSAGE_BYTES } from '#shared/base/limits.ts';
import { ok } from '#shared/base/result.ts';
import { type Allowance, allowanceMessage } from '#shared/protocol/allowance.ts';
import { decodeCbor, encodeCbor } from '#shared/protocol/cbor.ts';
import type { Signed } from '#shared/protocol/message.ts';
import { readPayment, type SignedPayment } from '#shared/protocol/payment.ts';
import { type Checked, no } from '#shared/protocol/refusal.ts';

/** The three messages of a proof as they were read, NOT yet verified. */
export interface Fork {
  readonly allowance: Signed<Allowance>;
  readonly left: SignedPayment;
  readonly right: SignedPayment;
}

/** The bytes of a proof: an array of three byte strings, the payment with the smaller id first. */
export function writeFork(allowance: Uint8Array, one: SignedPayment, other: SignedPayment): Uint8Array<ArrayBuffer> {
  const [left, right] = before(one.id, other.id) ? [one, other] : [other, one];
  return encodeCbor([allowance, left.bytes, right.bytes]);
}

/** Reads a proof; verify.ts decides whether it proves anything. Never throws. */
export function readFork(bytes: Uint8Array): Checked<Fork> {
  if (bytes.length > MESSAGE_BYTES) return no('message.too-large', { bytes: bytes.length });
  const wire = decodeCbor(bytes);
  if (!wire.ok) return wire;
  const parts = wire.value;
  if (!Array.isArray(parts) || parts.length !== 3 || !parts.every((part) => part instanceof Uint8Array)) {
    return no('message.malformed');
  }
  const [first, second, third] = parts as [Uint8Array, Uint8Array, Uint8Array];
  const allowance = allowanceMessage.read(first);
  if (!allowance.ok) return allowance;
  const left = readPayment(second);
  if (!left.ok) return left;
  const right = readPayment(third);
  if (!right.ok) return right;
  if (!before(left.value.id, right.value.id)) return no('fork.not-a-fork');
  return ok({ allowance: allowance.value, left: left.value, right: right.value });
}

function before(one: Uint8Array, other: Uint8Array): boolean {
  const at = one.findIndex((byte, place) => byte !== other[place]);
  return at >= 0 && (one[at] ?? 0) < (other[at] ?? 0);
}
