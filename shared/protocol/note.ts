/**
 * The note: what a payer whom nobody has asked writes in place of an invoice, so that giving money is the same payment.
 * Invariant: no invoice reads as a note, so whoever was asked for money can never say later that he was not.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import type { Id } from '#shared/base/id.ts';
import { AMOUNT_MOST, MEMO_BYTES, NOTE_LIFETIME } from '#shared/base/limits.ts';
import { ok } from '#shared/base/result.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import { decodeCbor, encodeCbor } from '#shared/protocol/cbor.ts';
import type { Invoice } from '#shared/protocol/invoice.ts';
import type { Signed } from '#shared/protocol/message.ts';
import { type Checked, no } from '#shared/protocol/refusal.ts';
import { currencyCode, id, moment, optional, record, required, text, whole } from '#shared/protocol/schema.ts';

/** Signed by nobody: the payment that names it is the payer's word for it. */
export interface Note {
  readonly payee: Id;
  /** Made by the payer; that of the request it answers, where there is one. */
  readonly id: Id;
  /** Minor units of `currency`, at least one. */
  readonly amount: number;
  readonly currency: Currency;
  readonly memo?: string;
  readonly time: Instant;
}

const NOTE = record<Note>({
  payee: required(1, id),
  id: required(2, id),
  amount: required(3, whole(1, AMOUNT_MOST)),
  currency: required(4, currencyCode),
  memo: optional(5, text(MEMO_BYTES)),
  time: required(6, moment),
});

/** The canonical bytes of a note; a payment names it by the first half of their SHA-256. */
export function writeNote(note: Note): Uint8Array<ArrayBuffer> {
  return encodeCbor(NOTE.write(note));
}

/** The note in `bytes`. Refusals: message.*. Never throws. */
export function readNote(bytes: Uint8Array): Checked<Note> {
  const wire = decodeCbor(bytes);
  if (!wire.ok) return wire;
  const note = NOTE.read(wire.value);
  return note === undefined ? no('message.malformed') : ok(note);
}

const NONE = new Uint8Array(0);

/**
 * The note in `bytes` in the place of an invoice, so that both sides check its payment in the one order of checks. It
 * claims nothing about the payee's lists (epoch 0): the guarantee does not stand for what was not asked for.
 */
export function noteAsInvoice(bytes: Uint8Array): Checked<Signed<Invoice>> {
  const read = readNote(bytes);
  if (!read.ok) return read;
  const message: Invoice = { ...read.value, lifetime: NOTE_LIFETIME / 1000, epoch: 0 };
  return ok({ message, bytes, payload: bytes, kid: NONE, signature: NONE, signedBytes: NONE, id: sha256(bytes) });
}
