/** Whose word it is: the chain from the network root to the issuers, and what issuers sign. One order of checks for each message. */
import { sameBytes, toHex } from '#shared/base/bytes.ts';
import { CLOCK_SKEW } from '#shared/base/limits.ts';
import { ok } from '#shared/base/result.ts';
import { type Duration, type Instant, instant } from '#shared/base/time.ts';
import { ALLOWANCE_VERSION, type Allowance, allowanceMessage } from '#shared/protocol/allowance.ts';
import { type Certificate, certificateMessage } from '#shared/protocol/certificate.ts';
import { kidOf } from '#shared/protocol/cose.ts';
import { type Epoch, epochMessage } from '#shared/protocol/epoch.ts';
import { type Finality, finalityMessage } from '#shared/protocol/finality.ts';
import type { Invoice } from '#shared/protocol/invoice.ts';
import { type IssuerKey, type KeySet, keySetMessage } from '#shared/protocol/key-set.ts';
import { type Inclusion, isIncluded } from '#shared/protocol/merkle.ts';
import { askSignature, referenceOf, type Signed } from '#shared/protocol/message.ts';
import { type Checked, no, type ProtocolCode } from '#shared/protocol/refusal.ts';
import type { Checks } from '#shared/protocol/signature.ts';
import { type StatusList, statusHash } from '#shared/protocol/status.ts';

/** What a verifier goes by: a verified key set, its own clock, and the newest server-signed time it has ever seen. */
export interface Trust {
  readonly keySet: KeySet;
  readonly now: Instant;
  readonly floor: Instant;
}

declare const verified: unique symbol;

/** A message whose signature, and whose signer's right to sign it, were verified. Made only by the checks of this folder. */
export type Verified<Message> = Signed<Message> & { readonly [verified]: true };

function vouch<Message>(signed: Signed<Message>): Verified<Message> {
  return signed as Verified<Message>;
}

/** The time a verifier goes by: a clock turned back cannot pass the time floor. */
export function presentOf(trust: { readonly now: Instant; readonly floor: Instant }): Instant {
  return instant(Math.max(trust.now, trust.floor));
}

/** Whether `moment` lies in `from`..`until`, allowing two honest clocks `slack` of difference at both ends. */
export function isWithin(moment: Instant, from: Instant, until: Instant, slack: Duration = CLOCK_SKEW): boolean {
  return moment + slack >= from && moment - slack <= until;
}

const issuersByKid = new WeakMap<KeySet, Map<string, IssuerKey>>();

/** The issuer of `region` with this key id that may sign at `moment`, if the key set has one. */
export function issuerOf(keySet: KeySet, region: string, kid: Uint8Array, moment?: Instant): IssuerKey | undefined {
  let byKid = issuersByKid.get(keySet);
  if (byKid === undefined) {
    byKid = new Map(keySet.issuers.map((issuer) => [toHex(kidOf(issuer.key)), issuer]));
    issuersByKid.set(keySet, byKid);
  }
  const issuer = byKid.get(toHex(kid));
  if (issuer === undefined || issuer.region !== region) return undefined;
  return moment === undefined || isWithin(moment, issuer.from, issuer.until) ? issuer : undefined;
}

/** Asks the issuer's signature of a message that a region signed, at a moment the message names itself. */
function* issuedChecks<Message>(
  signed: Signed<Message>,
  keySet: KeySet,
  region: string,
  moment: Instant | undefined,
  code: ProtocolCode,
): Checks<Checked<Verified<Message>>> {
  const issuer = issuerOf(keySet, region, signed.kid, moment);
  if (issuer === undefined) return no('issuer.unknown', { region });
  return (yield askSignature(signed, issuer.key)) ? ok(vouch(signed)) : no(code);
}

/**
 * A key set of any time, as whoever checks an old receipt gets it: the root's signature, no two keys with one key id.
 * Refusals: message.*, key-set.signature.
 */
export function* pastKeySetChecks(bytes: Uint8Array, root: Uint8Array): Checks<Checked<Verified<KeySet>>> {
  const read = keySetMessage.read(bytes);
  if (!read.ok) return read;
  const { message, kid } = read.value;
  if (new Set(message.issuers.map((issuer) => toHex(kidOf(issuer.key)))).size < message.issuers.length) {
    return no('message.malformed');
  }
  const isSigned = sameBytes(kid, kidOf(root)) && (yield askSignature(read.value, root));
  return isSigned ? ok(vouch(read.value)) : no('key-set.signature');
}

/**
 * `keySet` with the issuers of `past` key sets it does not name, whose time to sign is over. For what was settled long ago;
 * never for a payment that is to be accepted.
 */
export function withPast(keySet: KeySet, past: readonly Verified<KeySet>[], now: Instant): KeySet {
  const issuers = new Map(past.flatMap(({ message }) => message.issuers).map((one) => [toHex(kidOf(one.key)), one]));
  for (const one of keySet.issuers) issuers.delete(toHex(kidOf(one.key)));
  return { ...keySet, issuers: [...keySet.issuers, ...[...issuers.values()].filter(({ until }) => until <= now)] };
}

/**
 * A key set: the root's signature, not expired, not older than the one held, no two keys with one key id.
 * Refusals: message.*, key-set.signature, key-set.expired, key-set.older.
 */
export function* keySetChecks(
  bytes: Uint8Array,
  root: Uint8Array,
  context: { readonly now: Instant; readonly floor: Instant; readonly held?: KeySet },
): Checks<Checked<Verified<KeySet>>> {
  const checked = yield* pastKeySetChecks(bytes, root);
  if (!checked.ok) return checked;
  const { expires, epoch } = checked.value.message;
  if (presentOf(context) - CLOCK_SKEW > expires) return no('key-set.expired');
  return context.held !== undefined && epoch < context.held.epoch ? no('key-set.older') : checked;
}

/**
 * An allowance by itself: form and version, issuer key, signature. Its validity in time is checked where it is used.
 * Refusals: message.*, issuer.unknown, allowance.signature.
 */
export function* allowanceChecks(
  given: Uint8Array | Signed<Allowance>,
  keySet: KeySet,
): Checks<Checked<Verified<Allowance>>> {
  const read = given instanceof Uint8Array ? allowanceMessage.read(given) : ok(given);
  if (!read.ok) return read;
  const { message } = read.value;
  if (message.version !== ALLOWANCE_VERSION) return no('message.version', { version: message.version });
  return yield* issuedChecks(read.value, keySet, message.region, message.notBefore, 'allowance.signature');
}

/** Reads an allowance that this program has verified or issued itself before, and kept since. Refuses only what cannot be read. */
export function knownAllowance(bytes: Uint8Array): Checked<Verified<Allowance>> {
  const read = allowanceMessage.read(bytes);
  return read.ok ? ok(vouch(read.value)) : read;
}

/** The reference (16 bytes) by which payments and closings name an allowance. */
export function allowanceReference(allowance: Signed<Allowance>): Uint8Array {
  return referenceOf(allowance.id);
}

/**
 * A payee certificate: issuer key and signature, not expired.
 * Refusals: message.*, issuer.unknown, certificate.signature, certificate.expired.
 */
export function* certificateChecks(bytes: Uint8Array, trust: Trust): Checks<Checked<Verified<Certificate>>> {
  const read = certificateMessage.read(bytes);
  if (!read.ok) return read;
  const { message } = read.value;
  const issued = yield* issuedChecks(read.value, trust.keySet, message.region, undefined, 'certificate.signature');
  if (!issued.ok) return issued;
  return presentOf(trust) - CLOCK_SKEW > message.expires ? no('certificate.expired') : issued;
}

/**
 * An epoch card: issuer key and signature, not older than the one held of the same region.
 * Refusals: message.*, issuer.unknown, epoch.signature, epoch.older.
 */
export function* epochChecks(
  bytes: Uint8Array,
  keySet: KeySet,
  held?: Pick<Epoch, 'region' | 'number'>,
): Checks<Checked<Verified<Epoch>>> {
  const read = epochMessage.read(bytes);
  if (!read.ok) return read;
  const { message } = read.value;
  const issued = yield* issuedChecks(read.value, keySet, message.region, message.time, 'epoch.signature');
  if (!issued.ok) return issued;
  const older = held !== undefined && held.region === message.region && message.number < held.number;
  return older ? no('epoch.older') : issued;
}

/** The status list whose bits an epoch card names, or `epoch.list-differs`. */
export function statusListOf(epoch: Epoch, bits: Uint8Array): Checked<StatusList> {
  return sameBytes(statusHash(bits), epoch.statusList) ? ok({ epoch: epoch.number, bits }) : no('epoch.list-differs');
}

/**
 * A finality receipt: issuer key and signature, and when an invoice is given, that it is this invoice that was paid in full.
 * Refusals: message.*, issuer.unknown, finality.signature, finality.wrong-payment.
 */
export function* finalityChecks(
  bytes: Uint8Array,
  keySet: KeySet,
  invoice?: Signed<Invoice>,
): Checks<Checked<Verified<Finality>>> {
  const read = finalityMessage.read(bytes);
  if (!read.ok) return read;
  const { message } = read.value;
  const issued = yield* issuedChecks(read.value, keySet, message.region, message.time, 'finality.signature');
  if (!issued.ok || invoice === undefined) return issued;
  const paid =
    sameBytes(message.invoice, referenceOf(invoice.id)) &&
    message.payee === invoice.message.payee &&
    message.amount === invoice.message.amount &&
    message.currency === invoice.message.currency;
  return paid ? issued : no('finality.wrong-payment');
}

/**
 * Whether a payment (id, 32 bytes) was settled under an epoch card: the card as issued, and the payment in its tree of claims.
 * Everybody who holds one card can be shown the same tree and no other, so an issuer cannot say under it to one that a
 * payment is settled and to another that it is not.
 * Refusals: message.*, issuer.unknown, epoch.signature, finality.not-under-card.
 */
export function* settledChecks(
  payment: Uint8Array,
  proof: { readonly card: Uint8Array; readonly inclusion: Inclusion },
  keySet: KeySet,
): Checks<Checked<Verified<Epoch>>> {
  const card = yield* epochChecks(proof.card, keySet);
  if (!card.ok) return card;
  const { claims } = card.value.message;
  return claims !== undefined && isIncluded(payment, proof.inclusion, claims) ? card : no('finality.not-under-card');
}
