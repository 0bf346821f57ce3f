/**
 * The pay code, both sides: a payer shows one, also with no network; a payee presents it to the house with its invoice,
 * and the payer's phone is brought that invoice. What follows is the payment there has always been.
 * Invariant: a code moves no money. Whichever way the invoice reaches the payer's phone, it is paid once.
 */
import type { PayCodeView } from '#shared/api/pay-code.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import { PAY_CODE_SECONDS } from '#shared/base/limits.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { type Clock, duration, type Instant, instant } from '#shared/base/time.ts';
import { type Frame, writeFrame } from '#shared/protocol/frame.ts';
import { referenceOf } from '#shared/protocol/message.ts';
import { payCodeDigits, payCodeEnd, payCodeMessage } from '#shared/protocol/pay-code.ts';
import { unlockByPasskey } from '#web/pay/passkey.ts';
import type { PayerNeeds, Plan } from '#web/pay/payer.ts';
import type { Ask } from '#web/sync/client.ts';
import { allowanceSigner, isLockedKey } from '#web/vault/allowance-key.ts';
import { openAllowance } from '#web/vault/allowances.ts';
import type { InvoiceRow } from '#web/vault/rows.ts';
import { readSetting } from '#web/vault/settings.ts';
import { readTrust } from '#web/vault/trust.ts';
import type { Vault } from '#web/vault/vault.ts';

/** A code on a screen. */
export interface ShownCode {
  /** Base64url of its id. */
  readonly id: string;
  readonly texts: readonly string[];
  /** Six digits to compare aloud. */
  readonly digits: string;
  /** When the next one is to be shown. */
  readonly endsAt: Instant;
}

/** The phone asks while somebody stands at a till. */
const ASK_PATIENCE = duration(4, 's');

/**
 * A fresh code of the money this phone has set aside. Refusals: those of `readTrust`, `allowance.none`, `allowance.locked`,
 * `passkey.cancelled`.
 */
export async function drawPayCode(needs: PayerNeeds): Promise<Result<ShownCode, Refusal>> {
  const { vault } = needs;
  const held = await readTrust(vault, needs.clock());
  if (!held.ok) return held;
  const { now, keySet } = held.value.trust;
  const allowance = await openAllowance(vault, now);
  const reference = allowance && fromBase64url(allowance.id);
  if (!allowance || !reference) return refuse({ code: 'allowance.none' });
  if (await isLockedKey(vault, allowance.key)) {
    const opened = await (needs.unlock ?? unlockByPasskey)(vault, keySet.rpId);
    if (!opened.ok) return opened;
  }
  const signer = await allowanceSigner(vault, allowance.key);
  if (!signer) return refuse({ code: 'allowance.locked' });
  // The house judges its time: it is told in the house's own, as far as this phone knows it.
  const ahead = (await readSetting(vault, 'clockAhead')) ?? 0;
  const message = {
    allowance: referenceOf(reference),
    nonce: crypto.getRandomValues(new Uint8Array(16)),
    time: instant(now + ahead),
    lifetime: PAY_CODE_SECONDS,
  };
  const bytes = await payCodeMessage.sign(message, signer);
  const read = payCodeMessage.read(bytes);
  if (!read.ok) return read;
  return ok({
    id: toBase64url(read.value.id),
    texts: writeFrame({ kind: 'pay-code', code: bytes }),
    digits: payCodeDigits(read.value.id),
    endsAt: instant(payCodeEnd(message) - ahead),
  });
}

/** The invoice a payee has answered the code `id` with; undefined while there is none, or no road to hear of it. */
export async function broughtInvoice(needs: Pick<PayerNeeds, 'ask'>, id: string): Promise<Frame | undefined> {
  const path = `/pay-codes/${id}`;
  const answer = await needs.ask<PayCodeView>({ method: 'GET', path, signed: true, timeout: ASK_PATIENCE });
  if (!answer.ok) return undefined;
  const invoice = fromBase64url(answer.value.invoice ?? '');
  const certificate = fromBase64url(answer.value.certificate ?? '');
  return invoice?.length && certificate?.length ? { kind: 'invoice', invoice, certificate } : undefined;
}

/** Whether what a code has brought is paid with no further question: small, and from money that stands ready. */
export function paysAtOnce(plan: Plan | undefined): boolean {
  return plan?.kind === 'ready' && !plan.spending.needsPasskey && !plan.locked;
}

/** What a payee needs to present a code. */
export interface TillNeeds {
  readonly vault: Vault;
  readonly clock: Clock;
  readonly ask: Ask;
}

/**
 * Presents a scanned code with this payee's invoice; again is the same act. Refusals: `certificate.none`,
 * `house.unreachable`, and those of the house: `pay-code.expired`, `pay-code.used`, `allowance.revoked`, ….
 */
export async function presentPayCode(
  needs: TillNeeds,
  invoice: InvoiceRow,
  frame: Frame & { readonly kind: 'pay-code' },
): Promise<Result<undefined, Refusal>> {
  const held = await readTrust(needs.vault, needs.clock());
  if (!held.ok) return held;
  const { certificate } = held.value.lists;
  if (!certificate) return refuse({ code: 'certificate.none' });
  const body = {
    code: toBase64url(frame.code),
    invoice: toBase64url(invoice.bytes),
    certificate: toBase64url(certificate.bytes),
  };
  const asked = { method: 'POST', path: '/pay-codes', signed: true, timeout: ASK_PATIENCE, body } as const;
  const answer = await needs.ask<PayCodeView>(asked);
  return answer.ok ? ok(undefined) : answer;
}
