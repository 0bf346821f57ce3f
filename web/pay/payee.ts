/**
 * What a payee does: asks for a sum, verifies what the payer shows, keeps it, and gives a receipt.
 * Invariant: "verified" is said only of a payment that passed every check and is on the disk.
 */
import type { Refusal, RefusalCode } from '#shared/api/refusal.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import { newId } from '#shared/base/id.ts';
import { CLOCK_SKEW } from '#shared/base/limits.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { type Clock, duration, type Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import { type Allowance, allowanceMessage } from '#shared/protocol/allowance.ts';
import { type HeldPayment, heldOf } from '#shared/protocol/chain.ts';
import { writeFork } from '#shared/protocol/fork.ts';
import { type Frame, writeFrame } from '#shared/protocol/frame.ts';
import { type Invoice, invoiceMessage, matchCode } from '#shared/protocol/invoice.ts';
import { referenceOf, type Signed } from '#shared/protocol/message.ts';
import { noteAsInvoice } from '#shared/protocol/note.ts';
import { readPayment, type SignedPayment } from '#shared/protocol/payment.ts';
import { receiptMessage } from '#shared/protocol/receipt.ts';
import { isFit } from '#shared/protocol/schema.ts';
import { type SignatureQuestion, verifyAsync, webVerifier } from '#shared/protocol/signature.ts';
import { finalityChecks, knownAllowance, type Trust, type Verified } from '#shared/protocol/trust.ts';
import { invoiceEnd, paymentChecks } from '#shared/protocol/verify.ts';
import { isListOld, mayAskFor, type PayeeTerms } from '#shared/rules/acceptance.ts';
import { DEFAULT_POLICIES } from '#shared/rules/policy.ts';
import { decline, mustDecline, type Shown, signedForChecks } from '#web/pay/decline.ts';
import { askForBackgroundSync } from '#web/sync/wake.ts';
import { payeeSigner } from '#web/vault/device-key.ts';
import { queue } from '#web/vault/outbox.ts';
import { keepInvoice, keepReceived, receiptPosition, receivedFrom } from '#web/vault/received.ts';
import { whenKept } from '#web/vault/refused-write.ts';
import type { BillRow, InvoiceRow, ReceivedRow } from '#web/vault/rows.ts';
import { readSetting } from '#web/vault/settings.ts';
import { believedTime } from '#web/vault/time-floor.ts';
import { type HeldLists, type HeldStatus, heldLists, readTrust } from '#web/vault/trust.ts';
import type { Vault } from '#web/vault/vault.ts';

/** What a payee needs. */
export interface PayeeNeeds {
  readonly vault: Vault;
  readonly clock: Clock;
}

/** What is asked for; `amount` in minor units, at least one. */
export interface Wish {
  readonly amount: number;
  readonly currency: Currency;
  readonly memo?: string;
}

/** What this payee's region lets it do; before the server has said, what regions start with. */
async function payeeTerms(vault: Vault): Promise<PayeeTerms> {
  const said = await readSetting(vault, 'payeeTerms');
  if (!said) return DEFAULT_POLICIES.unproved;
  return {
    invoiceLifetime: duration(said.invoiceLifetime, 's'),
    statusAge: duration(said.statusAge, 's'),
    staleEach: said.staleEach,
  };
}

/** How far the list of stopped wallets can be relied on; `asOf` is absent when none is held. */
export interface ListStanding {
  readonly isOld: boolean;
  readonly asOf?: Instant;
  /** The most to ask for at once while it is old, in minor units. */
  readonly most: number;
}

/** How the list of `region` stands, by default that of this payee's own: what a payee is told before it asks for money. */
export async function listStanding({ vault, clock }: PayeeNeeds, region?: string): Promise<ListStanding> {
  const [terms, lists, { now }] = await Promise.all([
    payeeTerms(vault),
    heldLists(vault),
    believedTime(vault, clock()),
  ]);
  const asOf = lists.statuses.get(region ?? lists.certificate?.message.region ?? '')?.asOf;
  return {
    isOld: isListOld(asOf, now, terms),
    most: terms.staleEach,
    ...(asOf === undefined ? {} : { asOf }),
  };
}

/**
 * Makes, signs and keeps an invoice. Refusals: `certificate.none` before the first sync, `clock.turned-back`, and
 * `acceptance.list-old` when the list of stopped wallets is too old for the sum.
 */
export async function makeInvoice(needs: PayeeNeeds, wish: Wish): Promise<Result<InvoiceRow, Refusal>> {
  return await whenKept(() => newInvoice(needs, wish));
}

async function newInvoice(needs: PayeeNeeds, wish: Wish): Promise<Result<InvoiceRow, Refusal>> {
  const { vault, clock } = needs;
  if (wish.memo && !isFit(wish.memo)) return refuse({ code: 'invoice.memo' });
  const held = await readTrust(vault, clock());
  if (!held.ok) return held;
  const { certificate, epoch } = held.value.lists;
  if (!certificate || certificate.message.expires < held.value.trust.now) return refuse({ code: 'certificate.none' });
  const now = held.value.trust.now;
  const terms = await payeeTerms(vault);
  const may = mayAskFor(wish.amount, held.value.lists.statuses.get(certificate.message.region)?.asOf, now, terms);
  if (!may.ok) return may;
  const bytes = await invoiceMessage.sign(
    {
      payee: certificate.message.payee,
      id: newId(now),
      amount: wish.amount,
      currency: wish.currency,
      ...(wish.memo ? { memo: wish.memo } : {}),
      time: now,
      lifetime: terms.invoiceLifetime / 1000,
      epoch: epoch?.message.number ?? 0,
    },
    await payeeSigner(vault),
  );
  const signed = invoiceMessage.read(bytes);
  if (!signed.ok) return signed;
  const row: InvoiceRow = {
    id: toBase64url(signed.value.id),
    bytes,
    amount: wish.amount,
    currency: wish.currency,
    ...(wish.memo ? { memo: wish.memo } : {}),
    match: matchCode(signed.value.id),
    madeAt: now,
    expiresAt: now + terms.invoiceLifetime,
  };
  await keepInvoice(vault, row);
  return ok(row);
}

/** The code texts of an invoice: one, or parts to be shown in turn. */
export async function invoiceCode(needs: PayeeNeeds, row: InvoiceRow): Promise<Result<string[], Refusal>> {
  const held = await readTrust(needs.vault, needs.clock());
  if (!held.ok) return held;
  const certificate = held.value.lists.certificate;
  if (!certificate) return refuse({ code: 'certificate.none' });
  return ok(writeFrame({ kind: 'invoice', invoice: row.bytes, certificate: certificate.bytes }));
}

/** What a scanned code turned out to be. */
export type Accepted =
  /** Verified here; it will arrive at the next signal of either phone. */
  | { readonly kind: 'verified'; readonly row: ReceivedRow }
  /** The house itself says it is settled. */
  | { readonly kind: 'settled'; readonly payment: string };

/** Verifies what the payer shows for `invoice`, by the protocol's one order of checks, and keeps it. */
export async function acceptCode(
  needs: PayeeNeeds,
  invoice: InvoiceRow,
  frame: Frame,
): Promise<Result<Accepted, Refusal>> {
  if (frame.kind === 'payment') {
    // Two scans of one code must not draw two receipt numbers.
    return await navigator.locks.request(`receipt:${needs.vault.name}`, () =>
      whenKept(() => acceptPayment(needs, invoice, frame)),
    );
  }
  return frame.kind === 'finality'
    ? await acceptFinality(needs, invoice, frame.finality)
    : refuse({ code: 'code.none' });
}

/** Verifies a payment this payee has not asked for, with the payer's note in the place of an invoice, and keeps it. */
export async function acceptUnasked(needs: PayeeNeeds, frame: Frame): Promise<Result<ReceivedRow, Refusal>> {
  if (frame.kind !== 'noted') return refuse({ code: 'code.none' });
  const note = noteAsInvoice(frame.note);
  if (!note.ok) return note;
  const { message, id, bytes } = note.value;
  const row: InvoiceRow = {
    ...{ id: toBase64url(id), bytes, amount: message.amount, currency: message.currency, match: matchCode(id) },
    ...(message.memo === undefined ? {} : { memo: message.memo }),
    ...{ madeAt: message.time, expiresAt: invoiceEnd(message) },
  };
  const payment = { ...frame, kind: 'payment' } as const;
  const lock = `receipt:${needs.vault.name}`;
  const accepted = await navigator.locks.request(lock, () => acceptPayment(needs, row, payment, note.value));
  if (!accepted.ok) return accepted;
  return accepted.value.kind === 'verified' ? ok(accepted.value.row) : refuse({ code: 'code.none' });
}

async function acceptPayment(
  needs: PayeeNeeds,
  invoice: InvoiceRow,
  frame: Frame & { readonly kind: 'payment' },
  note?: Signed<Invoice>,
): Promise<Result<Accepted, Refusal>> {
  const { vault, clock } = needs;
  const held = await readTrust(vault, clock());
  if (!held.ok) return held;
  const { trust, lists } = held.value;
  const own = note === undefined ? invoiceMessage.read(invoice.bytes) : ok(note);
  const read = readPayment(frame.payment);
  if (!read.ok) return read;
  if (!own.ok) return own;
  if (!lists.certificate) return refuse({ code: 'certificate.none' });
  const known = await heldOfAllowance(vault, read.value.message.allowance);
  const status = statusFor(lists, known, frame.allowance);
  const checked = await verifyAsync(
    paymentChecks(
      {
        payment: read.value,
        ...(frame.allowance ? { allowance: frame.allowance } : {}),
        ...(known.allowance ? { known: known.allowance } : {}),
      },
      {
        ...trust,
        role: 'payee',
        certificate: lists.certificate.message,
        invoice: own.value,
        held: known.payments.map(heldOf),
        ...(status ? { status: status.list } : {}),
      },
    ),
    verifier,
  );
  if (!checked.ok) {
    const { code } = checked.error;
    if (code === 'payment.fork') await keepFork(vault, known, read.value, clock());
    if (mustDecline(code)) {
      const allowance = { known: known.allowance, brought: frame.allowance };
      await giveUp(vault, { invoice: own.value, row: invoice, payment: read.value, allowance, code }, trust);
    }
    return checked;
  }
  if (checked.value.repeat) {
    const row = await vault.received.get(toBase64url(checked.value.held.id));
    if (row?.state === 'refused') return refuse({ code: (row.code ?? 'payment.voided') as RefusalCode });
    return row ? ok({ kind: 'verified', row }) : refuse({ code: 'payment.none' });
  }
  const row = receivedRow(invoice, read.value, checked.value.allowance, trust.now, status?.asOf);
  const kept = await keepWithReceipt(vault, row, read.value.id, trust.now);
  void askForBackgroundSync();
  return ok({ kind: 'verified', row: kept });
}

/** Says in this payee's own hand that it does not take what was signed for its invoice; see decline.ts. */
async function giveUp(vault: Vault, shown: Shown, trust: Trust): Promise<void> {
  const signed = await verifyAsync(signedForChecks(shown, trust.keySet), verifier);
  if (!signed.ok) return;
  await decline(vault, shown, signed.value, trust.now);
  void askForBackgroundSync();
}

const verifier: (question: SignatureQuestion) => Promise<boolean> = webVerifier();

interface HeldOfAllowance {
  readonly allowance?: Verified<Allowance>;
  readonly payments: readonly SignedPayment[];
}

/** What this payee already holds of the allowance with this reference (16 bytes). */
async function heldOfAllowance(vault: Vault, reference: Uint8Array): Promise<HeldOfAllowance> {
  const rows = await receivedFrom(vault, toBase64url(reference));
  const first = rows[0] && knownAllowance(rows[0].allowanceBytes);
  const payments = rows.map((row) => readPayment(row.bytes)).flatMap((one) => (one.ok ? [one.value] : []));
  return { payments, ...(first?.ok ? { allowance: first.value } : {}) };
}

/** The list a payer is looked up in: that of the region that issued the allowance, whichever region this payee lives in. */
function statusFor(lists: HeldLists, known: HeldOfAllowance, brought?: Uint8Array): HeldStatus | undefined {
  const read = known.allowance === undefined && brought ? allowanceMessage.read(brought) : undefined;
  const region = known.allowance?.message.region ?? (read?.ok ? read.value.message.region : undefined);
  return region === undefined ? undefined : lists.statuses.get(region);
}

async function keepFork(vault: Vault, known: HeldOfAllowance, payment: SignedPayment, now: Instant): Promise<void> {
  const other = known.payments.find((one) => one.message.number === payment.message.number);
  if (!other || !known.allowance) return;
  const proof = writeFork(known.allowance.bytes, other, payment);
  await queue(vault, 'fork', toBase64url(payment.id), proof, now);
}

function receivedRow(
  invoice: InvoiceRow,
  payment: SignedPayment,
  allowance: Verified<Allowance>,
  now: Instant,
  statusAsOf?: Instant,
): ReceivedRow {
  const core = payment.message;
  return {
    id: toBase64url(payment.id),
    invoice: invoice.id,
    allowance: toBase64url(core.allowance),
    number: core.number,
    amount: invoice.amount,
    cumulative: core.total,
    currency: invoice.currency,
    region: allowance.message.region,
    ...(statusAsOf === undefined ? {} : { statusAsOf }),
    payee: core.payee,
    ...(invoice.memo === undefined ? {} : { memo: invoice.memo }),
    bytes: payment.bytes,
    allowanceBytes: allowance.bytes,
    state: 'kept',
    signedAt: core.time,
    keptAt: now,
  };
}

async function keepWithReceipt(
  vault: Vault,
  row: ReceivedRow,
  payment: HeldPayment['id'],
  now: Instant,
): Promise<ReceivedRow> {
  const { counter, previous } = await receiptPosition(vault);
  const receipt = { payment, status: 'accepted', time: now, counter, previous } as const;
  const bytes = await receiptMessage.sign(receipt, await payeeSigner(vault));
  const signed = receiptMessage.read(bytes);
  const id = signed.ok ? signed.value.id : new Uint8Array(32);
  return await keepReceived(vault, row, { id, bytes, counter }, now);
}

async function acceptFinality(
  needs: PayeeNeeds,
  invoice: InvoiceRow,
  bytes: Uint8Array,
): Promise<Result<Accepted, Refusal>> {
  const held = await readTrust(needs.vault, needs.clock());
  if (!held.ok) return held;
  const own = invoiceMessage.read(invoice.bytes);
  if (!own.ok) return own;
  const checked = await verifyAsync(finalityChecks(bytes, held.value.trust.keySet, own.value), verifier);
  if (!checked.ok) return checked;
  const payment = toBase64url(checked.value.message.payment);
  await needs.vault.invoices.update(invoice.id, { paidBy: payment });
  return ok({ kind: 'settled', payment });
}

/** The receipt as a code, for the payer to scan. */
export function receiptCode(row: ReceivedRow): string[] {
  return row.receipt ? writeFrame({ kind: 'receipt', receipt: row.receipt }) : [];
}

/** The settled bill that paid `invoice` without a scan, found when the payer was online. */
export async function settledFor(vault: Vault, invoice: InvoiceRow): Promise<string | undefined> {
  const kept = await vault.invoices.get(invoice.id);
  // Verified here is not settled yet: only the server's word makes it so.
  if (kept?.paidBy) {
    const row = await vault.received.get(kept.paidBy);
    return row && row.state !== 'settled' ? undefined : kept.paidBy;
  }
  const bill = await billOf(vault, invoice);
  if (bill?.state !== 'settled' || bill.payment === undefined) return undefined;
  await vault.invoices.update(invoice.id, { paidBy: bill.payment });
  return bill.payment;
}

/** The bill of the payment that paid `invoice`, in whatever state; another of the same sum is not it. */
async function billOf(vault: Vault, invoice: InvoiceRow): Promise<BillRow | undefined> {
  const own = invoiceMessage.read(invoice.bytes);
  if (!own.ok) return undefined;
  const named = toBase64url(referenceOf(own.value.id));
  return vault.bills
    .where('at')
    .aboveOrEqual(invoice.madeAt - BILLED_BEFORE)
    .filter((one) => one.invoice === named)
    .first();
}

/** A bill has the payer's time, whose clock may be that far behind this one. */
const BILLED_BEFORE = 2 * CLOCK_SKEW;

/** How long after an invoice's end its payee is still asked for the payer's code: a phone that died has to come back. */
const AFTERMATH = duration(10, 'min');

/** Invoices that wait for their payment, the newest first: those that may be paid now or may have been paid just now. */
export async function openInvoices(vault: Vault, now: Instant): Promise<InvoiceRow[]> {
  const recent = await vault.invoices.orderBy('madeAt').reverse().limit(RECENT_INVOICES).toArray();
  const unpaid = recent.filter((row) => row.paidBy === undefined && now < row.expiresAt + AFTERMATH);
  const bills = await Promise.all(unpaid.map((row) => billOf(vault, row)));
  return unpaid.filter((_, at) => bills[at] === undefined);
}

/** More than one person asks for within minutes; older ones are long over. */
const RECENT_INVOICES = 5;
