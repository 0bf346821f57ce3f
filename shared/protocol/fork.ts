/** The fork proof: an allowance and two payments of it with one number. It needs no signature of its own; anybody may show it. */
import { MESSAGE_BYTES, SIGNS_FOR_STEPS } from '#shared/base/limits.ts';
import { ok } from '#shared/base/result.ts';
import { type Allowance, allowanceMessage } from '#shared/protocol/allowance.ts';
import { decodeCbor, encodeCbor } from '#shared/protocol/cbor.ts';
import type { Signed } from '#shared/protocol/message.ts';
import { bareOf, readPayment, type SignedPayment } from '#shared/protocol/payment.ts';
import { type Checked, no } from '#shared/protocol/refusal.ts';

/** Payments that may stand behind the two of a proof: as many for each as it is steps to a signature. */
const LATER_MOST = 2 * SIGNS_FOR_STEPS;

/** The messages of a proof as they were read, NOT yet verified. */
export interface Fork {
  readonly allowance: Signed<Allowance>;
  readonly left: SignedPayment;
  readonly right: SignedPayment;
  /** Payments whose signatures stand for one of the two that has none of its own; see wordChecks in witness.ts. */
  readonly later: readonly SignedPayment[];
}

/** The bytes of a proof: an array of byte strings, the payment with the smaller id first, then `later` without passkeys. */
export function writeFork(
  allowance: Uint8Array,
  one: SignedPayment,
  other: SignedPayment,
  later: readonly SignedPayment[] = [],
): Uint8Array<ArrayBuffer> {
  const [left, right] = before(one.id, other.id) ? [one, other] : [other, one];
  return encodeCbor([allowance, left.bytes, right.bytes, ...later.map(bareOf)]);
}

/** Reads a proof; verify.ts decides whether it proves anything. Never throws. */
export function readFork(bytes: Uint8Array): Checked<Fork> {
  if (bytes.length > MESSAGE_BYTES) return no('message.too-large', { bytes: bytes.length });
  const wire = decodeCbor(bytes);
  if (!wire.ok) return wire;
  const parts = wire.value;
  if (!Array.isArray(parts) || parts.length > 3 + LATER_MOST) return no('message.malformed');
  const [first, ...rest] = parts as unknown[];
  const allowance = first instanceof Uint8Array ? allowanceMessage.read(first) : no('message.malformed');
  if (!allowance.ok) return allowance;
  const payments: SignedPayment[] = [];
  for (const part of rest) {
    const read = part instanceof Uint8Array ? readPayment(part) : no('message.malformed');
    if (!read.ok) return read;
    payments.push(read.value);
  }
  const [left, right, ...later] = payments;
  if (left === undefined || right === undefined) return no('message.malformed');
  if (!before(left.id, right.id)) return no('fork.not-a-fork');
  return ok({ allowance: allowance.value, left, right, later });
}

function before(one: Uint8Array, other: Uint8Array): boolean {
  const at = one.findIndex((byte, place) => byte !== other[place]);
  return at >= 0 && (one[at] ?? 0) < (other[at] ?? 0);
}
