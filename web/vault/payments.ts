/**
 * The payments this phone promises: reserve, sign (elsewhere), keep, and only then show.
 * Invariant: one invoice has at most one number, one number at most one payment, and a code is drawn only from bytes
 * that are already on the disk. Only a reserved entry, which nobody has seen, may be taken back.
 */
import type { Refusal } from '#shared/api/refusal.ts';
import type { PaymentAnswer } from '#shared/api/sync.ts';
import { assert } from '#shared/base/assert.ts';
import { fromBase64url, sameBytes, toBase64url } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import { referenceOf } from '#shared/protocol/message.ts';
import { type Converted, type PaymentCore, paymentIdOf } from '#shared/protocol/payment.ts';
import type { AllowanceRow, PaymentRow } from '#web/vault/rows.ts';
import type { Vault } from '#web/vault/vault.ts';

/** What is to be paid: one verified invoice from one allowance. Amounts are minor units of the allowance's currency. */
export interface Order {
  /** The allowance's id in the vault. */
  readonly allowance: string;
  readonly payee: { readonly id: Id; readonly name: string; readonly region: string };
  /** The invoice's id (32 bytes) and bytes. */
  readonly invoice: { readonly id: Uint8Array; readonly bytes: Uint8Array };
  readonly certificate: Uint8Array;
  readonly amount: number;
  readonly currency: Currency;
  readonly converted?: Converted;
  readonly memo?: string;
  readonly unasked?: 'found' | 'code';
  readonly match: string;
  /** The moment the payment names, and the payee's epoch copied from the invoice. */
  readonly time: Instant;
  readonly epoch: number;
}

/** Where the allowance stands when the payment is about to take its number. */
export interface Position {
  readonly allowance: AllowanceRow;
  /** Minor units this allowance has paid to this payee so far. */
  readonly paidToPayee: number;
}

/**
 * Takes the next number and sum of the allowance for this invoice, in one strict transaction with its place in the
 * outbox. The same invoice answers the payment it already has. `mayI` decides inside the transaction.
 * Refusals: `allowance.none`, `payment.unfinished` (another reserved payment stands in the way), and those of `mayI`.
 */
export async function reserve(
  vault: Vault,
  order: Order,
  mayI: (position: Position) => Result<unknown, Refusal>,
  now: Instant,
): Promise<Result<PaymentRow, Refusal>> {
  const invoice = toBase64url(order.invoice.id);
  return await vault.transaction('rw', vault.payments, vault.allowances, vault.outbox, async () => {
    const held = await vault.payments.where('invoice').equals(invoice).first();
    if (held) return ok(held);
    const allowance = await vault.allowances.get(order.allowance);
    if (allowance?.state !== 'live') return refuse({ code: 'allowance.none' } as const);
    const others = await vault.payments
      .where('[allowance+number]')
      .between([allowance.id, 0], [allowance.id, Infinity])
      .toArray();
    if (others.some((row) => row.state === 'reserved')) return refuse({ code: 'payment.unfinished' } as const);
    const paidToPayee = others
      .filter((row) => row.payee.id === order.payee.id)
      .reduce((sum, row) => sum + row.amount, 0);
    const may = mayI({ allowance, paidToPayee });
    if (!may.ok) return may;
    const row = reservedRow(allowance, order, invoice, now);
    await vault.payments.add(row);
    await vault.outbox.add({ kind: 'payment', id: row.id, queuedAt: now, tries: 0 });
    await vault.allowances.update(allowance.id, {
      count: row.number,
      spent: row.cumulative,
      previous: referenceOf(paymentIdOf(row.core)),
    });
    return ok(row);
  });
}

function reservedRow(allowance: AllowanceRow, order: Order, invoice: string, now: Instant): PaymentRow {
  const allowanceId = fromBase64url(allowance.id);
  assert(allowanceId?.length === 32, 'an allowance is kept under its id');
  const core: PaymentCore = {
    allowance: referenceOf(allowanceId),
    number: allowance.count + 1,
    amount: order.amount,
    total: allowance.spent + order.amount,
    payee: order.payee.id,
    previous: allowance.previous,
    invoice: referenceOf(order.invoice.id),
    time: order.time,
    epoch: order.epoch,
    ...(order.converted ? { converted: order.converted } : {}),
  };
  return {
    id: toBase64url(paymentIdOf(core)),
    invoice,
    allowance: allowance.id,
    number: core.number,
    amount: core.amount,
    cumulative: core.total,
    currency: order.currency,
    payee: { ...order.payee },
    ...(order.memo === undefined ? {} : { memo: order.memo }),
    ...(order.unasked === undefined ? {} : { unasked: order.unasked }),
    match: order.match,
    core,
    state: 'reserved',
    invoiceBytes: order.invoice.bytes,
    certificateBytes: order.certificate,
    reservedAt: now,
  };
}

/** Keeps the signed bytes of a reserved payment and lets the outbox have them. Only after this may a code be drawn. */
export async function keep(vault: Vault, id: string, bytes: Uint8Array, now: Instant): Promise<PaymentRow> {
  return await vault.transaction('rw', vault.payments, vault.outbox, async () => {
    const row = await vault.payments.get(id);
    assert(row?.state === 'reserved', 'only a reserved payment is signed and kept');
    const kept: PaymentRow = { ...row, state: 'signed', bytes, signedAt: now };
    await vault.payments.put(kept);
    const updated = await vault.outbox.where({ kind: 'payment', id }).modify({ bytes });
    assert(updated === 1, 'a reserved payment has its place in the outbox');
    // What it was for goes with it, so that the payee's bill says so.
    if (row.unasked) await vault.outbox.add({ kind: 'note', id, bytes: row.invoiceBytes, queuedAt: now, tries: 0 });
    return kept;
  });
}

/** Takes back a reserved payment: its number and sum are free again. Answers whether there was one to take back. */
export async function takeBack(vault: Vault, id: string): Promise<boolean> {
  return await vault.transaction('rw', vault.payments, vault.allowances, vault.outbox, async () => {
    const row = await vault.payments.get(id);
    if (row?.state !== 'reserved') return false;
    const allowance = await vault.allowances.get(row.allowance);
    assert(
      allowance !== undefined && allowance.count === row.number,
      'a reserved payment is the newest of its allowance',
    );
    assert(
      sameBytes(allowance.previous, referenceOf(paymentIdOf(row.core))),
      'the chain ends with the reserved payment',
    );
    await vault.payments.delete(id);
    await vault.outbox.where({ kind: 'payment', id }).delete();
    await vault.allowances.update(row.allowance, {
      count: row.number - 1,
      spent: row.cumulative - row.amount,
      previous: row.core.previous,
    });
    return true;
  });
}

/** Reserved payments a crash has left: each is signed again for its own invoice or taken back. */
export async function unfinished(vault: Vault): Promise<PaymentRow[]> {
  return await vault.payments.where('state').equals('reserved').toArray();
}

/** The payment of the invoice with this id (32 bytes), if this phone has promised one. */
export async function paymentOfInvoice(vault: Vault, invoiceId: Uint8Array): Promise<PaymentRow | undefined> {
  return await vault.payments.where('invoice').equals(toBase64url(invoiceId)).first();
}

/** Notes that the payee has it: `receipt` is the verified receipt or finality. */
export async function markHanded(vault: Vault, id: string, receipt: Uint8Array, now: Instant): Promise<void> {
  await vault.transaction('rw', vault.payments, async () => {
    const row = await vault.payments.get(id);
    if (!row || row.state === 'reserved') return;
    const state = row.state === 'signed' ? 'handed' : row.state;
    await vault.payments.put({ ...row, state, receipt, handedAt: row.handedAt ?? now });
  });
}

/**
 * Notes the payee's verified word that it gave the payment up. Its number and sum stay taken, for a signed payment is
 * for ever; the house gives the sum back with the rest of the allowance. What the house has settled meanwhile stays so
 * until the house itself says otherwise.
 */
export async function markVoid(vault: Vault, id: string, receipt: Uint8Array): Promise<void> {
  await vault.transaction('rw', vault.payments, async () => {
    const row = await vault.payments.get(id);
    if (row?.state !== 'signed' && row?.state !== 'handed') return;
    await vault.payments.put({ ...row, state: 'refused', code: 'payment.voided', receipt });
  });
}

/** Keeps the house's verified word that a payment is final, wherever this phone knows of it, for its receipt. */
export async function keepFinality(vault: Vault, id: string, finality: Uint8Array, now: Instant): Promise<void> {
  await vault.transaction('rw', vault.payments, vault.received, vault.bills, async () => {
    const paid = await vault.payments.get(id);
    if (paid) await markHanded(vault, id, finality, now);
    const got = await vault.received.update(id, { finality });
    if (!paid && got === 0) await vault.bills.where('payment').equals(id).modify({ finality });
  });
}

/** Notes what the server said of one payment, and lets it leave the outbox: one transaction. */
export async function applyPaymentAnswer(vault: Vault, answer: PaymentAnswer, now: Instant): Promise<void> {
  await vault.transaction('rw', vault.payments, vault.received, vault.outbox, async () => {
    const ended = answer.outcome === 'settled' ? { settledAt: now } : {};
    const said = answer.code === undefined ? {} : { code: answer.code };
    const paid = await vault.payments.get(answer.id);
    if (paid && paid.state !== 'reserved') {
      await vault.payments.update(paid.id, {
        state: answer.outcome,
        uploadedAt: paid.uploadedAt ?? now,
        ...ended,
        ...said,
      });
    }
    const got = await vault.received.get(answer.id);
    if (got) {
      await vault.received.update(got.id, {
        state: answer.outcome,
        uploadedAt: got.uploadedAt ?? now,
        ...ended,
        ...said,
      });
    }
    await vault.outbox.where({ kind: 'payment', id: answer.id }).delete();
  });
}
