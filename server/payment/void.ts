/** What payees say of payments: kept as evidence, and a payment given up is not posted, or taken back when it was. */
import type { CertifiedPayee } from '#server/allowance/allowance.ts';
import { receivable } from '#server/ledger/chart.ts';
import type { PaymentParts } from '#server/payment/parts.ts';
import { reverseUnit } from '#server/payment/posting.ts';
import * as store from '#server/payment/store.ts';
import { nodeVerifier } from '#server/payment/verifier.ts';
import type { Sql } from '#server/platform/database.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { askSignature, type Signed } from '#shared/protocol/message.ts';
import type { SignedPayment } from '#shared/protocol/payment.ts';
import { type Receipt, receiptMessage } from '#shared/protocol/receipt.ts';

/** Receipts of payments nobody has seen yet that one wallet may leave here: a phone's whole queue, no more. */
const UNCHECKED_MOST = 500;

const verify = nodeVerifier();

/**
 * Those of `payments` (by base64url of the id) that their payees gave up before they came in. What was said of them
 * can be checked now, for now it is known who their payees are.
 */
export async function verifiedVoids(
  tx: Sql,
  payments: readonly SignedPayment[],
  payees: ReadonlyMap<Id, CertifiedPayee>,
): Promise<ReadonlySet<string>> {
  const voids = new Set<string>();
  const receipts = await store.receiptsOf(
    tx,
    payments.map((one) => one.id),
  );
  if (receipts.length === 0) return voids;
  const payeeOf = new Map(payments.map((one) => [toBase64url(one.id), payees.get(one.message.payee)]));
  const checked: Uint8Array[] = [];
  for (const row of receipts) {
    const name = toBase64url(row.payment);
    const payee = payeeOf.get(name);
    const read = row.checked || payee === undefined ? undefined : receiptMessage.read(row.bytes);
    if (!read?.ok || payee === undefined || !verify(askSignature(read.value, payee.key))) continue;
    checked.push(row.id);
    if (row.status === 'void') voids.add(name);
  }
  await store.markChecked(
    tx,
    payments.map((one) => one.id),
    checked,
  );
  return voids;
}

/**
 * Takes one receipt. Accepted ones and voids of unseen payments are kept; a void of a posted payment reverses it.
 * Refusals: message.*, receipt.signature, request.too-many, payment.void-uncovered.
 */
export async function takeReceipt(parts: PaymentParts, from: Id, bytes: Uint8Array): Promise<Result<null, Refusal>> {
  const read = receiptMessage.read(bytes);
  if (!read.ok) return read;
  return parts.database.transaction(async (tx) => {
    const payment = await store.lockPayment(tx, read.value.message.payment);
    return payment === undefined
      ? keepUnchecked(parts, tx, from, read.value)
      : takeChecked(parts, tx, from, read.value, payment);
  });
}

async function keepUnchecked(
  parts: PaymentParts,
  tx: Sql,
  from: Id,
  receipt: Signed<Receipt>,
): Promise<Result<null, Refusal>> {
  if ((await store.uncheckedReceipts(tx, from)) >= UNCHECKED_MOST) return refuse({ code: 'request.too-many' });
  await store.insertReceipt(tx, receiptRow(parts, '', from, receipt, false));
  return ok(null);
}

async function takeChecked(
  parts: PaymentParts,
  tx: Sql,
  from: Id,
  receipt: Signed<Receipt>,
  payment: store.PaymentRow,
): Promise<Result<null, Refusal>> {
  const payee = (await parts.allowances.payees(tx, [payment.payee_id])).get(payment.payee_id);
  assert(payee !== undefined, 'the payee of a payment in the book is certified');
  if (!verify(askSignature(receipt, payee.key))) return refuse({ code: 'receipt.signature' });
  await store.insertReceipt(tx, receiptRow(parts, payment.region, from, receipt, true));
  const posted = payment.state === 'settled' || payment.state === 'arriving';
  if (receipt.message.status !== 'void' || !posted) return ok(null);
  const debt = receivable(payment.region, payment.payer, payment.currency);
  const [owed = 0] = payment.guaranteed > 0 ? await parts.ledger.balances(payment.region, [debt], tx) : [0];
  const unit = reverseUnit(payment, payment.state === 'settled', owed, parts.clock());
  if (unit.some((transfer) => transfer.moves.length > 0)) {
    const [answer] = await parts.ledger.postWithin(tx, [unit]);
    // The word stays in the book; the money went on, so there is nothing to take back.
    if (!answer?.ok) return refuse({ code: 'payment.void-uncovered' });
  }
  await store.writeState(tx, payment.region, payment.id, 'reversed');
  return ok(null);
}

function receiptRow(
  parts: PaymentParts,
  region: string,
  from: Id,
  receipt: Signed<Receipt>,
  checked: boolean,
): store.ReceiptRow {
  const { payment, status, counter, time } = receipt.message;
  return {
    region,
    payment,
    id: receipt.id,
    status,
    counter,
    said_at: time,
    received_at: parts.clock(),
    received_from: from,
    checked,
    bytes: receipt.bytes,
  };
}
