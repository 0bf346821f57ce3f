/**
 * The house's word that a payment is settled, for a payee who has no signal. All that is asked for at one moment is written
 * together: one by one each would be a commit of its own, and wait for the disk.
 */
import type { PaymentParts } from '#server/payment/parts.ts';
import * as store from '#server/payment/store.ts';
import { gather } from '#server/platform/batch.ts';
import { findByKey, type Sql } from '#server/platform/database.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import { finalityMessage } from '#shared/protocol/finality.ts';

type Receipt = Uint8Array | undefined;

/** Payments in one statement; as many as phones may ask for at once. */
const MOST = 1_000;

/** The function that answers the first finality receipt of a payment; undefined when it is not settled. */
export function openFinality(parts: PaymentParts): (id: Uint8Array) => Promise<Receipt> {
  return gather<Uint8Array, Receipt>((ids) => receiptsOf(parts, ids), { most: MOST });
}

async function receiptsOf(parts: PaymentParts, ids: readonly Uint8Array[]): Promise<Receipt[]> {
  // What was given back after it was final is not called final again.
  let settled = await byKey(parts, (tx) => store.readFinal(tx, ids));
  const bare = settled.filter((row) => row.finality === null);
  if (bare.length > 0) {
    const signed = await Promise.all(bare.map(async (row) => ({ ...row, finality: await sign(parts, row) })));
    settled = await byKey(parts, async (tx) => {
      await store.keepFinality(tx, signed);
      // Another process may have been first.
      return store.readFinal(tx, ids);
    });
  }
  const receipts = new Map(settled.map(({ id, finality }) => [toBase64url(id), finality]));
  return ids.map((id) => receipts.get(toBase64url(id)) ?? undefined);
}

function byKey<Answer>({ database }: PaymentParts, work: (tx: Sql) => Promise<Answer>): Promise<Answer> {
  return database.transaction(async (tx) => {
    await findByKey(tx);
    return work(tx);
  });
}

function sign(parts: PaymentParts, row: store.FinalPayment): Promise<Uint8Array> {
  return parts.regions.sign(row.payee_region, finalityMessage, {
    region: row.payee_region,
    payment: row.id,
    payee: row.payee_id,
    invoice: row.invoice,
    amount: row.amount,
    currency: row.currency,
    time: parts.clock(),
  });
}
