/**
 * Whether a payment counts: one order of checks, walked alike by the payee's phone and by the server.
 * Invariant: what an honest payee accepts the server never refuses; it may only raise alarms beside it.
 */
import { sameBytes } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import { CLOCK_SKEW } from '#shared/base/limits.ts';
import { ok } from '#shared/base/result.ts';
import { after, duration, type Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import { type Money, money } from '#shared/money/money.ts';
import type { Allowance } from '#shared/protocol/allowance.ts';
import { askAssertion } from '#shared/protocol/assertion.ts';
import type { Certificate } from '#shared/protocol/certificate.ts';
import { contradictionIn, couldStand, forkIn, type HeldPayment, heldOf } from '#shared/protocol/chain.ts';
import type { Invoice } from '#shared/protocol/invoice.ts';
import { askSignature, referenceOf, type Signed } from '#shared/protocol/message.ts';
import { readPayment, type SignedPayment } from '#shared/protocol/payment.ts';
import { type Checked, no, type ProtocolRefusal } from '#shared/protocol/refusal.ts';
import type { Checks } from '#shared/protocol/signature.ts';
import { isRevoked, type StatusList } from '#shared/protocol/status.ts';
import {
  allowanceChecks,
  allowanceReference,
  isWithin,
  presentOf,
  type Trust,
  type Verified,
} from '#shared/protocol/trust.ts';

/** What arrived: a payment, and the allowance it rides on unless the verifier knows it already. */
export interface PaymentInput {
  readonly payment: Uint8Array | SignedPayment;
  readonly allowance?: Uint8Array;
  /** An allowance verified before; used when the payment names it, and its issuer's signature is then not asked again. */
  readonly known?: Verified<Allowance>;
}

/** What both roles bring. */
interface Common extends Trust {
  /** All payments of this allowance held so far. */
  readonly held: readonly HeldPayment[];
  /** The newest status list of the allowance's region, if any is held. */
  readonly status?: StatusList;
  /** What a sum is worth in another currency on a rate card; undefined when the card is not held. */
  readonly rate?: (card: Id, sum: Money, into: Currency) => Money | undefined;
}

/** A payee's phone: it knows its own certificate and the invoice it has open. */
export interface PayeeContext extends Common {
  readonly role: 'payee';
  readonly certificate: Certificate;
  readonly invoice: Signed<Invoice>;
}

/**
 * The server: it has no invoice, only its reference; a fork, a contradiction, a revocation or a late claim is an alarm there
 * and no refusal, for an honest payee could not have known.
 */
export interface ServerContext extends Common {
  readonly role: 'server';
  /** That a payment which names this one is the device's word (wordChecks in witness.ts): its own signature is not asked then. */
  readonly signedFor?: boolean;
}

/** What the verifier brings. */
export type PaymentContext = PayeeContext | ServerContext;

/** What the server must act on although the payment counts; `other` is the held payment it disagrees with. */
export type Alarm =
  | { readonly kind: 'fork' | 'inconsistent'; readonly other: HeldPayment }
  | { readonly kind: 'revoked' | 'late' | 'over-payee' };

/** A payment that counts. A repeat is known already: answer what was answered before, book nothing. */
export type VerifiedPayment =
  | { readonly repeat: true; readonly payment: SignedPayment; readonly held: HeldPayment }
  | {
      readonly repeat: false;
      readonly payment: SignedPayment;
      readonly allowance: Verified<Allowance>;
      readonly alarms: readonly Alarm[];
      /** Whether a passkey confirmed it. */
      readonly asserted: boolean;
    };

/**
 * The order: form -> repeat -> allowance, its issuer and signature -> time -> status -> chain and fork -> payee and invoice
 * -> limits -> device signature -> passkey. A fork is only called one after its device signature is verified.
 */
export function* paymentChecks(input: PaymentInput, context: PaymentContext): Checks<Checked<VerifiedPayment>> {
  const read = input.payment instanceof Uint8Array ? readPayment(input.payment) : ok(input.payment);
  if (!read.ok) return read;
  const payment = read.value;
  const repeated = context.held.find((one) => sameBytes(one.id, payment.id));
  if (repeated !== undefined) {
    // The same code shown for another sale is no payment of that sale.
    if (context.role === 'payee' && !isFor(payment, context)) return no('payment.wrong-invoice');
    return ok({ repeat: true, payment, held: repeated });
  }

  let allowance = knownOf(input, payment);
  if (allowance === undefined) {
    const found = yield* allowanceOf(input, payment, context);
    if (!found.ok) return found;
    allowance = found.value;
  }
  const alarms: Alarm[] = [];
  const early =
    timeFault(payment, allowance.message, context, alarms) ?? statusFault(allowance.message, context, alarms);
  if (early !== undefined) return { ok: false, error: early };

  const own = heldOf(payment);
  if (!couldStand(own, allowance.message)) return no('payment.inconsistent', { number: own.number });
  const fork = forkIn(context.held, own);
  const other = fork ?? contradictionIn(context.held, own);
  if (other !== undefined) {
    // Asked at once: only who signed it can be called a cheat.
    if (!(yield askSignature(payment, allowance.message.deviceKey))) return no('payment.signature');
    const kind = fork === undefined ? 'inconsistent' : 'fork';
    if (context.role === 'payee') return no(`payment.${kind}`, { number: own.number });
    alarms.push({ kind, other });
  }
  const terms =
    bindingFault(payment, allowance.message, context) ?? limitFault(payment, allowance.message, context, alarms);
  if (terms !== undefined) return { ok: false, error: terms };

  const isProved = other !== undefined || (context.role === 'server' && context.signedFor === true);
  if (!isProved && !(yield askSignature(payment, allowance.message.deviceKey))) return no('payment.signature');
  const asserted = payment.assertion !== undefined;
  if (asserted || needsPasskey(allowance.message, payment.message.amount, payment.message.total)) {
    const passkey = yield* passkeyChecks(payment, allowance.message, context);
    if (passkey !== undefined) return { ok: false, error: passkey };
  }
  return ok({ repeat: false, payment, allowance, alarms, asserted });
}

/** Whether a payment of `amount` that brings the total to `total` needs the passkey. */
export function needsPasskey(allowance: Allowance, amount: number, total: number): boolean {
  return amount > allowance.noPasskeyEach || total > allowance.noPasskeySum;
}

/** The allowance the payment names, when it was verified before. */
function knownOf({ known }: PaymentInput, payment: SignedPayment): Verified<Allowance> | undefined {
  return known !== undefined && sameBytes(allowanceReference(known), payment.message.allowance) ? known : undefined;
}

function* allowanceOf(
  input: PaymentInput,
  payment: SignedPayment,
  context: PaymentContext,
): Checks<Checked<Verified<Allowance>>> {
  const named = payment.message.allowance;
  if (input.allowance === undefined) return no('allowance.unknown');
  const checked = yield* allowanceChecks(input.allowance, context.keySet);
  if (!checked.ok) return checked;
  return sameBytes(allowanceReference(checked.value), named) ? checked : no('allowance.unknown');
}

function timeFault(
  payment: SignedPayment,
  allowance: Allowance,
  context: PaymentContext,
  alarms: Alarm[],
): ProtocolRefusal | undefined {
  const present = presentOf(context);
  if (context.role === 'payee') {
    if (present + CLOCK_SKEW < allowance.notBefore) return { code: 'allowance.not-yet-valid' };
    if (present - CLOCK_SKEW > allowance.expires) return { code: 'allowance.expired' };
  } else if (present > allowance.claimUntil) {
    alarms.push({ kind: 'late' });
  }
  const signedInTime = isWithin(payment.message.time, allowance.notBefore, allowance.expires);
  return signedInTime ? undefined : { code: 'payment.outside-validity' };
}

function statusFault(allowance: Allowance, context: PaymentContext, alarms: Alarm[]): ProtocolRefusal | undefined {
  if (context.status === undefined || !isRevoked(context.status, allowance.statusIndex)) return undefined;
  if (context.role === 'payee') return { code: 'allowance.revoked' };
  alarms.push({ kind: 'revoked' });
  return undefined;
}

function isFor(payment: SignedPayment, { invoice }: PayeeContext): boolean {
  return sameBytes(payment.message.invoice, referenceOf(invoice.id));
}

function bindingFault(
  payment: SignedPayment,
  allowance: Allowance,
  context: PaymentContext,
): ProtocolRefusal | undefined {
  const core = payment.message;
  if (context.role === 'payee') {
    const invoice = context.invoice.message;
    if (core.payee !== context.certificate.payee || core.payee !== invoice.payee)
      return { code: 'payment.wrong-payee' };
    if (!isFor(payment, context) || core.epoch !== invoice.epoch) return { code: 'payment.wrong-invoice' };
    if (!isWithin(core.time, invoice.time, invoiceEnd(invoice))) return { code: 'payment.outside-lifetime' };
    const got = core.converted ?? { amount: core.amount, currency: allowance.currency };
    if (got.currency !== invoice.currency) return { code: 'payment.wrong-currency' };
    if (got.amount !== invoice.amount) return { code: 'payment.wrong-amount' };
  }
  if (allowance.payees !== undefined && !allowance.payees.includes(core.payee)) {
    return { code: 'payment.payee-not-allowed' };
  }
  return rateFault(payment, allowance, context);
}

function rateFault(payment: SignedPayment, allowance: Allowance, context: PaymentContext): ProtocolRefusal | undefined {
  const { converted, amount } = payment.message;
  if (converted === undefined) return undefined;
  if (converted.currency === allowance.currency) return { code: 'payment.wrong-currency' };
  if (converted.rateCard !== allowance.rateCard) return { code: 'payment.rate-unknown' };
  const worth = context.rate?.(converted.rateCard, money(amount, allowance.currency), converted.currency);
  if (worth === undefined) return { code: 'payment.rate-unknown' };
  return worth.minor < converted.amount ? { code: 'payment.wrong-amount' } : undefined;
}

function limitFault(
  payment: SignedPayment,
  allowance: Allowance,
  context: PaymentContext,
  alarms: Alarm[],
): ProtocolRefusal | undefined {
  const core = payment.message;
  if (core.amount > allowance.perPayment) return { code: 'payment.over-each', detail: { limit: allowance.perPayment } };
  const paid = context.held.reduce((sum, one) => (one.payee === core.payee ? sum + one.amount : sum), core.amount);
  if (paid > allowance.perPayee) {
    if (context.role === 'payee' || core.amount > allowance.perPayee) {
      return { code: 'payment.over-payee', detail: { limit: allowance.perPayee } };
    }
    alarms.push({ kind: 'over-payee' });
  }
  if (core.total > allowance.total) return { code: 'payment.over-total', detail: { limit: allowance.total } };
  if (core.number > allowance.maxCount) return { code: 'payment.over-count', detail: { limit: allowance.maxCount } };
  return undefined;
}

/** What is wrong with the passkey's word on a payment. An assertion that is there is checked, needed or not. */
function* passkeyChecks(
  payment: SignedPayment,
  allowance: Allowance,
  context: PaymentContext,
): Checks<ProtocolRefusal | undefined> {
  const { assertion } = payment;
  if (assertion === undefined) return { code: 'payment.passkey-missing' };
  const { passkey } = allowance;
  if (passkey === undefined) return { code: 'payment.passkey-unknown' };
  const asked = askAssertion(assertion, passkey, context.keySet, payment.id);
  if (!asked.ok) return asked.error;
  return (yield asked.value) ? undefined : { code: 'payment.passkey-signature' };
}

/** The first moment a payee's code of this invoice is stale. */
export function invoiceEnd(invoice: Invoice): Instant {
  return after(invoice.time, duration(invoice.lifetime, 's'));
}
