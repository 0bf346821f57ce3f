/**
 * What this payee asked for and what it was given.
 * Invariant: a payment counts as received only when it is on the disk together with its receipt and its place in the outbox.
 */
import type { Instant } from '#shared/base/time.ts';
import { referenceOf } from '#shared/protocol/message.ts';
import { FIRST_RECEIPT_PREVIOUS } from '#shared/protocol/receipt.ts';
import type { InvoiceRow, ReceivedRow } from '#web/vault/rows.ts';
import type { Vault } from '#web/vault/vault.ts';

/** Keeps an invoice before its code is shown. */
export async function keepInvoice(vault: Vault, row: InvoiceRow): Promise<void> {
  await vault.invoices.add(row);
}

/** Payments of one allowance this payee already holds. */
export async function receivedFrom(vault: Vault, allowance: string): Promise<ReceivedRow[]> {
  return await vault.received.where('allowance').equals(allowance).sortBy('number');
}

/** Where the chain of this payee's receipts stands: the next receipt's counter and what it names as previous. */
export async function receiptPosition(vault: Vault): Promise<{ counter: number; previous: Uint8Array }> {
  const head = (await vault.settings.get('receiptHead'))?.value as { counter: number; id: Uint8Array } | undefined;
  return head
    ? { counter: head.counter + 1, previous: referenceOf(head.id) }
    : { counter: 1, previous: FIRST_RECEIPT_PREVIOUS };
}

/** A receipt that was signed for a received payment. */
export interface NewReceipt {
  readonly id: Uint8Array;
  readonly bytes: Uint8Array;
  readonly counter: number;
}

/**
 * Keeps a verified payment, its receipt and both places in the outbox in one strict transaction.
 * Answers what is kept: the row that was there already when it comes a second time.
 */
export async function keepReceived(
  vault: Vault,
  row: ReceivedRow,
  receipt: NewReceipt,
  now: Instant,
): Promise<ReceivedRow> {
  return await keepOnce(vault, row, receipt, now, async () => {
    await vault.invoices.update(row.invoice, { paidBy: row.id });
    await vault.outbox.add({ kind: 'payment', id: row.id, bytes: row.bytes, queuedAt: now, tries: 0 });
  });
}

/** Keeps a payment this payee gave up, with the signed word of it; the payment itself is not carried to the server. */
export async function keepDeclined(
  vault: Vault,
  row: ReceivedRow,
  receipt: NewReceipt,
  now: Instant,
): Promise<ReceivedRow> {
  return await keepOnce(vault, row, receipt, now, async () => undefined);
}

async function keepOnce(
  vault: Vault,
  row: ReceivedRow,
  receipt: NewReceipt,
  now: Instant,
  more: () => Promise<unknown>,
): Promise<ReceivedRow> {
  const stores = [vault.received, vault.invoices, vault.outbox, vault.settings];
  return await vault.transaction('rw', stores, async () => {
    const held = await vault.received.get(row.id);
    if (held) return held;
    const kept = { ...row, receipt: receipt.bytes };
    await vault.received.add(kept);
    await more();
    await vault.outbox.add({ kind: 'receipt', id: row.id, bytes: receipt.bytes, queuedAt: now, tries: 0 });
    await vault.settings.put({ name: 'receiptHead', value: { counter: receipt.counter, id: receipt.id } });
    return kept;
  });
}
