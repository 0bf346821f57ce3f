/**
 * Whether a receipt is genuine, for anybody: reads what was scanned, sent or opened, and comes to a verdict a person can
 * act on. Nothing of what is checked leaves the phone, unless the person asks the region for the present state.
 */

import type { ReceiptState } from '#shared/api/payment.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { type Frame, type FramePart, readFrame } from '#shared/protocol/frame.ts';
import type { Checked, ProtocolCode } from '#shared/protocol/refusal.ts';
import { verifyAsync, webVerifier } from '#shared/protocol/signature.ts';
import { presentOf, type Trust } from '#shared/protocol/trust.ts';
import { type Proved, readVoucher, type Voucher, voucherChecks } from '#shared/protocol/voucher.ts';
import { heldNetwork, type NetworkNeeds, olderNetwork, renewNetwork } from '#web/sync/network.ts';

/**
 * `final`: settled, by the word of the payee's region. `promise`: signed by the payer and covered by an allowance, not
 * settled as far as the code can say; `late` when the region no longer honours it. `forged`: somebody signed or altered
 * what they may not. `unsure`: nothing is known against it, but this phone cannot tell. `no-receipt`: another kind of code.
 */
export type Verdict =
  | { readonly kind: 'final'; readonly proved: Proved }
  | { readonly kind: 'promise'; readonly proved: Proved; readonly late: boolean }
  | { readonly kind: 'forged'; readonly why: Forgery }
  | { readonly kind: 'unsure'; readonly why: Doubt }
  | { readonly kind: 'no-receipt' };

/** What is wrong with a receipt that is not genuine: who signed it, what was altered, or what does not belong together. */
export type Forgery = 'issuer' | 'altered' | 'mixed' | 'limits';
/**
 * Why this phone cannot tell: it never saw the network, its keys are old, this site now names keys that the root it first
 * saw has not signed, or the receipt is of a newer kind.
 */
export type Doubt = 'no-network' | 'old-keys' | 'other-network' | 'newer-version';

/** The voucher behind a code, or undefined when the code is of another kind. A payment or finality code is one by itself. */
export function voucherIn(frame: Frame): Voucher | undefined {
  if (frame.kind === 'finality') return { kind: 'final', finality: frame.finality };
  if (frame.kind === 'payment' && frame.allowance !== undefined) {
    return { kind: 'promise', payment: frame.payment, allowance: frame.allowance };
  }
  if (frame.kind !== 'voucher') return undefined;
  const read = readVoucher(frame.voucher);
  return read.ok ? read.value : undefined;
}

/** The part of a link after `#` that opens `/check` with this voucher. */
export function fragmentOf(voucher: Uint8Array): string {
  return toBase64url(voucher);
}

/** A link to `/check` wherever it stands in a text that was sent. The site it names is not believed, and not visited. */
const LINK = /https?:\/\/[^#\s]+\/check#([A-Za-z0-9_-]+)/;

/** The code in a scanned or pasted text: a frame, a link to `/check`, or what stands behind its `#`. */
export function readCode(text: string): Checked<Frame | FramePart> {
  const frame = readFrame(text);
  if (frame.ok || text.startsWith('PH1')) return frame;
  const voucher = fromBase64url(LINK.exec(text)?.[1] ?? text);
  return voucher === undefined || voucher.length === 0 ? frame : ok({ kind: 'voucher', voucher });
}

/**
 * The verdict on a code. With keys that know the issuer no network is needed; a signer nobody knows is looked for in
 * newer keys, then among those of before, and only then called a forger.
 */
export async function checkReceipt(needs: NetworkNeeds, frame: Frame): Promise<Verdict> {
  const voucher = voucherIn(frame);
  if (voucher === undefined) return { kind: 'no-receipt' };
  const held = await heldNetwork(needs);
  if (held.ok) {
    const verdict = await judge(voucher, held.value);
    if (verdict !== 'unknown-issuer') return verdict;
  }
  const newest = await renewNetwork(needs);
  if (!newest.ok) return { kind: 'unsure', why: doubtOf(newest.error, held) };
  const verdict = await judge(voucher, newest.value);
  if (verdict !== 'unknown-issuer') return verdict;
  const older = await olderNetwork(needs);
  if (!older.ok) return { kind: 'unsure', why: 'old-keys' };
  const last = await judge(voucher, older.value);
  return last === 'unknown-issuer' ? { kind: 'forged', why: 'issuer' } : last;
}

function doubtOf(newest: Refusal, held: Result<Trust, Refusal>): Doubt {
  if (newest.code === 'key-set.signature') return 'other-network';
  return held.ok || held.error.code === 'key-set.expired' ? 'old-keys' : 'no-network';
}

async function judge(voucher: Voucher, trust: Trust): Promise<Verdict | 'unknown-issuer'> {
  const checked = await verifyAsync(voucherChecks(voucher, trust), webVerifier());
  if (!checked.ok) {
    const { code } = checked.error;
    if (code === 'issuer.unknown') return 'unknown-issuer';
    if (code === 'message.version' || code === 'payment.rate-unknown') return { kind: 'unsure', why: 'newer-version' };
    return { kind: 'forged', why: forgeryOf(code) };
  }
  const proved = checked.value;
  if (proved.kind === 'final') return { kind: 'final', proved };
  return { kind: 'promise', proved, late: proved.claimUntil !== undefined && presentOf(trust) > proved.claimUntil };
}

const MIXED: ReadonlySet<ProtocolCode> = new Set([
  'finality.wrong-payment',
  'payment.wrong-payee',
  'receipt.wrong-payment',
  'allowance.unknown',
]);

function forgeryOf(code: ProtocolCode): Forgery {
  if (MIXED.has(code)) return 'mixed';
  return /signature|^message\./.test(code) ? 'altered' : 'limits';
}

/** How a payment stands with its region; `unknown`: nobody has brought it in. */
export type Standing = ReceiptState['state'] | 'unknown';

/** What the region says of the payment now. It learns that somebody asks about this payment, so only a person may ask. */
export async function askRegion(needs: NetworkNeeds, payment: Uint8Array): Promise<Result<Standing, Refusal>> {
  const answer = await needs.ask<ReceiptState>({ method: 'GET', path: `/receipts/${toBase64url(payment)}` });
  if (!answer.ok && answer.error.code === 'request.not-found') return ok('unknown');
  return answer.ok ? ok(answer.value.state) : refuse(answer.error);
}
