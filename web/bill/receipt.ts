/**
 * The electronic receipt of a bill: what is written on it, and the code by which anybody can check it.
 * Invariant: a code is drawn only when this phone has verified what it will prove, and a receipt says no more than that.
 */

import type { PaymentView } from '#shared/api/payment.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { fromBase64url } from '#shared/base/bytes.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { finalityMessage } from '#shared/protocol/finality.ts';
import { writeFrame } from '#shared/protocol/frame.ts';
import { readPayment } from '#shared/protocol/payment.ts';
import { receiptMessage } from '#shared/protocol/receipt.ts';
import { verifyAsync, webVerifier } from '#shared/protocol/signature.ts';
import { finalityChecks, settledChecks, type Trust } from '#shared/protocol/trust.ts';
import { type Proved, readVoucher, type Voucher, voucherChecks, writeVoucher } from '#shared/protocol/voucher.ts';
import { fragmentOf } from '#web/bill/check.ts';
import { type Entry, entryById } from '#web/bill/entries.ts';
import { hasReceipt } from '#web/bill/provable.ts';
import { heldNetwork, type NetworkNeeds, olderNetwork, renewNetwork } from '#web/sync/network.ts';
import { keepFinality } from '#web/vault/payments.ts';
import type { BillRow, PaymentRow, ReceivedRow } from '#web/vault/rows.ts';
import { readSetting } from '#web/vault/settings.ts';
import { heldLists } from '#web/vault/trust.ts';
import type { Vault } from '#web/vault/vault.ts';

/** One side of a payment as the bill knows it; without a name where nobody has told it to this phone yet. */
export interface Party {
  readonly name?: string;
  /** Whether it is the owner of this phone. */
  readonly own: boolean;
}

/** How a payment travelled: at once by the network, or by code from phone to phone. */
export type TravelledBy = 'network' | 'code';

/** The code of a receipt: its text for a camera, the fragment of its link, and what it proves. */
export interface ReceiptCode {
  readonly text: string;
  readonly fragment: string;
  readonly proved: Proved;
}

/** A receipt. `code` is absent when nothing on this phone proves the bill yet. */
export interface Receipt {
  readonly entry: Entry;
  readonly payer: Party;
  readonly payee: Party;
  readonly road: TravelledBy;
  readonly code?: ReceiptCode;
}

/** The receipt of the bill or payment with this id, from this phone alone; undefined when there is none. */
export async function readReceipt(needs: NetworkNeeds, id: string): Promise<Receipt | undefined> {
  const { vault } = needs;
  const entry = await entryById(vault, id);
  if (entry === undefined || !hasReceipt(entry)) return undefined;
  const [wallet, held, trust] = await Promise.all([
    readSetting(vault, 'wallet'),
    holdings(vault, entry.payment ?? id),
    heldNetwork(needs),
  ]);
  const own = { own: true, ...(wallet ? { name: wallet.name } : {}) };
  const peer = { own: false, ...(entry.peer ? { name: entry.peer.name } : {}) };
  const [payer, payee] = entry.direction === 'out' ? [own, peer] : [peer, own];
  const code = trust.ok ? await codeOf(held, trust.value) : undefined;
  const road = held.received || !isPrompt(entry) ? 'code' : 'network';
  return { entry, payer, payee, road, ...(code ? { code } : {}) };
}

/** An upload within a minute went by the network at once; a later one had to wait for it. */
const PROMPT_MS = 60_000;

function isPrompt({ times }: Entry): boolean {
  return times.uploaded !== undefined && times.signed !== undefined && times.uploaded - times.signed < PROMPT_MS;
}

/**
 * Asks for the region's word that a settled payment is final, and keeps it. This phone signs the question: nobody has to be signed in.
 * Refusals: those of the client; those of the proof; `request.not-found` when the region does not say so (yet).
 */
export async function fetchFinality(needs: NetworkNeeds, payment: string): Promise<Result<undefined, Refusal>> {
  const answer = await needs.ask<PaymentView>({
    method: 'GET',
    path: `/payments/${payment}?finality=true`,
    signed: true,
  });
  if (!answer.ok) return answer;
  const bytes = fromBase64url(answer.value?.finality ?? '');
  if (bytes === undefined || bytes.length === 0) return refuse({ code: 'request.not-found' });
  const newest = await newestFor(needs);
  if (!newest.ok) return newest;
  const taken = await takeFinality(needs, payment, bytes, answer.value, newest.value);
  if (taken.ok || taken.error.code !== 'issuer.unknown') return taken;
  // The region gave its word long ago: its key of then is looked for among those of before.
  const older = await olderNetwork(needs);
  return older.ok ? await takeFinality(needs, payment, bytes, answer.value, older.value) : older;
}

async function takeFinality(
  needs: NetworkNeeds,
  payment: string,
  bytes: Uint8Array,
  view: PaymentView,
  trust: Trust,
): Promise<Result<undefined, Refusal>> {
  const checked = await verifyAsync(finalityChecks(bytes, trust.keySet), webVerifier());
  if (!checked.ok) return checked;
  const settled = await settledUnder(payment, view, trust);
  if (!settled.ok) return settled;
  await keepFinality(needs.vault, payment, bytes, needs.clock());
  return ok(undefined);
}

/** Where the region shows the payment in its published tree of claims, that must be true; before its next card it cannot. */
async function settledUnder(payment: string, view: PaymentView, trust: Trust): Promise<Result<unknown, Refusal>> {
  if (view.settled === undefined) return ok(undefined);
  const read = (text: string): Uint8Array => fromBase64url(text) ?? new Uint8Array(0);
  const { card, path, ...place } = view.settled;
  const proof = { card: read(card), inclusion: { ...place, path: path.map(read) } };
  return verifyAsync(settledChecks(read(payment), proof, trust.keySet), webVerifier());
}

async function newestFor(needs: NetworkNeeds): Promise<Result<Trust, Refusal>> {
  const newest = await renewNetwork(needs);
  return newest.ok ? newest : await heldNetwork(needs);
}

interface Holdings {
  readonly payment?: PaymentRow;
  readonly allowance?: Uint8Array;
  readonly received?: ReceivedRow;
  readonly bill?: BillRow;
  /** This phone's own certificate. */
  readonly certificate?: Uint8Array;
}

/** Everything this phone holds of one payment. */
async function holdings(vault: Vault, id: string): Promise<Holdings> {
  const [payment, received, bill, lists] = await Promise.all([
    vault.payments.get(id),
    vault.received.get(id),
    vault.bills.where('payment').equals(id).first(),
    heldLists(vault),
  ]);
  const allowance = payment && (await vault.allowances.get(payment.allowance));
  return {
    ...(payment ? { payment } : {}),
    ...(allowance ? { allowance: allowance.bytes } : {}),
    ...(received ? { received } : {}),
    ...(bill ? { bill } : {}),
    ...(lists.certificate ? { certificate: lists.certificate.bytes } : {}),
  };
}

/** The code that proves most: final before promise, with names before without. */
async function codeOf(held: Holdings, trust: Trust): Promise<ReceiptCode | undefined> {
  for (const voucher of candidates(held)) {
    const bytes = writeVoucher(voucher);
    const read = readVoucher(bytes);
    const checked = read.ok ? await verifyAsync(voucherChecks(read.value, trust), webVerifier()) : undefined;
    const [text, ...more] = writeFrame({ kind: 'voucher', voucher: bytes });
    if (checked?.ok && text !== undefined && more.length === 0) {
      return { text, fragment: fragmentOf(bytes), proved: checked.value };
    }
  }
  return undefined;
}

function candidates({ payment, allowance, received, bill, certificate }: Holdings): Voucher[] {
  const bytes = payment?.bytes ?? received?.bytes;
  const signed = bytes && readPayment(bytes);
  const core = signed?.ok ? { core: signed.value.payload } : {};
  const who = payment?.certificateBytes ?? certificate;
  const named = who ? { certificate: who } : {};
  const finality = [payment?.receipt, received?.finality, bill?.finality].find(
    (one) => one !== undefined && finalityMessage.read(one).ok,
  );
  const witness = [payment?.receipt, received?.receipt].find((one) => one !== undefined && receiptMessage.read(one).ok);
  const rides = allowance ?? received?.allowanceBytes;
  const finals: Voucher[] = finality
    ? [
        { kind: 'final', finality, ...core, ...named },
        { kind: 'final', finality, ...core },
        { kind: 'final', finality },
      ]
    : [];
  if (!bytes || !rides) return finals;
  const promise = { kind: 'promise', payment: bytes, allowance: rides } as const;
  const witnessed = witness && who ? [{ ...promise, ...named, receipt: witness }] : [];
  return [...finals, ...witnessed, { ...promise, ...named }, promise];
}
