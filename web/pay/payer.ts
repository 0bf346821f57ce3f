/**
 * What a payer does: reads who asks for what, decides whether this phone may, confirms, reserves, signs, keeps, shows.
 * Invariant: a code is drawn only from a payment that is on the disk; the road it travels never makes a second one.
 */
import { REFUSALS, type Refusal, type RefusalCode } from '#shared/api/refusal.ts';
import { fromBase64url } from '#shared/base/bytes.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { type Clock, type Duration, duration, type Instant, instant } from '#shared/base/time.ts';
import { money } from '#shared/money/money.ts';
import type { Allowance } from '#shared/protocol/allowance.ts';
import { type Assertion, assertedBytes } from '#shared/protocol/assertion.ts';
import type { Certificate } from '#shared/protocol/certificate.ts';
import { certificateMessage } from '#shared/protocol/certificate.ts';
import { type Frame, writeFrame } from '#shared/protocol/frame.ts';
import type { Invoice } from '#shared/protocol/invoice.ts';
import type { KeySet } from '#shared/protocol/key-set.ts';
import type { Signed } from '#shared/protocol/message.ts';
import { signPayment } from '#shared/protocol/payment.ts';
import { verifyAsync, webVerifier } from '#shared/protocol/signature.ts';
import { finalityChecks, knownAllowance } from '#shared/protocol/trust.ts';
import { invoiceEnd, needsPasskey } from '#shared/protocol/verify.ts';
import { invoiceChecks, receiptChecks } from '#shared/protocol/witness.ts';
import { mayBePaid } from '#shared/rules/acceptance.ts';
import { maySpend, type Spending } from '#shared/rules/spending.ts';
import { confirmByPasskey, unlockByPasskey } from '#web/pay/passkey.ts';
import { type SyncNeeds, syncNow } from '#web/sync/sync.ts';
import { askForBackgroundSync } from '#web/sync/wake.ts';
import { allowanceSigner, isLockedKey } from '#web/vault/allowance-key.ts';
import { liveAllowances } from '#web/vault/allowances.ts';
import { meet } from '#web/vault/contacts.ts';
import {
  keep,
  markHanded,
  markVoid,
  type Order,
  paymentOfInvoice,
  reserve,
  takeBack,
  unfinished,
} from '#web/vault/payments.ts';
import { whenKept } from '#web/vault/refused-write.ts';
import type { AllowanceRow, PaymentRow } from '#web/vault/rows.ts';
import { readSetting } from '#web/vault/settings.ts';
import { whileSigning } from '#web/vault/signing-lock.ts';
import { believedTime } from '#web/vault/time-floor.ts';
import { readTrust } from '#web/vault/trust.ts';
import type { Vault } from '#web/vault/vault.ts';

/** What a payer needs; `confirm` and `unlock` are the passkey, replaced in tests. */
export interface PayerNeeds extends SyncNeeds {
  readonly confirm?: typeof confirmByPasskey;
  readonly unlock?: typeof unlockByPasskey;
}

/** A verified request to pay: everything a person must see before saying yes. */
export interface Offer {
  readonly certificate: Signed<Certificate>;
  readonly invoice: Signed<Invoice>;
  readonly match: string;
  readonly keySet: KeySet;
  /** Nobody asked: the invoice is the payer's own note (see send.ts). */
  readonly unasked?: 'found' | 'code';
}

/** How this phone would pay an offer. */
export type Plan =
  /** It has paid already: the same code is shown again. */
  | { readonly kind: 'again'; readonly row: PaymentRow }
  /** From an allowance it holds, with or without a network. */
  | { readonly kind: 'ready'; readonly allowance: AllowanceRow; readonly spending: Spending; readonly locked: boolean }
  /** Only with a network: the server sets this very sum aside for this very payee. `why` says what was in the way. */
  | { readonly kind: 'online'; readonly why: Refusal };

/** How long a payer at a till waits for the network before the other road is taken, counted from the tap. */
export const ROAD_PATIENCE: Duration = duration(5, 's');

/** Verifies a scanned invoice. Refusals: those of the protocol and of `readTrust`, `code.none`. */
export async function readOffer(
  needs: { readonly vault: Vault; readonly clock: Clock },
  frame: Frame,
): Promise<Result<Offer, Refusal>> {
  if (frame.kind !== 'invoice') return refuse({ code: 'code.none' });
  const held = await readTrust(needs.vault, needs.clock());
  if (!held.ok) return held;
  const { trust } = held.value;
  const checked = await verifyAsync(invoiceChecks(frame, trust), webVerifier());
  if (!checked.ok) return checked;
  const { certificate, invoice, matchCode } = checked.value;
  return ok({ certificate, invoice, match: matchCode, keySet: trust.keySet });
}

/** How this offer can be paid. Refuses only what no network could change, as `acceptance.currency`. */
export async function planPayment(needs: PayerNeeds, offer: Offer): Promise<Result<Plan, Refusal>> {
  const held = await paymentOfInvoice(needs.vault, offer.invoice.id);
  if (held && held.state !== 'reserved') return ok({ kind: 'again', row: held });
  const { now } = await believedTime(needs.vault, needs.clock());
  const rows = await liveAllowances(needs.vault, now);
  const payee = offer.certificate.message.payee;
  const fit = rows.filter((row) => row.payee === undefined || row.payee === payee);
  let why: Refusal = { code: 'allowance.none' };
  // One locked to this payee prevents any double spend, so it goes first.
  for (const row of fit.sort((left, right) => Number(right.payee === payee) - Number(left.payee === payee))) {
    const spending = await maySpendFrom(needs.vault, row, offer, now, held);
    if (spending.ok) {
      const locked = await isLockedKey(needs.vault, row.key);
      return ok({ kind: 'ready', allowance: row, spending: spending.value, locked });
    }
    if (spending.error.code.startsWith('acceptance.')) return spending;
    why = spending.error;
  }
  return ok({ kind: 'online', why });
}

async function maySpendFrom(
  vault: Vault,
  row: AllowanceRow,
  offer: Offer,
  now: Instant,
  held: PaymentRow | undefined,
): Promise<Result<Spending, Refusal>> {
  if (held?.allowance === row.id) {
    const known = knownAllowance(row.bytes);
    const asks = known.ok && needsPasskey(known.value.message, held.amount, held.cumulative);
    return ok({ number: held.number, amount: held.amount, total: held.cumulative, needsPasskey: asks });
  }
  const payee = offer.certificate.message.payee;
  const rows = await vault.payments.filter((one) => one.allowance === row.id && one.payee.id === payee).toArray();
  const toPayee = rows.reduce((sum, one) => sum + one.amount, 0);
  return mayPay(row, offer, toPayee, now);
}

/** The rules both sides share, asked about one allowance. */
function mayPay(row: AllowanceRow, offer: Offer, toPayee: number, now: Instant): Result<Spending, Refusal> {
  const known = knownAllowance(row.bytes);
  if (!known.ok) return known;
  const allowance: Allowance = known.value.message;
  const { certificate, invoice, keySet } = offer;
  const regions = keySet.issuers.map((issuer) => issuer.region);
  const accepted = mayBePaid(certificate.message, allowance, { regions });
  if (!accepted.ok) return accepted;
  const sum = money(invoice.message.amount, invoice.message.currency);
  const spent = { count: row.count, total: row.spent, toPayee };
  return maySpend(allowance, spent, certificate.message.payee, sum, now);
}

/**
 * The person has said yes. Gets a one-off allowance first when the plan needs the network, then signs and keeps.
 * Asking again for the same offer answers the same payment. Refusals: `payment.other-tab`, `passkey.cancelled`,
 * `allowance.locked`, `invoice.expired`, `vault.full`, and why a plan that needs the network got none.
 */
export async function pay(needs: PayerNeeds, offer: Offer, plan: Plan): Promise<Result<PaymentRow, Refusal>> {
  return await whenKept(() => payPlan(needs, offer, plan));
}

async function payPlan(needs: PayerNeeds, offer: Offer, plan: Plan): Promise<Result<PaymentRow, Refusal>> {
  if (plan.kind === 'again') return ok(plan.row);
  if (plan.kind === 'ready') return await signNow(needs, offer, plan.allowance);
  const { amount, currency } = offer.invoice.message;
  const want = { payee: offer.certificate.message.payee, total: amount, currency };
  const asked = await inTime(syncNow(needs, { want, timeout: ROAD_PATIENCE }), ROAD_PATIENCE);
  if (!asked.ok) return refuse(asked.error.code === 'house.unreachable' ? plan.why : asked.error);
  const again = await planPayment(needs, offer);
  if (!again.ok) return again;
  if (again.value.kind === 'online') return refuse(await houseReason(needs.vault, again.value.why));
  return again.value.kind === 'again' ? ok(again.value.row) : await signNow(needs, offer, again.value.allowance);
}

/** Why the house gave none, as it said in its last answer; `why` where it said nothing this app knows. */
async function houseReason(vault: Vault, why: Refusal): Promise<Refusal> {
  const code = await readSetting(vault, 'allowanceRefused');
  return code !== undefined && Object.hasOwn(REFUSALS, code) ? { code: code as RefusalCode } : why;
}

/** The answer of `asked` if it comes in `patience`: a sync that is under way before this one takes its own time. */
async function inTime(
  asked: Promise<Result<undefined, Refusal>>,
  patience: Duration,
): Promise<Result<undefined, Refusal>> {
  const late = new Promise<Result<undefined, Refusal>>((resolve) => {
    setTimeout(() => resolve(refuse({ code: 'house.unreachable' })), patience);
  });
  return await Promise.race([asked, late]);
}

/** Reserve, confirm, sign, keep: while no other tab can. */
async function signNow(needs: PayerNeeds, offer: Offer, allowance: AllowanceRow): Promise<Result<PaymentRow, Refusal>> {
  return await whileSigning(needs.vault, async () => {
    const held = await readTrust(needs.vault, needs.clock());
    if (!held.ok) return held;
    const { now } = held.value.trust;
    const order = orderOf(offer, allowance, now);
    await takeBackOthers(needs.vault, order);
    const reserved = await reserve(
      needs.vault,
      order,
      (position) => mayPay(position.allowance, offer, position.paidToPayee, now),
      now,
    );
    if (!reserved.ok || reserved.value.state !== 'reserved') return reserved;
    const signed = await signReserved(needs, offer, reserved.value);
    if (!signed.ok) {
      await takeBack(needs.vault, reserved.value.id);
      return signed;
    }
    const row = await keep(needs.vault, reserved.value.id, signed.value, needs.clock());
    // The app may be closed as soon as the code was read.
    void askForBackgroundSync();
    // A code on paper may be anybody's: what it was sent is no reason to send more than its cap another time.
    const known = offer.unasked === 'code' ? {} : { certificate: offer.certificate.bytes };
    await meet(needs.vault, { ...row.payee, lastAt: now, ...known });
    return ok(row);
  });
}

async function signReserved(
  needs: PayerNeeds,
  offer: Offer,
  row: PaymentRow,
): Promise<Result<Uint8Array<ArrayBuffer>, Refusal>> {
  const { vault } = needs;
  const allowance = await vault.allowances.get(row.allowance);
  const known = allowance && knownAllowance(allowance.bytes);
  if (!allowance || !known?.ok) return refuse({ code: 'allowance.none' });
  const asks = needsPasskey(known.value.message, row.amount, row.cumulative);
  const key = await vault.keys.get(allowance.key);
  const confirm = needs.confirm ?? confirmByPasskey;
  const assertion = asks
    ? await confirm(vault, fromBase64url(row.id) ?? new Uint8Array(), offer.keySet, key?.passkey)
    : ok(undefined);
  if (!assertion.ok) return assertion;
  // Another passkey than the one the allowance names would be refused by the payee: better known before it is kept.
  const fits = assertion.value === undefined || (await isOwnPasskey(known.value.message, assertion.value, row, offer));
  if (!fits) return refuse({ code: 'payment.passkey-signature' });
  if (await isLockedKey(vault, allowance.key)) {
    const opened = await (needs.unlock ?? unlockByPasskey)(vault, offer.keySet.rpId);
    if (!opened.ok) return opened;
  }
  const signer = await allowanceSigner(vault, allowance.key);
  if (!signer) return refuse({ code: 'allowance.locked' });
  return ok(await signPayment(row.core, signer, assertion.value));
}

async function isOwnPasskey(
  allowance: Allowance,
  assertion: Assertion,
  row: PaymentRow,
  offer: Offer,
): Promise<boolean> {
  const origin = offer.keySet.origins[assertion.origin];
  if (!allowance.passkey || origin === undefined) return false;
  const message = assertedBytes(assertion, offer.keySet.rpId, origin, fromBase64url(row.id) ?? new Uint8Array());
  return await webVerifier()({ key: allowance.passkey.key, message, signature: assertion.signature });
}

/** What is left reserved by a crash was never shown to anybody; it must not stand in the way of another invoice. */
async function takeBackOthers(vault: Vault, order: Order): Promise<void> {
  const own = await paymentOfInvoice(vault, order.invoice.id);
  for (const row of await unfinished(vault)) if (row.id !== own?.id) await takeBack(vault, row.id);
}

/** Takes back reserved payments whose invoice can no longer be paid; run at start. Answers how many. */
export async function recover(needs: { readonly vault: Vault; readonly clock: Clock }): Promise<number> {
  const done = await whileSigning(needs.vault, async () => {
    let count = 0;
    for (const row of await unfinished(needs.vault)) {
      if (needs.clock() - row.reservedAt > STALE && (await takeBack(needs.vault, row.id))) count += 1;
    }
    return ok(count);
  });
  return done.ok ? done.value : 0;
}

/** Longer than any invoice lives: its reservation can only be a crash's. */
const STALE = duration(1, 'h');

function orderOf(offer: Offer, allowance: AllowanceRow, now: Instant): Order {
  const { certificate, invoice, match } = offer;
  const { message } = invoice;
  return {
    allowance: allowance.id,
    payee: {
      id: certificate.message.payee,
      name: certificate.message.name,
      region: certificate.message.region,
    },
    invoice: { id: invoice.id, bytes: invoice.bytes },
    certificate: certificate.bytes,
    amount: message.amount,
    currency: message.currency,
    ...(message.memo === undefined ? {} : { memo: message.memo }),
    ...(offer.unasked === undefined ? {} : { unasked: offer.unasked }),
    match,
    // The payee's clock judges the lifetime, so two clocks a little apart must not spoil a payment both agreed to.
    time: instant(Math.min(Math.max(now, message.time), invoiceEnd(message))),
    epoch: message.epoch,
  };
}

/** The code texts of a kept payment. */
export async function paymentCode(vault: Vault, row: PaymentRow): Promise<string[]> {
  const allowance = await vault.allowances.get(row.allowance);
  if (!row.bytes || !allowance) return [];
  const signed = { payment: row.bytes, allowance: allowance.bytes };
  return writeFrame(
    row.unasked ? { kind: 'noted', note: row.invoiceBytes, ...signed } : { kind: 'payment', ...signed },
  );
}

/** The code of the house's own word that the payment is settled, for a payee without a signal; empty before it came. */
export function finalityCode(row: PaymentRow): string[] {
  return row.receipt && row.state === 'settled' ? writeFrame({ kind: 'finality', finality: row.receipt }) : [];
}

/** Keeps the payee's receipt, its word that it gave the payment up, or the house's finality, scanned for `row`. */
export async function acceptReceipt(
  needs: { readonly vault: Vault; readonly clock: Clock },
  row: PaymentRow,
  frame: Frame,
): Promise<Result<undefined, Refusal>> {
  const held = await readTrust(needs.vault, needs.clock());
  if (!held.ok) return held;
  const certificate = certificateMessage.read(row.certificateBytes);
  if (!certificate.ok) return certificate;
  const payment = fromBase64url(row.id) ?? new Uint8Array();
  if (frame.kind === 'receipt') {
    const key = certificate.value.message.key;
    const checked = await verifyAsync(receiptChecks(frame.receipt, key, { payment }), webVerifier());
    if (!checked.ok) return checked;
    if (checked.value.message.status === 'void') await markVoid(needs.vault, row.id, frame.receipt);
    else await markHanded(needs.vault, row.id, frame.receipt, needs.clock());
    return ok(undefined);
  }
  if (frame.kind !== 'finality') return refuse({ code: 'code.none' });
  const checked = await verifyAsync(finalityChecks(frame.finality, held.value.trust.keySet), webVerifier());
  if (!checked.ok) return checked;
  await markHanded(needs.vault, row.id, frame.finality, needs.clock());
  return ok(undefined);
}
