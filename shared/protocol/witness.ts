/** Checks of what people sign for each other beside payments: invoice, receipt, closing, and the proofs of a fork and of overspending. */
import { sameBytes } from '#shared/base/bytes.ts';
import { CLOCK_SKEW, SIGNS_FOR_STEPS } from '#shared/base/limits.ts';
import { ok } from '#shared/base/result.ts';
import type { Allowance } from '#shared/protocol/allowance.ts';
import type { Certificate } from '#shared/protocol/certificate.ts';
import { contradictionIn, type HeldPayment, heldOf, signsFor } from '#shared/protocol/chain.ts';
import { type Closing, closingMessage } from '#shared/protocol/closing.ts';
import { type Fork, readFork } from '#shared/protocol/fork.ts';
import { type Invoice, invoiceMessage, matchCode } from '#shared/protocol/invoice.ts';
import type { KeySet } from '#shared/protocol/key-set.ts';
import { askSignature, referenceOf, type Signed } from '#shared/protocol/message.ts';
import type { SignedPayment } from '#shared/protocol/payment.ts';
import { type Receipt, receiptMessage } from '#shared/protocol/receipt.ts';
import { type Checked, no } from '#shared/protocol/refusal.ts';
import type { Checks } from '#shared/protocol/signature.ts';
import {
  allowanceChecks,
  allowanceReference,
  certificateChecks,
  presentOf,
  type Trust,
  type Verified,
} from '#shared/protocol/trust.ts';
import { invoiceEnd } from '#shared/protocol/verify.ts';

/** What a payer reads off an invoice: who asks, for what, and the code to compare aloud. */
export interface VerifiedInvoice {
  readonly certificate: Verified<Certificate>;
  readonly invoice: Signed<Invoice>;
  /** Four symbols; see {@link matchCode}. */
  readonly matchCode: string;
}

/**
 * An invoice with its certificate, as the payer sees it: certificate chain -> same payee -> payee's signature -> lifetime
 * -> currency taken. Refusals: message.*, issuer.unknown, certificate.*, invoice.*.
 */
export function* invoiceChecks(
  input: { readonly invoice: Uint8Array; readonly certificate: Uint8Array },
  trust: Trust,
): Checks<Checked<VerifiedInvoice>> {
  const certificate = yield* certificateChecks(input.certificate, trust);
  if (!certificate.ok) return certificate;
  const read = invoiceMessage.read(input.invoice);
  if (!read.ok) return read;
  const invoice = read.value;
  const payee = certificate.value.message;
  if (invoice.message.payee !== payee.payee) return no('invoice.wrong-payee');
  if (!(yield askSignature(invoice, payee.key))) return no('invoice.signature');
  const present = presentOf(trust);
  if (present + CLOCK_SKEW < invoice.message.time) return no('invoice.from-future');
  if (present - CLOCK_SKEW > invoiceEnd(invoice.message)) return no('invoice.expired');
  if (!payee.currencies.includes(invoice.message.currency)) return no('invoice.currency-not-taken');
  return ok({ certificate: certificate.value, invoice, matchCode: matchCode(invoice.id) });
}

/**
 * A receipt of the payee whose device key is `key`; when given, for this payment (id, 32 bytes), and next to this receipt of
 * the same device. Refusals: message.*, receipt.signature, receipt.wrong-payment, receipt.inconsistent.
 */
export function* receiptChecks(
  bytes: Uint8Array,
  key: Uint8Array,
  expected: { readonly payment?: Uint8Array; readonly neighbour?: Signed<Receipt> } = {},
): Checks<Checked<Signed<Receipt>>> {
  const read = receiptMessage.read(bytes);
  if (!read.ok) return read;
  if (!(yield askSignature(read.value, key))) return no('receipt.signature');
  if (expected.payment !== undefined && !sameBytes(read.value.message.payment, expected.payment)) {
    return no('receipt.wrong-payment');
  }
  const neighbour = expected.neighbour;
  return neighbour === undefined || areNeighbours(neighbour, read.value) ? read : no('receipt.inconsistent');
}

function areNeighbours(one: Signed<Receipt>, other: Signed<Receipt>): boolean {
  const step = other.message.counter - one.message.counter;
  if (step === 0) return sameBytes(one.id, other.id);
  if (step === 1) return sameBytes(other.message.previous, referenceOf(one.id));
  return step !== -1 || sameBytes(one.message.previous, referenceOf(other.id));
}

/**
 * A closing of `allowance`: its device key's signature, within the allowance, and in agreement with every payment held.
 * Refusals: message.*, closing.wrong-allowance, closing.signature, closing.inconsistent.
 */
export function* closingChecks(
  bytes: Uint8Array,
  allowance: Verified<Allowance>,
  held: readonly HeldPayment[],
): Checks<Checked<Signed<Closing>>> {
  const read = closingMessage.read(bytes);
  if (!read.ok) return read;
  const closing = read.value.message;
  if (!sameBytes(closing.allowance, allowanceReference(allowance))) return no('closing.wrong-allowance');
  if (!(yield askSignature(read.value, allowance.message.deviceKey))) return no('closing.signature');
  const { total, maxCount, anchor } = allowance.message;
  const empty = closing.lastNumber === 0;
  if (empty && (closing.lastTotal !== 0 || !sameBytes(closing.last, anchor))) return no('closing.inconsistent');
  if (closing.lastTotal < closing.lastNumber || closing.lastTotal > total || closing.lastNumber > maxCount) {
    return no('closing.inconsistent');
  }
  return held.every((one) => isCovered(one, closing)) ? read : no('closing.inconsistent');
}

function isCovered(held: HeldPayment, closing: Closing): boolean {
  const after = closing.lastNumber - held.number;
  if (after === 0) return held.total === closing.lastTotal && sameBytes(referenceOf(held.id), closing.last);
  return after > 0 && closing.lastTotal - held.total >= after;
}

/**
 * Whether `payment` is the word of the device whose key (33 bytes) is `key`: it signed that payment, or one of `later` that
 * names it, or names one that does, at most {@link SIGNS_FOR_STEPS} payments on.
 */
export function* wordChecks(payment: SignedPayment, later: readonly SignedPayment[], key: Uint8Array): Checks<boolean> {
  let one: SignedPayment | undefined = payment;
  for (let step = 0; one !== undefined && step <= SIGNS_FOR_STEPS; step += 1) {
    if (yield askSignature(one, key)) return true;
    one = nextOf(one, later);
  }
  return false;
}

function nextOf(payment: SignedPayment, later: readonly SignedPayment[]): SignedPayment | undefined {
  const own = heldOf(payment);
  return later.find((one) => sameBytes(one.message.allowance, payment.message.allowance) && signsFor(heldOf(one), own));
}

/**
 * A fork proof: the issuer signed the allowance, two different payments with one number are its device's word.
 * Refusals: message.*, issuer.unknown, allowance.signature, payment.signature, fork.not-a-fork.
 */
export function* forkChecks(bytes: Uint8Array, keySet: KeySet): Checks<Checked<Fork>> {
  const isFork = (left: SignedPayment, right: SignedPayment) =>
    left.message.number === right.message.number && !sameBytes(left.id, right.id);
  return yield* pairChecks(bytes, keySet, isFork);
}

/**
 * A proof of overspending: the same, of two payments whose numbers and totals cannot stand in one chain.
 * Refusals: as {@link forkChecks}.
 */
export function* overspendingChecks(bytes: Uint8Array, keySet: KeySet): Checks<Checked<Fork>> {
  const contradict = (left: SignedPayment, right: SignedPayment) =>
    contradictionIn([heldOf(left)], heldOf(right)) !== undefined;
  return yield* pairChecks(bytes, keySet, contradict);
}

function* pairChecks(
  bytes: Uint8Array,
  keySet: KeySet,
  isProof: (left: SignedPayment, right: SignedPayment) => boolean,
): Checks<Checked<Fork>> {
  const read = readFork(bytes);
  if (!read.ok) return read;
  const { allowance, left, right, later } = read.value;
  const checked = yield* allowanceChecks(allowance, keySet);
  if (!checked.ok) return checked;
  const named = allowanceReference(allowance);
  const both = [left, right];
  if (!both.every(({ message }) => sameBytes(message.allowance, named)) || !isProof(left, right)) {
    return no('fork.not-a-fork');
  }
  for (const payment of both) {
    if (!(yield* wordChecks(payment, later, allowance.message.deviceKey))) return no('payment.signature');
  }
  return read;
}
