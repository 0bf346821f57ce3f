/** The payment: a payer's signed word that a numbered part of an allowance now belongs to one payee. */
import { sha256 } from '@noble/hashes/sha2.js';
import { joinBytes } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import { AMOUNT_MOST, COUNT_MOST, MESSAGE_BYTES } from '#shared/base/limits.ts';
import { ok } from '#shared/base/result.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import { type Assertion, readAssertion, writeAssertion } from '#shared/protocol/assertion.ts';
import { writeEnvelope } from '#shared/protocol/cose.ts';
import { type Digest, type MessageType, messageType, readFields, type Signed } from '#shared/protocol/message.ts';
import { type Checked, no } from '#shared/protocol/refusal.ts';
import { bytes, currencyCode, id, moment, optional, record, required, whole } from '#shared/protocol/schema.ts';
import type { Signer } from '#shared/protocol/signature.ts';

/** What the payee gets when it takes another currency than the allowance holds. */
export interface Converted {
  readonly currency: Currency;
  /** Minor units of that currency: the invoice's amount. */
  readonly amount: number;
  readonly rateCard: Id;
}

/** What is signed. Sums are minor units of the allowance's currency; references are the first 16 bytes of a message's id. */
export interface PaymentCore {
  /** Reference of the allowance. */
  readonly allowance: Uint8Array;
  /** 1, 2, 3, … inside the allowance. */
  readonly number: number;
  readonly amount: number;
  /** All payments of the allowance up to and with this one. */
  readonly total: number;
  readonly payee: Id;
  /** Reference of the payment before, or the allowance's anchor for number 1. */
  readonly previous: Uint8Array;
  /** Reference of the invoice. */
  readonly invoice: Uint8Array;
  readonly time: Instant;
  /** The payee's epoch number, copied from the invoice: the server never sees the invoice, the guarantee depends on it. */
  readonly epoch: number;
  readonly converted?: Converted;
}

const CONVERTED = record<Converted>({
  currency: required(1, currencyCode),
  amount: required(2, whole(1, AMOUNT_MOST)),
  rateCard: required(3, id),
});

const coreMessage: MessageType<PaymentCore> = messageType<PaymentCore>('payment', {
  allowance: required(1, bytes(16)),
  number: required(2, whole(1, COUNT_MOST)),
  amount: required(3, whole(1, AMOUNT_MOST)),
  total: required(4, whole(1, AMOUNT_MOST)),
  payee: required(5, id),
  previous: required(6, bytes(16)),
  invoice: required(7, bytes(16)),
  time: required(8, moment),
  epoch: required(9, whole(0, 0xffff_ffff)),
  converted: optional(10, CONVERTED),
});

/** A payment as it was read, NOT yet verified; `id` (32 bytes) hashes the core only, neither signature nor assertion. */
export interface SignedPayment extends Signed<PaymentCore> {
  readonly assertion?: Assertion;
}

/** The canonical bytes of a core. */
export function encodeCore(core: PaymentCore): Uint8Array<ArrayBuffer> {
  return coreMessage.encode(core);
}

/** The core whose canonical bytes these are; who signed it is not said. Refusals: message.*. Never throws. */
export function readCore(bytes: Uint8Array): Checked<PaymentCore> {
  return readFields(coreMessage.kind, bytes);
}

/** The payment id (32 bytes) of a core: also the challenge its passkey assertion answers. */
export function paymentIdOf(core: PaymentCore): Uint8Array {
  return sha256(encodeCore(core));
}

/** Signs a payment: the device key over the core, and the passkey's assertion beside it where the limits ask for one. */
export async function signPayment(
  core: PaymentCore,
  signer: Signer,
  assertion?: Assertion,
): Promise<Uint8Array<ArrayBuffer>> {
  const envelope = await coreMessage.sign(core, signer);
  const beside = assertion === undefined ? [] : writeAssertion(assertion);
  return joinBytes(Uint8Array.of(0x81 + beside.length), envelope, ...beside);
}

/** A payment without the passkey's word: what is left says what its device signed. */
export function bareOf({ payload, kid, signature }: SignedPayment): Uint8Array<ArrayBuffer> {
  return joinBytes(Uint8Array.of(0x81), writeEnvelope({ payload, kid, signature }));
}

/** Reads a payment: array of the envelope, then the assertion's parts if any. Never throws. */
export function readPayment(bytes: Uint8Array, digest?: Digest): Checked<SignedPayment> {
  if (bytes.length > MESSAGE_BYTES) return no('message.too-large', { bytes: bytes.length });
  const parts = (bytes[0] ?? 0) - 0x80;
  if (parts < 1 || parts > 3) return no('message.malformed');
  const envelope = coreMessage.readAt(bytes, 1, digest);
  if (!envelope.ok) return envelope;
  const { signed, end } = envelope.value;
  if (parts === 1) return end === bytes.length ? ok(signed) : no('message.malformed');
  const assertion = readAssertion(bytes.subarray(end), parts - 1);
  return assertion.ok ? ok({ ...signed, assertion: assertion.value }) : assertion;
}
