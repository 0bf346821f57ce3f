/** Every "no" the protocol can say; shared/api/refusal.ts gives each a status, a remedy and words. */
import type { Result } from '#shared/base/result.ts';

/** A code of the protocol. Closed and only ever appended to; a code never changes its meaning. */
export type ProtocolCode =
  | 'message.too-large'
  | 'message.malformed'
  | 'message.not-canonical'
  | 'message.twin-signature'
  | 'message.version'
  | 'frame.unknown'
  | 'frame.malformed'
  | 'frame.other-message'
  | 'key-set.signature'
  | 'key-set.expired'
  | 'key-set.older'
  | 'issuer.unknown'
  | 'allowance.unknown'
  | 'allowance.signature'
  | 'allowance.not-yet-valid'
  | 'allowance.expired'
  | 'allowance.revoked'
  | 'certificate.signature'
  | 'certificate.expired'
  | 'invoice.signature'
  | 'invoice.wrong-payee'
  | 'invoice.expired'
  | 'invoice.from-future'
  | 'invoice.currency-not-taken'
  | 'payment.outside-validity'
  | 'payment.fork'
  | 'payment.inconsistent'
  | 'payment.wrong-payee'
  | 'payment.payee-not-allowed'
  | 'payment.wrong-invoice'
  | 'payment.outside-lifetime'
  | 'payment.wrong-amount'
  | 'payment.wrong-currency'
  | 'payment.rate-unknown'
  | 'payment.over-each'
  | 'payment.over-payee'
  | 'payment.over-total'
  | 'payment.over-count'
  | 'payment.signature'
  | 'payment.passkey-missing'
  | 'payment.passkey-unknown'
  | 'payment.passkey-flags'
  | 'payment.passkey-origin'
  | 'payment.passkey-client-data'
  | 'payment.passkey-signature'
  | 'receipt.signature'
  | 'receipt.wrong-payment'
  | 'receipt.inconsistent'
  | 'closing.signature'
  | 'closing.wrong-allowance'
  | 'closing.inconsistent'
  | 'pay-code.signature'
  | 'pay-code.expired'
  | 'epoch.signature'
  | 'epoch.older'
  | 'epoch.list-differs'
  | 'finality.signature'
  | 'finality.wrong-payment'
  | 'finality.not-under-card'
  | 'fork.not-a-fork'
  | 'status.malformed';

/** A refusal of the protocol: its code, and figures its message may need. */
export interface ProtocolRefusal {
  readonly code: ProtocolCode;
  readonly detail?: Readonly<Record<string, string | number>>;
}

/** `Value`, or why not. */
export type Checked<Value> = Result<Value, ProtocolRefusal>;

/** Refuses with `code`. */
export function no(
  code: ProtocolCode,
  detail?: Readonly<Record<string, string | number>>,
): { readonly ok: false; readonly error: ProtocolRefusal } {
  return { ok: false, error: detail === undefined ? { code } : { code, detail } };
}
