/**
 * A payment a payee does not take: it says so in its own hand. The house has no invoice and cannot see why a payee would
 * refuse; without this word it would settle what was signed, and the payer would have paid for nothing.
 * Invariant: given up is only what somebody truly signed for this very invoice, and what is given up is never taken later.
 */
import type { RefusalCode } from '#shared/api/refusal.ts';
import { sameBytes, toBase64url } from '#shared/base/bytes.ts';
import { ok } from '#shared/base/result.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Allowance } from '#shared/protocol/allowance.ts';
import type { Invoice } from '#shared/protocol/invoice.ts';
import type { KeySet } from '#shared/protocol/key-set.ts';
import { askSignature, referenceOf, type Signed } from '#shared/protocol/message.ts';
import type { SignedPayment } from '#shared/protocol/payment.ts';
import { receiptMessage } from '#shared/protocol/receipt.ts';
import { type Checked, no } from '#shared/protocol/refusal.ts';
import type { Checks } from '#shared/protocol/signature.ts';
import { allowanceChecks, allowanceReference, type Verified } from '#shared/protocol/trust.ts';
import { payeeSigner } from '#web/vault/device-key.ts';
import { keepDeclined, receiptPosition } from '#web/vault/received.ts';
import type { InvoiceRow, ReceivedRow } from '#web/vault/rows.ts';
import type { Vault } from '#web/vault/vault.ts';

/** What a payee refuses and the house would count all the same (the table of section 7 of the protocol, under P and S). */
const COUNTED_ELSEWHERE: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  'allowance.not-yet-valid',
  'allowance.expired',
  'allowance.revoked',
  'payment.fork',
  'payment.inconsistent',
  'payment.outside-lifetime',
  'payment.wrong-currency',
  'payment.wrong-amount',
  'payment.over-payee',
]);

/** What was shown for an open invoice, and why it was not taken. */
export interface Shown {
  readonly invoice: Signed<Invoice>;
  readonly row: InvoiceRow;
  readonly payment: SignedPayment;
  readonly allowance: { readonly known: Verified<Allowance> | undefined; readonly brought: Uint8Array | undefined };
  readonly code: RefusalCode;
}

/**
 * The allowance of a payment that was truly signed for `invoice`. Refusals: those of the allowance, `payment.wrong-invoice`,
 * `payment.signature`.
 */
export function* signedForChecks(
  { invoice, payment, allowance: { known, brought } }: Shown,
  keySet: KeySet,
): Checks<Checked<Verified<Allowance>>> {
  const { message } = payment;
  const isOurs = message.payee === invoice.message.payee && sameBytes(message.invoice, referenceOf(invoice.id));
  if (!isOurs) return no('payment.wrong-invoice');
  const found = known ? ok(known) : yield* allowanceChecks(brought ?? new Uint8Array(), keySet);
  if (!found.ok) return found;
  if (!sameBytes(allowanceReference(found.value), message.allowance)) return no('allowance.unknown');
  return (yield askSignature(payment, found.value.message.deviceKey)) ? found : no('payment.signature');
}

/** Whether a payment refused for `code` has to be given up in writing. */
export function mustDecline(code: RefusalCode): boolean {
  return COUNTED_ELSEWHERE.has(code);
}

/** Signs that the payment is void, and keeps the word with its place in the outbox. Answers the row that is kept. */
export async function decline(
  vault: Vault,
  { row, payment, code }: Shown,
  allowance: Verified<Allowance>,
  now: Instant,
): Promise<ReceivedRow> {
  const { counter, previous } = await receiptPosition(vault);
  const word = { payment: payment.id, status: 'void', time: now, counter, previous } as const;
  const bytes = await receiptMessage.sign(word, await payeeSigner(vault));
  const signed = receiptMessage.read(bytes);
  const id = signed.ok ? signed.value.id : new Uint8Array(32);
  const core = payment.message;
  const declined: ReceivedRow = {
    id: toBase64url(payment.id),
    invoice: row.id,
    allowance: toBase64url(core.allowance),
    number: core.number,
    amount: core.amount,
    cumulative: core.total,
    currency: allowance.message.currency,
    region: allowance.message.region,
    payee: core.payee,
    ...(row.memo === undefined ? {} : { memo: row.memo }),
    bytes: payment.bytes,
    allowanceBytes: allowance.bytes,
    state: 'refused',
    code,
    signedAt: core.time,
    keptAt: now,
  };
  return await keepDeclined(vault, declined, { id, bytes, counter }, now);
}

/** The newest payment for `invoice` that was given up here, for its word to be shown to the payer. */
export async function declinedFor(vault: Vault, invoice: InvoiceRow): Promise<ReceivedRow | undefined> {
  const rows = await vault.received.where('invoice').equals(invoice.id).toArray();
  return rows.filter((one) => one.state === 'refused').sort((left, right) => right.keptAt - left.keptAt)[0];
}
