/**
 * The voucher: what stands in the code of an electronic receipt, so that a stranger can follow the payment to its issuer.
 * Invariant: it signs nothing itself and is believed for nothing; every word shown from it was signed elsewhere.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { sameBytes } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import { FRAME_BYTES_MOST, MESSAGE_BYTES } from '#shared/base/limits.ts';
import { ok } from '#shared/base/result.ts';
import { type Instant, instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import { decodeCbor, encodeCbor } from '#shared/protocol/cbor.ts';
import type { Certificate } from '#shared/protocol/certificate.ts';
import type { Finality } from '#shared/protocol/finality.ts';
import { type PaymentCore, readCore } from '#shared/protocol/payment.ts';
import { type Checked, no } from '#shared/protocol/refusal.ts';
import { bytesWithin, optional, record } from '#shared/protocol/schema.ts';
import type { Checks } from '#shared/protocol/signature.ts';
import { certificateChecks, finalityChecks, type Trust } from '#shared/protocol/trust.ts';
import { paymentChecks } from '#shared/protocol/verify.ts';
import { receiptChecks } from '#shared/protocol/witness.ts';

/**
 * `final`: the issuer's word that the payment is settled, and the payment's own payload (its hash is the id the issuer
 * names). `promise`: the payment with the allowance it rides on, and the payee's receipt. The certificate names the payee.
 */
export type Voucher =
  | {
      readonly kind: 'final';
      readonly finality: Uint8Array;
      readonly core?: Uint8Array;
      readonly certificate?: Uint8Array;
    }
  | {
      readonly kind: 'promise';
      readonly payment: Uint8Array;
      readonly allowance: Uint8Array;
      readonly certificate?: Uint8Array;
      readonly receipt?: Uint8Array;
    };

interface Parts {
  readonly finality?: Uint8Array;
  readonly core?: Uint8Array;
  readonly payment?: Uint8Array;
  readonly allowance?: Uint8Array;
  readonly certificate?: Uint8Array;
  readonly receipt?: Uint8Array;
}

const message = bytesWithin(1, MESSAGE_BYTES);
const PARTS = record<Parts>({
  finality: optional(1, message),
  core: optional(2, message),
  payment: optional(3, message),
  allowance: optional(4, message),
  certificate: optional(5, message),
  receipt: optional(6, message),
});

/**
 * The bytes of `voucher`, for one code: where they would not fit, the payee's receipt is left out, then the certificate.
 * What is left proves as much about the money and less about who.
 */
export function writeVoucher(voucher: Voucher): Uint8Array<ArrayBuffer> {
  const { kind: _kind, ...parts } = voucher;
  const { receipt: _receipt, ...unwitnessed } = parts as Parts;
  const { certificate: _certificate, ...bare } = unwitnessed;
  const [first, second, last] = [parts, unwitnessed, bare].map((one) => encodeCbor(PARTS.write(one)));
  const fits = [first, second].find((bytes) => bytes !== undefined && bytes.length <= FRAME_BYTES_MOST);
  return fits ?? last ?? new Uint8Array(0);
}

/** Reads a voucher; nothing in it is verified. Refusals: message.*. Never throws. */
export function readVoucher(bytes: Uint8Array): Checked<Voucher> {
  const wire = decodeCbor(bytes);
  if (!wire.ok) return wire;
  const parts = PARTS.read(wire.value);
  if (parts === undefined) return no('message.malformed');
  const { finality, payment, allowance, core, certificate, receipt } = parts;
  const named = certificate === undefined ? {} : { certificate };
  if (finality !== undefined) {
    if (payment !== undefined || allowance !== undefined || receipt !== undefined) return no('message.malformed');
    return ok({ kind: 'final', finality, ...(core === undefined ? {} : { core }), ...named });
  }
  if (payment === undefined || allowance === undefined || core !== undefined) return no('message.malformed');
  // A receipt is signed by the key the certificate names: without it nobody could tell.
  if (receipt !== undefined && certificate === undefined) return no('message.malformed');
  return ok({ kind: 'promise', payment, allowance, ...named, ...(receipt === undefined ? {} : { receipt }) });
}

/** What a voucher proves. Sums are minor units, as the payee gets them. */
export interface Proved {
  readonly kind: Voucher['kind'];
  /** The payment id: 32 bytes. */
  readonly payment: Uint8Array;
  readonly amount: number;
  readonly currency: Currency;
  readonly payee: Id;
  /** Who the payee is, by its region's word; absent when the voucher does not hold it. */
  readonly certificate?: Certificate;
  /** Whose issuer's word it is: the payee's region when final, the payer's while a promise. */
  readonly region: string;
  /** When the payer signed, by the payer's clock. */
  readonly signedAt?: Instant;
  /** When the issuer said that it is final. */
  readonly finalAt?: Instant;
  /** When the payee's phone accepted the promise, by its own clock. */
  readonly acceptedAt?: Instant;
  /** The issuer honours the promise when it is uploaded until then. */
  readonly claimUntil?: Instant;
}

/**
 * Whether a voucher is genuine, by the key set alone: what is final by the issuer's signature, a promise by the same checks
 * the server makes. A promise may still be one of two with the same number: only the server can know.
 * Refusals: message.*, issuer.unknown, finality.*, allowance.*, payment.*, certificate.*, receipt.*.
 */
export function* voucherChecks(voucher: Voucher, trust: Trust): Checks<Checked<Proved>> {
  const proved = voucher.kind === 'final' ? yield* finalChecks(voucher, trust) : yield* promiseChecks(voucher, trust);
  if (!proved.ok || voucher.certificate === undefined) return proved;
  // Asked for the time of the payment: that the payee's certificate has ended since takes nothing back.
  const moment = proved.value.signedAt ?? proved.value.finalAt ?? trust.now;
  const then = { keySet: trust.keySet, now: moment, floor: instant(0) };
  const certificate = yield* certificateChecks(voucher.certificate, then);
  if (!certificate.ok) return certificate;
  const payee = certificate.value.message;
  if (payee.payee !== proved.value.payee) return no('payment.wrong-payee');
  const named = { ...proved.value, certificate: payee };
  if (voucher.kind === 'final' || voucher.receipt === undefined) return ok(named);
  const receipt = yield* receiptChecks(voucher.receipt, payee.key, { payment: named.payment });
  if (!receipt.ok) return receipt;
  if (receipt.value.message.status !== 'accepted') return no('receipt.wrong-payment');
  return ok({ ...named, acceptedAt: receipt.value.message.time });
}

function* finalChecks(voucher: Voucher & { readonly kind: 'final' }, trust: Trust): Checks<Checked<Proved>> {
  const checked = yield* finalityChecks(voucher.finality, trust.keySet);
  if (!checked.ok) return checked;
  const { payment, amount, currency, payee, region, time } = checked.value.message;
  const said = { kind: 'final', payment, amount, currency, payee, region, finalAt: time } as const;
  if (voucher.core === undefined) return ok(said);
  const core = readCore(voucher.core);
  if (!core.ok) return core;
  const same = sameBytes(sha256(voucher.core), payment) && isPaidBy(checked.value.message, core.value);
  return same ? ok({ ...said, signedAt: core.value.time }) : no('finality.wrong-payment');
}

function isPaidBy(finality: Finality, core: PaymentCore): boolean {
  const got = core.converted ?? { amount: core.amount, currency: finality.currency };
  return (
    core.payee === finality.payee &&
    sameBytes(core.invoice, finality.invoice) &&
    got.amount === finality.amount &&
    got.currency === finality.currency
  );
}

function* promiseChecks(voucher: Voucher & { readonly kind: 'promise' }, trust: Trust): Checks<Checked<Proved>> {
  const { payment, allowance } = voucher;
  const checked = yield* paymentChecks({ payment, allowance }, { ...trust, role: 'server', held: [] });
  if (!checked.ok) return checked;
  // Nothing is held, so nothing can be a repeat.
  if (checked.value.repeat) return no('message.malformed');
  const core = checked.value.payment.message;
  const terms = checked.value.allowance.message;
  const got = core.converted ?? { amount: core.amount, currency: terms.currency };
  return ok({
    kind: 'promise',
    payment: checked.value.payment.id,
    amount: got.amount,
    currency: got.currency,
    payee: core.payee,
    region: terms.region,
    signedAt: core.time,
    claimUntil: terms.claimUntil,
  });
}
