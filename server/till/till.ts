/**
 * The till: a payer shows a pay code, a payee's phone presents it with its own invoice, and the payer's phone is brought
 * that invoice. What follows is the payment there has always been, signed by the payer's phone for this one invoice.
 * Invariant: a code is answered by one invoice, the first; the till moves no money and tells nobody a name.
 */
import { readFileSync } from 'node:fs';
import type { Allowances } from '#server/allowance/allowance.ts';
import type { Device } from '#server/identity/identity.ts';
import type { Database } from '#server/platform/database.ts';
import * as store from '#server/till/store.ts';
import type { PayCodeRequest, PayCodeView } from '#shared/api/pay-code.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { fromBase64url, sameBytes, toBase64url } from '#shared/base/bytes.ts';
import { CLOCK_SKEW } from '#shared/base/limits.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { type Clock, duration, type Instant, instant } from '#shared/base/time.ts';
import { certificateMessage } from '#shared/protocol/certificate.ts';
import { type Invoice, invoiceMessage } from '#shared/protocol/invoice.ts';
import { askSignature, type Signed } from '#shared/protocol/message.ts';
import { payCodeChecks, payCodeMessage } from '#shared/protocol/pay-code.ts';
import { verifyAsync, webVerifier } from '#shared/protocol/signature.ts';
import { invoiceEnd } from '#shared/protocol/verify.ts';

/** What this capability remembers. */
export const tillSchema = {
  name: 'till',
  schema: readFileSync(new URL('schema.sql', import.meta.url), 'utf8'),
};

/** What the till stands on. */
export interface TillParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly allowances: Pick<Allowances, 'lockMany'>;
}

/** The front door. */
export interface Till {
  /**
   * Takes what `payee` has scanned, with its invoice; again with the same invoice is the same act. Refusals: message.*,
   * `allowance.unknown`, `allowance.revoked`, `allowance.expired`, `allowance.payee-self`, `pay-code.signature`,
   * `pay-code.expired`, `pay-code.used`, `invoice.wrong-payee`, `invoice.signature`, `invoice.expired`.
   */
  readonly present: (payee: Device, asked: PayCodeRequest) => Promise<Result<PayCodeView, Refusal>>;
  /** How far the code with this id (32 bytes) has come, as far as it is `device`'s to know; to strangers it waits. */
  readonly look: (device: Device, id: Uint8Array) => Promise<PayCodeView>;
}

/** Longer than a code and the invoice that answers it live. */
const KEPT = duration(1, 'h');

const verifier = webVerifier();

/** Opens the till on a migrated database. */
export function openTill(parts: TillParts): Till {
  return {
    present: (payee, asked) => present(parts, payee, asked),
    look: (device, id) => look(parts, device, id),
  };
}

async function present(parts: TillParts, payee: Device, asked: PayCodeRequest): Promise<Result<PayCodeView, Refusal>> {
  const { database, clock } = parts;
  const now = clock();
  const [code, invoice, certificate] = [asked.code, asked.invoice, asked.certificate].map(
    (text) => fromBase64url(text) ?? new Uint8Array(),
  );
  if (!code || !invoice || !certificate) return refuse({ code: 'message.malformed' });
  const bill = await invoiceOf(payee, invoice, certificate, now);
  if (!bill.ok) return bill;
  const read = payCodeMessage.read(code);
  if (!read.ok) return read;
  const { allowance: reference } = read.value.message;
  return database.transaction(async (tx) => {
    const allowance = (await parts.allowances.lockMany(tx, [reference])).get(toBase64url(reference));
    if (allowance === undefined) return refuse({ code: 'allowance.unknown' });
    const checked = await verifyAsync(payCodeChecks(code, allowance.signed, now), verifier);
    if (!checked.ok) return checked;
    if (allowance.state !== 'live') return refuse({ code: 'allowance.revoked' });
    if (allowance.expiresAt < now) return refuse({ code: 'allowance.expired' });
    if (allowance.wallet === payee.wallet) return refuse({ code: 'allowance.payee-self' });
    const row: store.CodeRow = {
      region: allowance.region,
      id: checked.value.id.slice(),
      payer: allowance.wallet,
      payee: payee.wallet,
      invoice_id: bill.value.id.slice(),
      invoice: invoice.slice(),
      certificate: certificate.slice(),
      presented_at: now,
      fetched_at: null,
    };
    await store.forgetCodes(tx, row.region, instant(now - KEPT));
    await store.insertCode(tx, row);
    const kept = await store.readCode(tx, row.id);
    const isFirst = kept?.payee === payee.wallet && sameBytes(kept.invoice_id, row.invoice_id);
    return isFirst
      ? ok({ state: kept.fetched_at === null ? 'presented' : 'fetched' })
      : refuse({ code: 'pay-code.used' });
  });
}

/** The invoice, when this very phone has made it and it can still be paid. */
async function invoiceOf(
  payee: Device,
  invoice: Uint8Array,
  certificate: Uint8Array,
  now: Instant,
): Promise<Result<Signed<Invoice>, Refusal>> {
  const read = invoiceMessage.read(invoice);
  if (!read.ok) return read;
  const shown = certificateMessage.read(certificate);
  if (!shown.ok) return shown;
  const { message } = read.value;
  if (message.payee !== payee.id || shown.value.message.payee !== payee.id) {
    return refuse({ code: 'invoice.wrong-payee' });
  }
  if (!(await verifier(askSignature(read.value, payee.key)))) return refuse({ code: 'invoice.signature' });
  return now - CLOCK_SKEW > invoiceEnd(message) ? refuse({ code: 'invoice.expired' }) : read;
}

async function look({ database, clock }: TillParts, device: Device, id: Uint8Array): Promise<PayCodeView> {
  const row = await store.readCode(database, id);
  if (row?.payer === device.wallet) {
    await store.noteFetched(database, row.region, row.id, clock());
    return { state: 'presented', invoice: toBase64url(row.invoice), certificate: toBase64url(row.certificate) };
  }
  if (row?.payee !== device.wallet) return { state: 'waiting' };
  return { state: row.fetched_at === null ? 'presented' : 'fetched' };
}
